/* SPDX-License-Identifier: MIT */
/* The emulator's copy of the guest's registers. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define MOST_NAMES (EMULATOR_GPRS + EMULATOR_SEGMENTS + EMULATOR_OTHERS + 2u + WHB_COMPLETION_REGISTERS)

struct batch {
    WHV_REGISTER_NAME names[MOST_NAMES];
    WHV_REGISTER_VALUE values[MOST_NAMES];
    uint32_t count;
};

static void add(struct batch *b, unsigned name, WHV_REGISTER_VALUE value)
{
    b->names[b->count] = (WHV_REGISTER_NAME)name;
    b->values[b->count++] = value;
}

void emulator_begin(struct emulation *e)
{
    const WHV_X64_SEGMENT_REGISTER *cs = &e->vp->Cs;
    if (e->vp->ExecutionState.EferLma && cs->Long) {
        e->mode = EMULATOR_64_BIT;
    } else {
        e->mode = cs->Default ? EMULATOR_32_BIT : EMULATOR_16_BIT;
    }
    e->segment[EMULATOR_CS] = *cs;
    e->rip = e->vp->Rip;
    e->rflags = e->vp->Rflags;
}

/* Bit n: segment register n. In 64-bit mode the bases of FS and GS alone count. */
static unsigned segments_of(const struct emulation *e)
{
    const struct emulator_instruction *i = &e->insn;
    unsigned segments = 0;
    if (i->operation >= EMULATOR_MOVS && i->operation <= EMULATOR_OUTS) {
        segments |= 1u << i->segment | 1u << EMULATOR_ES;
    }
    if (i->operation >= EMULATOR_PUSH && i->operation <= EMULATOR_CALL_FAR) {
        segments |= 1u << EMULATOR_SS;
    }
    segments |= i->operation == EMULATOR_XLAT ? 1u << i->segment : 0;
    for (unsigned n = 0; n < i->operands; n++) {
        segments |= i->operand[n].kind == EMULATOR_MEMORY ? 1u << i->operand[n].segment : 0;
    }
    if (e->mode == EMULATOR_64_BIT) {
        segments &= 1u << EMULATOR_FS | 1u << EMULATOR_GS;
    }
    for (unsigned n = 0; n < i->operands; n++) { /* what a load leaves of the old value, or the value that is stored */
        segments |= i->operand[n].kind == EMULATOR_SEGMENT_REGISTER ? 1u << i->operand[n].number : 0;
    }
    segments |= i->operation == EMULATOR_LOAD_POINTER ? 1u << i->segment : 0;
    return segments & ~(1u << EMULATOR_CS); /* that one came with the exit */
}

static void name(struct batch *b, unsigned which)
{
    b->names[b->count++] = (WHV_REGISTER_NAME)which;
}

/* Vector and MMX registers, with what says whether they may be used. */
static void name_vectors(struct emulation *e, struct batch *b)
{
    for (unsigned n = 0; n < e->insn.operands; n++) {
        const struct emulator_operand *o = &e->insn.operand[n];
        if (o->kind == EMULATOR_VECTOR_REGISTER && !e->vector_read) {
            e->vector_number = o->number;
            e->vector_read = true;
            name(b, WHvX64RegisterXmm0 + e->vector_number);
        } else if (o->kind == EMULATOR_MMX_REGISTER) {
            e->mmx_read = true;
        }
    }
    for (unsigned n = 0; n < EMULATOR_MMX && e->mmx_read; n++) {
        name(b, WHvX64RegisterFpMmx0 + n);
    }
    if (e->mmx_read) {
        name(b, WHvX64RegisterFpControlStatus);
    }
    if (e->mmx_read || e->vector_read) {
        name(b, WHvX64RegisterCr0);
        name(b, WHvX64RegisterCr4);
    }
}

/* The general registers first. */
static void name_registers(struct emulation *e, struct batch *b)
{
    static const WHV_REGISTER_NAME general[EMULATOR_GPRS] = {
        WHvX64RegisterRax, WHvX64RegisterRcx, WHvX64RegisterRdx, WHvX64RegisterRbx,
        WHvX64RegisterRsp, WHvX64RegisterRbp, WHvX64RegisterRsi, WHvX64RegisterRdi,
        WHvX64RegisterR8,  WHvX64RegisterR9,  WHvX64RegisterR10, WHvX64RegisterR11,
        WHvX64RegisterR12, WHvX64RegisterR13, WHvX64RegisterR14, WHvX64RegisterR15,
    };
    __builtin_memcpy(b->names, general, sizeof(general));
    b->count = EMULATOR_GPRS;
    for (unsigned left = segments_of(e); left != 0; left &= left - 1) {
        name(b, WHvX64RegisterEs + (unsigned)__builtin_ctz(left));
    }
    name_vectors(e, b);
    memset(b->values, 0, b->count * sizeof(b->values[0]));
}

