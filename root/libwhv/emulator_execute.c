/* SPDX-License-Identifier: MIT */
/* Moves, arithmetic and exchanges of general registers and memory. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define RAX 0u
#define RCX 1u
#define RDX 2u
#define RBX 3u

static uint64_t address_part(const struct emulation *e, uint8_t number)
{
    if (number == EMULATOR_NO_REGISTER) {
        return 0;
    }
    return number == EMULATOR_RIP ? e->rip + e->insn.length : e->gpr[number];
}

bool emulator_operand_address(struct emulation *e, const struct emulator_operand *o, int64_t extra, unsigned size,
                              enum emulator_access access, uint64_t *linear)
{
    uint64_t offset = address_part(e, o->base) + address_part(e, o->index) * o->scale + (uint64_t)o->displacement;
    offset = (offset + (uint64_t)extra) & emulator_mask(e->insn.address_size);
    return emulator_linear(e, (enum emulator_segment)o->segment, offset, size, access, linear);
}

bool emulator_prepare_operand(struct emulation *e, unsigned which, enum emulator_access access, uint64_t *linear)
{
    const struct emulator_operand *o = &e->insn.operand[which];
    return o->kind != EMULATOR_MEMORY || (emulator_operand_address(e, o, 0, o->size, access, linear) &&
                                          emulator_prepare(e, *linear, o->size, access));
}

/* A read prepares itself; what is written behind it must be possible before. */
static bool read_memory(struct emulation *e, unsigned which, enum emulator_access access, uint64_t *value)
{
    const struct emulator_operand *o = &e->insn.operand[which];
    uint64_t linear;
    *value = 0;
    return emulator_operand_address(e, o, 0, o->size, access, &linear) &&
           (access == EMULATOR_READ || emulator_prepare(e, linear, o->size, access)) &&
           emulator_read(e, linear, value, o->size);
}

bool emulator_read_operand(struct emulation *e, unsigned which, enum emulator_access access, uint64_t *value)
{
    const struct emulator_operand *o = &e->insn.operand[which];
    switch (o->kind) {
    case EMULATOR_REGISTER:
        *value = (e->gpr[o->number] >> (o->high ? 8 : 0)) & emulator_mask(o->size);
        return true;
    case EMULATOR_IMMEDIATE:
        *value = o->immediate;
        return true;
    case EMULATOR_SEGMENT_REGISTER:
        *value = e->segment[o->number].Selector;
        return true;
    case EMULATOR_MEMORY:
        if (o->size == 1 || o->size == 2 || o->size == 4 || o->size == 8) {
            return read_memory(e, which, access, value);
        }
        break;
    default:
        break;
    }
    e->status.InternalEmulationFailure = 1;
    return false;
}

bool emulator_write_operand(struct emulation *e, unsigned which, uint64_t value)
{
    const struct emulator_operand *o = &e->insn.operand[which];
    uint64_t linear;
    if (o->kind == EMULATOR_MEMORY) {
        return emulator_operand_address(e, o, 0, o->size, EMULATOR_WRITE, &linear) &&
               emulator_write(e, linear, &value, o->size);
    }
    if (o->high) {
        uint64_t rest = e->gpr[o->number] & ~0xff00ull;
        emulator_set_gpr(e, o->number, 8, rest | (value & 0xff) << 8);
    } else {
        emulator_set_gpr(e, o->number, o->size, value);
    }
    return true;
}

static uint64_t swap_bytes(uint64_t value, unsigned size)
{
    return __builtin_bswap64(value) >> (64 - 8 * size);
}

static bool move(struct emulation *e)
{
    uint64_t value;
    unsigned size = e->insn.operand[1].size;
    if (!emulator_read_operand(e, 1, EMULATOR_READ, &value)) {
        return false;
    }
    if (e->insn.operation == EMULATOR_MOVSX) {
        value = emulator_sign_extend(value, size);
    } else if (e->insn.operation == EMULATOR_MOVBE) {
        value = swap_bytes(value, size);
    }
    return emulator_write_operand(e, 0, value);
}

