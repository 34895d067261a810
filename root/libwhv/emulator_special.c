/* SPDX-License-Identifier: MIT */
/* Bit tests, XMM moves, and what uses the stack or branches. */
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

/* A load clears the rest of the register. */
bool emulator_execute_vector(struct emulation *e)
{
    const struct emulator_operand *to = &e->insn.operand[0], *from = &e->insn.operand[1];
    bool load = from->kind == EMULATOR_MEMORY;
    const struct emulator_operand *memory = load ? from : to, *xmm = load ? to : from;
    enum emulator_access access = load ? EMULATOR_READ : EMULATOR_WRITE;
    uint64_t linear;
    if (memory->kind != EMULATOR_MEMORY || xmm->kind != EMULATOR_VECTOR_REGISTER || memory->size > 16) {
        e->status.InternalEmulationFailure = 1;
        return false;
    }
    if (!emulator_operand_address(e, memory, 0, memory->size, access, &linear)) {
        return false;
    }
    if (e->insn.aligned && linear % 16 != 0) {
        return emulator_fault(e, EXCEPTION_GP, 0, linear);
    }
    if (!load) {
        return emulator_write(e, linear, &e->vector, memory->size);
    }
    memset(&e->vector, 0, sizeof(e->vector));
    e->vector_changed = true;
    return emulator_read(e, linear, &e->vector, memory->size);
}

static unsigned stack_size(const struct emulation *e)
{
    if (e->mode == EMULATOR_64_BIT) {
        return 8;
    }
    return e->segment[EMULATOR_SS].Default ? 4 : 2;
}

static void move_stack(struct emulation *e, int64_t bytes)
{
    unsigned size = stack_size(e);
    uint64_t mask = emulator_mask(size), rsp = (e->gpr[EMULATOR_RSP] + (uint64_t)bytes) & mask;
    emulator_set_gpr(e, EMULATOR_RSP, size, rsp);
}

static bool push(struct emulation *e, uint64_t value, unsigned size)
{
    uint64_t linear, offset = (e->gpr[EMULATOR_RSP] - size) & emulator_mask(stack_size(e));
    if (!emulator_linear(e, EMULATOR_SS, offset, size, EMULATOR_WRITE, &linear) ||
        !emulator_write(e, linear, &value, size)) {
        return false;
    }
    move_stack(e, -(int64_t)size);
    return true;
}

/* The target's address counts with RSP as it is afterwards (SDM vol. 2B, POP). */
static bool pop(struct emulation *e)
{
    unsigned size = e->insn.size;
    uint64_t linear, value = 0, offset = emulator_gpr(e, EMULATOR_RSP, stack_size(e));
    if (!emulator_linear(e, EMULATOR_SS, offset, size, EMULATOR_READ, &linear) ||
        !emulator_read(e, linear, &value, size)) {
        return false;
    }
    move_stack(e, size);
    return emulator_write_operand(e, 0, value);
}

static bool prepare_push(struct emulation *e, unsigned size)
{
    uint64_t linear, offset = (e->gpr[EMULATOR_RSP] - size) & emulator_mask(stack_size(e));
    return emulator_linear(e, EMULATOR_SS, offset, size, EMULATOR_WRITE, &linear) &&
           emulator_prepare(e, linear, size, EMULATOR_WRITE);
}

static bool branch_target(struct emulation *e, uint64_t target)
{
    bool within = e->mode == EMULATOR_64_BIT ? emulator_canonical(e, target) : target <= e->segment[EMULATOR_CS].Limit;
    return within || emulator_fault(e, EXCEPTION_GP, 0, 0);
}

/* The stack is looked at before the operand is read, which may have an effect on a device. */
static bool push_operand(struct emulation *e)
{
    uint64_t value, linear, next = e->rip + e->insn.length;
    if (!emulator_prepare_operand(e, 0, EMULATOR_READ, &linear) || !prepare_push(e, e->insn.size) ||
        !emulator_read_operand(e, 0, EMULATOR_READ, &value)) {
        return false;
    }
    emulator_set_rip(e, next);
    return push(e, value, e->insn.size);
}

/* The target is checked before the stack (SDM vol. 2A, CALL), and known only once it is read. */
static bool branch(struct emulation *e)
{
    uint64_t target, linear, next = e->rip + e->insn.length;
    bool calls = e->insn.operation == EMULATOR_CALL;
    if (!emulator_prepare_operand(e, 0, EMULATOR_READ, &linear)) {
        return false;
    }
    bool pushable = !calls || prepare_push(e, e->insn.size);
    const struct emulator_exception of_stack = e->exception;
    e->exception.due = false;
    if (e->status.AsUINT32 != 0 || !emulator_read_operand(e, 0, EMULATOR_READ, &target) || !branch_target(e, target)) {
        return false;
    }
    if (!pushable) {
        e->exception = of_stack;
        return false;
    }
    emulator_set_rip(e, target);
    return !calls || push(e, next, e->insn.size);
}

bool emulator_execute_stack(struct emulation *e)
{
    uint64_t next = e->rip + e->insn.length;
    if (e->insn.operand[0].kind == EMULATOR_IMMEDIATE || e->insn.size < 2) {
        e->status.InternalEmulationFailure = 1;
        return false;
    }
    switch ((enum emulator_operation)e->insn.operation) {
    case EMULATOR_POP:
        if (!pop(e)) {
            return false;
        }
        emulator_set_rip(e, next);
        return true;
    case EMULATOR_PUSH:
        return push_operand(e);
    default:
        return branch(e);
    }
}