static void keep(struct emulation *e, unsigned which, const WHV_REGISTER_VALUE *value)
{
    if (which < WHvX64RegisterEs + EMULATOR_SEGMENTS) {
        e->segment[which - WHvX64RegisterEs] = value->Segment;
    } else if (which == WHvX64RegisterCr0) {
        e->cr0 = value->Reg64;
    } else if (which == WHvX64RegisterCr4) {
        e->cr4 = value->Reg64;
    } else if (which == WHvX64RegisterFpControlStatus) {
        e->fp_control = *value;
    } else if (which >= WHvX64RegisterFpMmx0) {
        e->mmx[(which - WHvX64RegisterFpMmx0) % EMULATOR_MMX] = *value;
    } else {
        e->vector = value->Reg128;
    }
}

bool emulator_get(struct emulation *e, const WHV_REGISTER_NAME *names, unsigned count, WHV_REGISTER_VALUE *values)
{
    if (FAILED(e->emulator->callbacks.WHvEmulatorGetVirtualProcessorRegisters(e->context, names, count, values))) {
        e->status.GetVirtualProcessorRegistersCallbackFailed = 1;
        return false;
    }
    return true;
}

bool emulator_get_one(struct emulation *e, unsigned name, WHV_REGISTER_VALUE *value)
{
    const WHV_REGISTER_NAME wanted = (WHV_REGISTER_NAME)name;
    memset(value, 0, sizeof(*value));
    return emulator_get(e, &wanted, 1, value);
}

bool emulator_load_registers(struct emulation *e)
{
    struct batch b;
    name_registers(e, &b);
    if (!emulator_get(e, b.names, b.count, b.values)) {
        return false;
    }
    for (unsigned n = 0; n < EMULATOR_GPRS; n++) {
        e->gpr[n] = b.values[n].Reg64;
    }
    for (unsigned i = EMULATOR_GPRS; i < b.count; i++) {
        keep(e, (unsigned)b.names[i], &b.values[i]);
    }
    return emulator_load_breakpoints(e);
}

void emulator_set_other(struct emulation *e, unsigned name, WHV_REGISTER_VALUE value)
{
    e->other_name[e->others] = (WHV_REGISTER_NAME)name;
    e->other[e->others++] = value;
}

static void add_changed(const struct emulation *e, struct batch *b)
{
    WHV_REGISTER_VALUE value = {0};
    for (unsigned left = e->gpr_changed; left != 0; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctz(left);
        value.Reg64 = e->gpr[n];
        add(b, WHvX64RegisterRax + n, value);
    }
    if (e->vector_changed) {
        value.Reg128 = e->vector;
        add(b, WHvX64RegisterXmm0 + e->vector_number, value);
    }
    for (unsigned n = 0; n < e->others; n++) {
        add(b, (unsigned)e->other_name[n], e->other[n]);
    }
}

static bool store(struct emulation *e, const struct batch *b)
{
    if (FAILED(e->emulator->callbacks.WHvEmulatorSetVirtualProcessorRegisters(e->context, b->names, b->count,
                                                                              b->values))) {
        e->status.SetVirtualProcessorRegistersCallbackFailed = 1;
        return false;
    }
    return true;
}

bool emulator_store_registers(struct emulation *e)
{
    struct batch b;
    if (!emulator_complete(e, b.names, b.values, &b.count)) {
        return false;
    }
    add_changed(e, &b);
    return store(e, &b);
}

bool emulator_store_fault(struct emulation *e, const WHV_X64_PENDING_EXCEPTION_EVENT *event)
{
    struct batch b;
    WHV_REGISTER_VALUE value = {0};
    b.count = 0;
    value.Reg64 = e->vp->Rflags | EMULATOR_RF;
    if (value.Reg64 != e->vp->Rflags) {
        add(&b, WHvX64RegisterRflags, value);
    }
    add_changed(e, &b);
    value = (WHV_REGISTER_VALUE){0};
    value.ExceptionEvent = *event;
    add(&b, WHvRegisterPendingEvent, value);
    return store(e, &b);
}

uint64_t emulator_gpr(const struct emulation *e, unsigned number, unsigned size)
{
    return e->gpr[number] & emulator_mask(size);
}

void emulator_set_gpr(struct emulation *e, unsigned number, unsigned size, uint64_t value)
{
    uint64_t mask = emulator_mask(size);
    if (size == 4) {
        e->gpr[number] = value & mask;
    } else {
        e->gpr[number] = (e->gpr[number] & ~mask) | (value & mask);
    }
    e->gpr_changed |= (uint16_t)(1u << number);
}

void emulator_set_rip(struct emulation *e, uint64_t rip)
{
    e->rip = rip & emulator_mask((unsigned)e->mode);
}