static bool arithmetic(struct emulation *e)
{
    enum emulator_operation operation = (enum emulator_operation)e->insn.operation;
    bool writes = operation != EMULATOR_CMP && operation != EMULATOR_TEST;
    uint64_t a, b = 1; /* a shift without second operand is by 1 */
    if (e->insn.operands > 1 && !emulator_read_operand(e, 1, EMULATOR_READ, &b)) {
        return false;
    }
    if (!emulator_read_operand(e, 0, writes ? EMULATOR_READ_WRITE : EMULATOR_READ, &a)) {
        return false;
    }
    a = emulator_calculate(operation, e->insn.size, a, b, &e->rflags);
    return !writes || emulator_write_operand(e, 0, a);
}

/* The register operand is written last: until then it may be part of the address. */
static bool write_both(struct emulation *e, uint64_t first, uint64_t second)
{
    if (e->insn.operand[1].kind == EMULATOR_MEMORY) {
        return emulator_write_operand(e, 1, second) && emulator_write_operand(e, 0, first);
    }
    if (e->insn.operand[0].kind == EMULATOR_MEMORY) {
        return emulator_write_operand(e, 0, first) && emulator_write_operand(e, 1, second);
    }
    return emulator_write_operand(e, 1, second) && emulator_write_operand(e, 0, first);
}

static bool exchange(struct emulation *e)
{
    uint64_t a, b;
    if (!emulator_read_operand(e, 0, EMULATOR_READ_WRITE, &a) ||
        !emulator_read_operand(e, 1, EMULATOR_READ_WRITE, &b)) {
        return false;
    }
    if (e->insn.operation == EMULATOR_XADD) {
        uint64_t sum = emulator_calculate(EMULATOR_ADD, e->insn.size, a, b, &e->rflags);
        return write_both(e, sum, a);
    }
    return write_both(e, b, a);
}

/* Memory is written in any case, with its old value if the comparison fails (SDM vol. 2A, CMPXCHG). */
static bool compare_exchange(struct emulation *e)
{
    uint64_t old, new;
    unsigned size = e->insn.size;
    if (!emulator_read_operand(e, 1, EMULATOR_READ, &new) || !emulator_read_operand(e, 0, EMULATOR_READ_WRITE, &old)) {
        return false;
    }
    emulator_calculate(EMULATOR_CMP, size, e->gpr[RAX], old, &e->rflags);
    bool equal = (e->rflags & EMULATOR_ZF) != 0;
    if (equal) {
        return emulator_write_operand(e, 0, new);
    }
    if (e->insn.operand[0].kind == EMULATOR_MEMORY && !emulator_write_operand(e, 0, old)) {
        return false;
    }
    emulator_set_gpr(e, RAX, size, old);
    return true;
}

/* CMPXCHG8B and CMPXCHG16B: RDX:RAX with memory, RCX:RBX into it. */
static bool compare_exchange_pair(struct emulation *e)
{
    const struct emulator_operand *o = &e->insn.operand[0];
    const unsigned half = o->size / 2u;
    uint64_t linear, old[2] = {0, 0};
    uint8_t data[16];
    if (!emulator_operand_address(e, o, 0, o->size, EMULATOR_READ_WRITE, &linear)) {
        return false;
    }
    if (half == 8 && linear % 16 != 0) {
        return emulator_fault(e, EXCEPTION_GP, 0, linear);
    }
    if (!emulator_prepare(e, linear, o->size, EMULATOR_READ_WRITE) || !emulator_read(e, linear, data, o->size)) {
        return false;
    }
    memcpy(&old[0], data, half);
    memcpy(&old[1], data + half, half);
    bool equal = old[0] == emulator_gpr(e, RAX, half) && old[1] == emulator_gpr(e, RDX, half);
    e->rflags = (e->rflags & ~(uint64_t)EMULATOR_ZF) | (equal ? EMULATOR_ZF : 0);
    if (equal) {
        memcpy(data, &e->gpr[RBX], half);
        memcpy(data + half, &e->gpr[RCX], half);
    } else {
        emulator_set_gpr(e, RAX, half, old[0]);
        emulator_set_gpr(e, RDX, half, old[1]);
    }
    return emulator_write(e, linear, data, o->size);
}

