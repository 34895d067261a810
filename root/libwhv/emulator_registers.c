/* SPDX-License-Identifier: MIT */
/* The emulator's copy of the guest's registers. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define MOST_NAMES (EMULATOR_GPRS + EMULATOR_SEGMENTS + 1u + WHB_COMPLETION_REGISTERS) /* one XMM register */

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
    if (i->operation >= EMULATOR_PUSH && i->operation <= EMULATOR_CALL) {
        segments |= 1u << EMULATOR_SS;
    }
    for (unsigned n = 0; n < i->operands; n++) {
        segments |= i->operand[n].kind == EMULATOR_MEMORY ? 1u << i->operand[n].segment : 0;
    }
    if (e->mode == EMULATOR_64_BIT) {
        segments &= 1u << EMULATOR_FS | 1u << EMULATOR_GS;
    }
    return segments & ~(1u << EMULATOR_CS); /* that one came with the exit */
}

static void name_registers(struct emulation *e, struct batch *b)
{
    const WHV_REGISTER_VALUE zero = {0};
    unsigned segments = segments_of(e);
    for (unsigned n = 0; n < EMULATOR_GPRS; n++) {
        add(b, WHvX64RegisterRax + n, zero);
    }
    for (unsigned n = 0; n < EMULATOR_SEGMENTS; n++) {
        if ((segments >> n & 1) != 0) {
            add(b, WHvX64RegisterEs + n, zero);
        }
    }
    for (unsigned n = 0; n < e->insn.operands; n++) {
        if (e->insn.operand[n].kind == EMULATOR_VECTOR_REGISTER && !e->vector_read) {
            e->vector_number = e->insn.operand[n].number;
            e->vector_read = true;
            add(b, WHvX64RegisterXmm0 + e->vector_number, zero);
        }
    }
}

bool emulator_load_registers(struct emulation *e)
{
    struct batch b;
    b.count = 0;
    name_registers(e, &b);
    if (FAILED(
            e->emulator->callbacks.WHvEmulatorGetVirtualProcessorRegisters(e->context, b.names, b.count, b.values))) {
        e->status.GetVirtualProcessorRegistersCallbackFailed = 1;
        return false;
    }
    for (unsigned i = 0; i < b.count; i++) {
        unsigned name = (unsigned)b.names[i];
        if (name < WHvX64RegisterRax + EMULATOR_GPRS) {
            e->gpr[name - WHvX64RegisterRax] = b.values[i].Reg64;
        } else if (name < WHvX64RegisterEs + EMULATOR_SEGMENTS) {
            e->segment[name - WHvX64RegisterEs] = b.values[i].Segment;
        } else {
            e->vector = b.values[i].Reg128;
        }
    }
    return emulator_load_breakpoints(e);
}

static void add_changed(const struct emulation *e, struct batch *b)
{
    WHV_REGISTER_VALUE value = {0};
    for (unsigned n = 0; n < EMULATOR_GPRS; n++) {
        if ((e->gpr_changed >> n & 1) != 0) {
            value.Reg64 = e->gpr[n];
            add(b, WHvX64RegisterRax + n, value);
        }
    }
    if (e->vector_changed) {
        value.Reg128 = e->vector;
        add(b, WHvX64RegisterXmm0 + e->vector_number, value);
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
