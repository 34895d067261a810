/* SPDX-License-Identifier: MIT */
/* PUSH and POP, near branches through memory. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

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

bool emulator_push(struct emulation *e, uint64_t value, unsigned size)
{
    uint64_t linear, offset = (e->gpr[EMULATOR_RSP] - size) & emulator_mask(stack_size(e));
    if (!emulator_linear(e, EMULATOR_SS, offset, size, EMULATOR_WRITE, &linear) ||
        !emulator_write(e, linear, &value, size)) {
        return false;
    }
    move_stack(e, -(int64_t)size);
    return true;
}

static bool read_top(struct emulation *e, uint64_t *value)
{
    uint64_t linear, offset = emulator_gpr(e, EMULATOR_RSP, stack_size(e));
    *value = 0;
    return emulator_linear(e, EMULATOR_SS, offset, e->insn.size, EMULATOR_READ, &linear) &&
           emulator_read(e, linear, value, e->insn.size);
}

/* The target's address counts with RSP as it is afterwards (SDM vol. 2B, POP). */
static bool pop(struct emulation *e)
{
    const struct emulator_operand *o = &e->insn.operand[0];
    uint64_t value;
    if (!read_top(e, &value)) {
        return false;
    }
    move_stack(e, e->insn.size);
    if (o->kind == EMULATOR_SEGMENT_REGISTER) {
        return emulator_load_segment(e, (enum emulator_segment)o->number, (uint16_t)value);
    }
    return emulator_write_operand(e, 0, value);
}

bool emulator_prepare_push(struct emulation *e, unsigned skip, unsigned size)
{
    uint64_t linear, offset = (e->gpr[EMULATOR_RSP] - skip - size) & emulator_mask(stack_size(e));
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
    if (!emulator_prepare_operand(e, 0, EMULATOR_READ, &linear) || !emulator_prepare_push(e, 0, e->insn.size) ||
        !emulator_read_operand(e, 0, EMULATOR_READ, &value)) {
        return false;
    }
    emulator_set_rip(e, next);
    return emulator_push(e, value, e->insn.size);
}

/* The target is checked before the stack (SDM vol. 2A, CALL), and known only once it is read. */
static bool branch(struct emulation *e)
{
    uint64_t target, linear, next = e->rip + e->insn.length;
    bool calls = e->insn.operation == EMULATOR_CALL;
    if (!emulator_prepare_operand(e, 0, EMULATOR_READ, &linear)) {
        return false;
    }
    bool pushable = !calls || emulator_prepare_push(e, 0, e->insn.size);
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
    return !calls || emulator_push(e, next, e->insn.size);
}

static bool return_near(struct emulation *e)
{
    uint64_t target;
    if (!read_top(e, &target) || !branch_target(e, target)) {
        return false;
    }
    move_stack(e, e->insn.size + (e->insn.operands != 0 ? (int64_t)(e->insn.operand[0].immediate & 0xffff) : 0));
    emulator_set_rip(e, target);
    return true;
}

bool emulator_execute_stack(struct emulation *e)
{
    uint64_t next = e->rip + e->insn.length;
    switch ((enum emulator_operation)e->insn.operation) {
    case EMULATOR_POP:
        if (!pop(e)) {
            return false;
        }
        emulator_set_rip(e, next);
        return true;
    case EMULATOR_PUSH:
        return push_operand(e);
    case EMULATOR_RET:
        return return_near(e);
    case EMULATOR_CALL_FAR:
    case EMULATOR_JMP_FAR:
        return emulator_branch_far(e);
    default:
        return branch(e);
    }
}
