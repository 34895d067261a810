/* SPDX-License-Identifier: MIT */
/* Moves between XMM or MMX registers and memory. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_state.h"

#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR4_OSFXSR (1u << 9)
#define FP_TOP_SHIFT 11u
#define FP_TOP (7u << FP_TOP_SHIFT)
#define FP_ALL_VALID 0xffu
#define FP_ONES 0xffffu /* sign and exponent of an MMX register that was written (SDM vol. 3A, 12.2) */

/* SDM vol. 3A, tables 12-1 and 13-1. */
static bool may_use(struct emulation *e)
{
    if ((e->cr0 & CR0_EM) != 0 || (e->vector_read && (e->cr4 & CR4_OSFXSR) == 0)) {
        return emulator_fault(e, EXCEPTION_UD, 0, 0);
    }
    return (e->cr0 & CR0_TS) == 0 || emulator_fault(e, EXCEPTION_NM, 0, 0);
}

/*
 * An MMX instruction leaves the x87 stack with its top at register 0 and nothing empty (SDM vol. 3A, 12.2). The image
 * of FXSAVE, in which WHP names these registers, counts from the top (vol. 1, table 10-2), so that all of it moves.
 */
static void end_mmx(struct emulation *e)
{
    WHV_REGISTER_VALUE moved[EMULATOR_MMX];
    unsigned top = (e->fp_control.FpControlStatus.FpStatus & FP_TOP) >> FP_TOP_SHIFT;
    for (unsigned n = 0; n < EMULATOR_MMX; n++) {
        moved[n] = e->mmx[(n - top) % EMULATOR_MMX];
    }
    memcpy(e->mmx, moved, sizeof(moved));
    e->fp_control.FpControlStatus.FpStatus &= (uint16_t)~FP_TOP;
    e->fp_control.FpControlStatus.FpTag = FP_ALL_VALID;
}

static void store_mmx(struct emulation *e)
{
    for (unsigned n = 0; n < EMULATOR_MMX; n++) {
        emulator_set_other(e, WHvX64RegisterFpMmx0 + n, e->mmx[n]);
    }
    emulator_set_other(e, WHvX64RegisterFpControlStatus, e->fp_control);
}

static bool move_mmx(struct emulation *e, unsigned number, unsigned size, uint64_t linear, bool load)
{
    uint64_t value = 0;
    end_mmx(e);
    if (load ? !emulator_read(e, linear, &value, size) : !emulator_write(e, linear, &e->mmx[number].Reg64, size)) {
        return false;
    }
    if (load) {
        e->mmx[number].Reg128.Low64 = value;
        e->mmx[number].Reg128.High64 = FP_ONES;
    }
    store_mmx(e);
    return true;
}

static bool move_xmm(struct emulation *e, unsigned size, uint64_t linear, bool load)
{
    uint8_t *part = (uint8_t *)&e->vector + (e->insn.operation == EMULATOR_MOV_HIGH ? 8 : 0);
    if (e->insn.aligned && linear % 16 != 0) {
        return emulator_fault(e, EXCEPTION_GP, 0, linear);
    }
    if (!load) {
        return emulator_write(e, linear, part, size);
    }
    if (e->insn.operation == EMULATOR_MOV_VECTOR) {
        memset(&e->vector, 0, sizeof(e->vector));
    }
    e->vector_changed = true;
    return emulator_read(e, linear, part, size);
}

bool emulator_execute_vector(struct emulation *e)
{
    const struct emulator_operand *to = &e->insn.operand[0], *from = &e->insn.operand[1];
    bool load = from->kind == EMULATOR_MEMORY;
    const struct emulator_operand *memory = load ? from : to, *r = load ? to : from;
    bool mmx = r->kind == EMULATOR_MMX_REGISTER;
    uint64_t linear;
    if (memory->kind != EMULATOR_MEMORY || (r->kind != EMULATOR_VECTOR_REGISTER && !mmx) ||
        memory->size > (mmx ? 8 : 16)) {
        e->status.InternalEmulationFailure = 1;
        return false;
    }
    if (!may_use(e) ||
        !emulator_operand_address(e, memory, 0, memory->size, load ? EMULATOR_READ : EMULATOR_WRITE, &linear)) {
        return false;
    }
    return mmx ? move_mmx(e, r->number, memory->size, linear, load) : move_xmm(e, memory->size, linear, load);
}
