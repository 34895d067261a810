/* SPDX-License-Identifier: MIT */
/* Bit tests, bit scans, double shifts; the machine status word. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

static uint64_t change_bit(enum emulator_operation operation, uint64_t value, uint64_t bit)
{
    switch (operation) {
    case EMULATOR_BTS:
        return value | bit;
    case EMULATOR_BTR:
        return value & ~bit;
    case EMULATOR_BTC:
        return value ^ bit;
    default:
        return value;
    }
}

/* A register's bit offset is signed and reaches memory beyond the operand (SDM vol. 2A, BT, and 3.1.1.9). */
bool emulator_execute_bit_test(struct emulation *e)
{
    const struct emulator_operand *o = &e->insn.operand[0];
    unsigned bits = 8u * o->size;
    bool writes = e->insn.operation != EMULATOR_BT, in_memory = o->kind == EMULATOR_MEMORY;
    uint64_t value = 0, offset, linear = 0;
    int64_t extra = 0;
    if (!emulator_read_operand(e, 1, EMULATOR_READ, &offset)) {
        return false;
    }
    if (in_memory && e->insn.operand[1].kind == EMULATOR_REGISTER) {
        int64_t distance = (int64_t)emulator_sign_extend(offset, o->size);
        extra = (distance >> __builtin_ctz(bits)) * o->size;
    }
    enum emulator_access access = writes ? EMULATOR_READ_WRITE : EMULATOR_READ;
    if (in_memory) {
        if (!emulator_operand_address(e, o, extra, o->size, access, &linear) ||
            !emulator_prepare(e, linear, o->size, access) || !emulator_read(e, linear, &value, o->size)) {
            return false;
        }
    } else if (!emulator_read_operand(e, 0, access, &value)) {
        return false;
    }
    uint64_t bit = 1ull << (offset & (bits - 1));
    e->rflags = (e->rflags & ~(uint64_t)EMULATOR_CF) | ((value & bit) != 0 ? EMULATOR_CF : 0);
    value = change_bit((enum emulator_operation)e->insn.operation, value, bit);
    if (!writes) {
        return true;
    }
    return in_memory ? emulator_write(e, linear, &value, o->size) : emulator_write_operand(e, 0, value);
}

bool emulator_execute_double_shift(struct emulation *e)
{
    uint64_t a, b, count;
    bool left = e->insn.operation == EMULATOR_SHLD;
    if (e->insn.operands != 3 || !emulator_read_operand(e, 2, EMULATOR_READ, &count) ||
        !emulator_read_operand(e, 1, EMULATOR_READ, &b) || !emulator_read_operand(e, 0, EMULATOR_READ_WRITE, &a)) {
        e->status.InternalEmulationFailure |= e->insn.operands != 3;
        return false;
    }
    return emulator_write_operand(e, 0, emulator_double_shift(left, e->insn.size, a, b, count, &e->rflags));
}

/* TZCNT and LZCNT of 0 give the number of bits; BSF and BSR leave the target then, as processors do. */
static bool scan(enum emulator_operation operation, unsigned bits, uint64_t value, uint64_t *result)
{
    unsigned lowest = value == 0 ? bits : (unsigned)__builtin_ctzll(value);
    unsigned highest = value == 0 ? bits : 63u - (unsigned)__builtin_clzll(value);
    switch (operation) {
    case EMULATOR_BSF:
        *result = lowest;
        return value != 0;
    case EMULATOR_BSR:
        *result = highest;
        return value != 0;
    case EMULATOR_TZCNT:
        *result = lowest;
        return true;
    case EMULATOR_LZCNT:
        *result = value == 0 ? bits : bits - 1 - highest;
        return true;
    default:
        *result = 0;
        for (; value != 0; value &= value - 1) {
            ++*result;
        }
        return true;
    }
}

/* Flags that are defined: ZF of the source for BSF, BSR and POPCNT; CF of the source, ZF of the result for the others.
 */
bool emulator_execute_bit_scan(struct emulation *e)
{
    enum emulator_operation operation = (enum emulator_operation)e->insn.operation;
    uint64_t value, result, changed = EMULATOR_ZF;
    if (!emulator_read_operand(e, 1, EMULATOR_READ, &value)) {
        return false;
    }
    bool found = scan(operation, 8u * e->insn.size, value, &result);
    uint64_t flags = value == 0 ? EMULATOR_ZF : 0;
    if (operation == EMULATOR_TZCNT || operation == EMULATOR_LZCNT) {
        changed |= EMULATOR_CF;
        flags = (value == 0 ? EMULATOR_CF : 0) | (result == 0 ? EMULATOR_ZF : 0);
    } else if (operation == EMULATOR_POPCNT) {
        changed |= EMULATOR_CF | EMULATOR_PF | EMULATOR_AF | EMULATOR_SF | EMULATOR_OF;
    }
    e->rflags = (e->rflags & ~changed) | flags;
    return !found || emulator_write_operand(e, 0, result);
}

/* SDM vol. 2A, LMSW: PE can be set so, not cleared. */
static bool load_machine_status(struct emulation *e)
{
    const uint64_t pe = 1, changeable = 0xf;
    WHV_REGISTER_VALUE cr0;
    uint64_t value;
    if (e->vp->ExecutionState.Cpl != 0) {
        return emulator_fault(e, EXCEPTION_GP, 0, 0);
    }
    if (!emulator_read_operand(e, 0, EMULATOR_READ, &value) || !emulator_get_one(e, WHvX64RegisterCr0, &cr0)) {
        return false;
    }
    cr0.Reg64 = (cr0.Reg64 & ~(changeable & ~pe)) | (value & changeable);
    emulator_set_other(e, WHvX64RegisterCr0, cr0);
    return true;
}

bool emulator_execute_machine_status(struct emulation *e)
{
    WHV_REGISTER_VALUE cr0;
    if (e->insn.operation == EMULATOR_LMSW) {
        return load_machine_status(e);
    }
    return emulator_get_one(e, WHvX64RegisterCr0, &cr0) && emulator_write_operand(e, 0, cr0.Reg64);
}