/* CMOVcc reads its source and, with 4 bytes, clears the upper half of its target also if the condition is false. */
static bool conditional(struct emulation *e)
{
    uint64_t old, value;
    bool holds = emulator_condition(e->insn.condition, e->rflags);
    if (e->insn.operation == EMULATOR_SETCC) {
        return emulator_write_operand(e, 0, holds ? 1 : 0);
    }
    if (!emulator_read_operand(e, 1, EMULATOR_READ, &value) || !emulator_read_operand(e, 0, EMULATOR_READ, &old)) {
        return false;
    }
    return emulator_write_operand(e, 0, holds ? value : old);
}

/* AL = [RBX + AL] (SDM vol. 2D, XLAT). */
static bool translate_byte(struct emulation *e)
{
    uint64_t linear, value = 0, offset = e->gpr[RBX] + (e->gpr[RAX] & 0xff);
    if (!emulator_linear(e, (enum emulator_segment)e->insn.segment, offset & emulator_mask(e->insn.address_size), 1,
                         EMULATOR_READ, &linear) ||
        !emulator_read(e, linear, &value, 1)) {
        return false;
    }
    emulator_set_gpr(e, RAX, 1, value);
    return true;
}

static bool unsupported(struct emulation *e)
{
    e->status.InternalEmulationFailure = 1;
    return false;
}

static bool execute_other(struct emulation *e)
{
    uint64_t linear;
    switch ((enum emulator_operation)e->insn.operation) {
    case EMULATOR_MOV_VECTOR:
    case EMULATOR_MOV_LOW:
    case EMULATOR_MOV_HIGH:
        return emulator_execute_vector(e);
    case EMULATOR_XLAT:
        return translate_byte(e);
    case EMULATOR_TOUCH:
        return emulator_prepare_operand(e, 0, EMULATOR_READ, &linear);
    case EMULATOR_SMSW:
    case EMULATOR_LMSW:
        return emulator_execute_machine_status(e);
    case EMULATOR_MOV_SEGMENT:
    case EMULATOR_LOAD_POINTER:
        return emulator_execute_segment(e);
    case EMULATOR_IN:
    case EMULATOR_OUT:
        return emulator_execute_port(e);
    case EMULATOR_UNSUPPORTED:
        return unsupported(e);
    default:
        return arithmetic(e);
    }
}

static bool execute_general(struct emulation *e)
{
    switch ((enum emulator_operation)e->insn.operation) {
    case EMULATOR_MOV:
    case EMULATOR_MOVZX:
    case EMULATOR_MOVSX:
    case EMULATOR_MOVBE:
        return move(e);
    case EMULATOR_BT:
    case EMULATOR_BTS:
    case EMULATOR_BTR:
    case EMULATOR_BTC:
        return emulator_execute_bit_test(e);
    case EMULATOR_XCHG:
    case EMULATOR_XADD:
        return exchange(e);
    case EMULATOR_CMPXCHG:
        return compare_exchange(e);
    case EMULATOR_CMPXCHG_PAIR:
        return compare_exchange_pair(e);
    case EMULATOR_SETCC:
    case EMULATOR_CMOVCC:
        return conditional(e);
    case EMULATOR_SHLD:
    case EMULATOR_SHRD:
        return emulator_execute_double_shift(e);
    case EMULATOR_MUL:
    case EMULATOR_IMUL:
        return emulator_execute_multiply(e);
    case EMULATOR_DIV:
    case EMULATOR_IDIV:
        return emulator_execute_divide(e);
    case EMULATOR_BSF ... EMULATOR_POPCNT:
        return emulator_execute_bit_scan(e);
    default:
        return execute_other(e);
    }
}

bool emulator_execute(struct emulation *e)
{
    enum emulator_operation operation = (enum emulator_operation)e->insn.operation;
    uint64_t next = e->rip + e->insn.length;
    if (operation >= EMULATOR_MOVS && operation <= EMULATOR_OUTS) {
        return emulator_execute_string(e);
    }
    if (operation >= EMULATOR_PUSH && operation <= EMULATOR_JMP_FAR) {
        return emulator_execute_stack(e);
    }
    if (!execute_general(e)) {
        return false;
    }
    emulator_set_rip(e, next);
    return true;
}
