/* SPDX-License-Identifier: MIT */
/* String instructions with their repetition, and ports. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define RAX 0u
#define RCX 1u
#define RDX 2u
#define RSI 6u
#define RDI 7u
/*
 * So many elements at once: a guest may ask for 2^64. It repeats the rest by itself, since RIP stays where it is, as
 * after an interrupt between two elements (SDM vol. 2B, REP).
 */
#define MOST_ELEMENTS 65536u

bool emulator_port(struct emulation *e, bool write, uint16_t port, unsigned size, uint32_t *data)
{
    WHV_EMULATOR_IO_ACCESS_INFO info = {0};
    uint32_t mask = (uint32_t)emulator_mask(size);
    info.Direction = write ? 1 : 0;
    info.Port = port;
    info.AccessSize = (uint16_t)size;
    info.Data = write ? *data & mask : 0;
    if (FAILED(e->emulator->callbacks.WHvEmulatorIoPortCallback(e->context, &info))) {
        e->status.IoPortCallbackFailed = 1;
        return false;
    }
    *data = write ? *data : info.Data & mask;
    emulator_watch_port(e, port, size);
    return true;
}

/* IN and OUT; one operand is the accumulator, the other DX or an immediate. */
bool emulator_execute_port(struct emulation *e)
{
    bool write = e->insn.operation == EMULATOR_OUT;
    const struct emulator_operand *accumulator = &e->insn.operand[write ? 1 : 0];
    uint64_t port, value;
    if (!emulator_read_operand(e, write ? 0 : 1, EMULATOR_READ, &port) ||
        !emulator_read_operand(e, write ? 1 : 0, EMULATOR_READ, &value)) {
        return false;
    }
    if (e->insn.operand[write ? 0 : 1].kind == EMULATOR_IMMEDIATE) {
        port &= 0xff;
    }
    uint32_t data = (uint32_t)value;
    if (!emulator_port(e, write, (uint16_t)port, accumulator->size, &data)) {
        return false;
    }
    if (!write) {
        emulator_set_gpr(e, RAX, accumulator->size, data);
    }
    return true;
}

static bool source(struct emulation *e, uint64_t *linear)
{
    const struct emulator_instruction *i = &e->insn;
    return emulator_linear(e, (enum emulator_segment)i->segment, emulator_gpr(e, RSI, i->address_size), i->size,
                           EMULATOR_READ, linear) &&
           emulator_prepare(e, *linear, i->size, EMULATOR_READ);
}

static bool target(struct emulation *e, enum emulator_access access, uint64_t *linear)
{
    const struct emulator_instruction *i = &e->insn;
    return emulator_linear(e, EMULATOR_ES, emulator_gpr(e, RDI, i->address_size), i->size, access, linear) &&
           emulator_prepare(e, *linear, i->size, access);
}

static void step(struct emulation *e, unsigned index_register)
{
    const struct emulator_instruction *i = &e->insn;
    uint64_t by = (e->rflags & EMULATOR_DF) != 0 ? 0 - (uint64_t)i->size : i->size;
    emulator_set_gpr(e, index_register, i->address_size, e->gpr[index_register] + by);
}

static bool element_movs(struct emulation *e)
{
    uint64_t from, to, value;
    unsigned size = e->insn.size;
    if (!source(e, &from) || !target(e, EMULATOR_WRITE, &to) || !emulator_read(e, from, &value, size) ||
        !emulator_write(e, to, &value, size)) {
        return false;
    }
    step(e, RSI);
    step(e, RDI);
    return true;
}

static bool element_cmps(struct emulation *e)
{
    uint64_t from, to, a = 0, b = 0;
    unsigned size = e->insn.size;
    if (!source(e, &from) || !target(e, EMULATOR_READ, &to) || !emulator_read(e, from, &a, size) ||
        !emulator_read(e, to, &b, size)) {
        return false;
    }
    emulator_calculate(EMULATOR_CMP, size, a, b, &e->rflags);
    step(e, RSI);
    step(e, RDI);
    return true;
}

static bool element_stos(struct emulation *e)
{
    uint64_t to;
    if (!target(e, EMULATOR_WRITE, &to) || !emulator_write(e, to, &e->gpr[RAX], e->insn.size)) {
        return false;
    }
    step(e, RDI);
    return true;
}

static bool element_lods(struct emulation *e)
{
    uint64_t from, value = 0;
    if (!source(e, &from) || !emulator_read(e, from, &value, e->insn.size)) {
        return false;
    }
    emulator_set_gpr(e, RAX, e->insn.size, value);
    step(e, RSI);
    return true;
}

static bool element_scas(struct emulation *e)
{
    uint64_t to, value = 0;
    if (!target(e, EMULATOR_READ, &to) || !emulator_read(e, to, &value, e->insn.size)) {
        return false;
    }
    emulator_calculate(EMULATOR_CMP, e->insn.size, e->gpr[RAX], value, &e->rflags);
    step(e, RDI);
    return true;
}

static bool element_ins(struct emulation *e)
{
    uint64_t to;
    uint32_t data = 0;
    if (!target(e, EMULATOR_WRITE, &to) || !emulator_port(e, false, (uint16_t)e->gpr[RDX], e->insn.size, &data) ||
        !emulator_write(e, to, &data, e->insn.size)) {
        return false;
    }
    step(e, RDI);
    return true;
}

static bool element_outs(struct emulation *e)
{
    uint64_t from;
    uint32_t data = 0;
    if (!source(e, &from) || !emulator_read(e, from, &data, e->insn.size) ||
        !emulator_port(e, true, (uint16_t)e->gpr[RDX], e->insn.size, &data)) {
        return false;
    }
    step(e, RSI);
    return true;
}

static bool element(struct emulation *e)
{
    switch ((enum emulator_operation)e->insn.operation) {
    case EMULATOR_MOVS:
        return element_movs(e);
    case EMULATOR_CMPS:
        return element_cmps(e);
    case EMULATOR_STOS:
        return element_stos(e);
    case EMULATOR_LODS:
        return element_lods(e);
    case EMULATOR_SCAS:
        return element_scas(e);
    case EMULATOR_INS:
        return element_ins(e);
    default:
        return element_outs(e);
    }
}

/* A comparison that ends the repetition. */
static bool ended_by_flag(const struct emulation *e)
{
    bool compares = e->insn.operation == EMULATOR_CMPS || e->insn.operation == EMULATOR_SCAS;
    bool zero = (e->rflags & EMULATOR_ZF) != 0;
    return compares && zero != (e->insn.repeat == EMULATOR_REPE);
}

static bool repeat(struct emulation *e, uint64_t next)
{
    unsigned size = e->insn.address_size, most = e->emulator->by_elements ? 1 : MOST_ELEMENTS;
    for (unsigned n = 0; emulator_gpr(e, RCX, size) != 0; n++) {
        if (n == most || (n != 0 && emulator_traps(e))) {
            e->goes_on = true;
            return true;
        }
        if (!element(e)) {
            return false;
        }
        emulator_set_gpr(e, RCX, size, e->gpr[RCX] - 1);
        if (ended_by_flag(e)) {
            break;
        }
    }
    emulator_set_rip(e, next);
    return true;
}

bool emulator_execute_string(struct emulation *e)
{
    uint64_t next = e->rip + e->insn.length;
    if (e->insn.repeat != EMULATOR_ONCE) {
        return repeat(e, next);
    }
    if (!element(e)) {
        return false;
    }
    emulator_set_rip(e, next);
    return true;
}
