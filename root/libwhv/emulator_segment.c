/* SPDX-License-Identifier: MIT */
/* What loads segment registers: MOV, POP, LDS and its like, far JMP and CALL to code segments. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define RFLAGS_VM (1u << 17)
#define SELECTOR_RPL 3u
#define SELECTOR_LDT 4u
#define SELECTOR_INDEX 0xfff8u
#define SELECTOR_ERROR 0xfffcu /* what an error code has of it (SDM vol. 3A, 6.13) */
#define DESCRIPTOR_SIZE 8u
#define TYPE_ACCESSED 1u
#define TYPE_READ_WRITE 2u
#define TYPE_CONFORMING 4u /* of code */
#define TYPE_CODE 8u
#define ACCESS_BYTE 5u /* of a descriptor: type, S, DPL, P */

struct descriptor {
    uint64_t linear;
    WHV_X64_SEGMENT_REGISTER value;
};

/* Real and virtual-8086 mode have no descriptors. */
static bool without_descriptors(const struct emulation *e)
{
    return !e->vp->ExecutionState.Cr0Pe || (e->rflags & RFLAGS_VM) != 0;
}

static bool selector_fault(struct emulation *e, enum emulator_vector vector, uint16_t selector)
{
    return emulator_fault(e, vector, selector & SELECTOR_ERROR, 0);
}

static bool find_table(struct emulation *e, uint16_t selector, uint64_t *base, uint32_t *limit)
{
    WHV_REGISTER_VALUE table;
    bool local = (selector & SELECTOR_LDT) != 0;
    if (!emulator_get_one(e, local ? WHvX64RegisterLdtr : WHvX64RegisterGdtr, &table)) {
        return false;
    }
    *base = local ? table.Segment.Base : table.Table.Base;
    *limit = local ? table.Segment.Limit : table.Table.Limit;
    return !local || table.Segment.Present || selector_fault(e, EXCEPTION_GP, selector);
}

/* SDM vol. 3A, 3.4.5. */
static bool read_descriptor(struct emulation *e, uint16_t selector, struct descriptor *d)
{
    uint64_t base = 0;
    uint32_t limit = 0, words[2] = {0, 0};
    memset(d, 0, sizeof(*d));
    if (!find_table(e, selector, &base, &limit)) {
        return false;
    }
    if ((selector & SELECTOR_INDEX) + DESCRIPTOR_SIZE - 1 > limit) {
        return selector_fault(e, EXCEPTION_GP, selector);
    }
    d->linear = base + (selector & SELECTOR_INDEX);
    if (!emulator_read_system(e, d->linear, words, sizeof(words))) {
        return false;
    }
    d->value.Selector = selector;
    d->value.Attributes = (uint16_t)(words[1] >> 8 & 0xf0ffu);
    d->value.Base = (words[0] >> 16) | (words[1] & 0xffu) << 16 | (words[1] & 0xff000000u);
    d->value.Limit = (words[0] & 0xffffu) | (words[1] & 0xf0000u);
    if (d->value.Granularity) {
        d->value.Limit = d->value.Limit << 12 | 0xfffu;
    }
    return true;
}

/* The processor sets the accessed bit when it loads a segment (SDM vol. 3A, 3.4.5.1). */
static bool set_accessed(struct emulation *e, struct descriptor *d)
{
    if ((d->value.SegmentType & TYPE_ACCESSED) != 0) {
        return true;
    }
    d->value.SegmentType |= TYPE_ACCESSED;
    uint8_t access = (uint8_t)d->value.Attributes;
    return emulator_write_system(e, d->linear + ACCESS_BYTE, &access, 1);
}

/* SDM vol. 2B, MOV: SS is of the current privilege and writable. */
static bool check_stack(struct emulation *e, uint16_t selector, const WHV_X64_SEGMENT_REGISTER *s)
{
    unsigned cpl = e->vp->ExecutionState.Cpl;
    bool writable = s->NonSystemSegment && (s->SegmentType & (TYPE_CODE | TYPE_READ_WRITE)) == TYPE_READ_WRITE;
    if (!writable || (selector & SELECTOR_RPL) != cpl || s->DescriptorPrivilegeLevel != cpl) {
        return selector_fault(e, EXCEPTION_GP, selector);
    }
    return s->Present || selector_fault(e, EXCEPTION_SS, selector);
}

static bool check_data(struct emulation *e, uint16_t selector, const WHV_X64_SEGMENT_REGISTER *s)
{
    unsigned cpl = e->vp->ExecutionState.Cpl, rpl = selector & SELECTOR_RPL, dpl = s->DescriptorPrivilegeLevel;
    bool code = (s->SegmentType & TYPE_CODE) != 0;
    bool readable = s->NonSystemSegment && (!code || (s->SegmentType & TYPE_READ_WRITE) != 0);
    bool for_all = code && (s->SegmentType & TYPE_CONFORMING) != 0;
    if (!readable || (!for_all && (rpl > dpl || cpl > dpl))) {
        return selector_fault(e, EXCEPTION_GP, selector);
    }
    return s->Present || selector_fault(e, EXCEPTION_NP, selector);
}

/* A null selector: not usable. For SS only in 64-bit mode, at the privilege of a CPL below 3. */
static bool load_null(struct emulation *e, enum emulator_segment segment, uint16_t selector,
                      WHV_X64_SEGMENT_REGISTER *s)
{
    unsigned cpl = e->vp->ExecutionState.Cpl;
    if (segment == EMULATOR_SS && (e->mode != EMULATOR_64_BIT || cpl == 3 || selector != cpl)) {
        return emulator_fault(e, EXCEPTION_GP, 0, 0);
    }
    memset(s, 0, sizeof(*s));
    s->Selector = selector;
    s->DescriptorPrivilegeLevel = segment == EMULATOR_SS ? cpl & 3u : 0;
    return true;
}

static bool find_segment(struct emulation *e, enum emulator_segment segment, uint16_t selector,
                         WHV_X64_SEGMENT_REGISTER *s)
{
    struct descriptor d;
    if (without_descriptors(e)) {
        *s = e->segment[segment];
        s->Selector = selector;
        s->Base = (uint64_t)selector << 4;
        return true;
    }
    if ((selector & SELECTOR_ERROR) == 0) {
        return load_null(e, segment, selector, s);
    }
    if (!read_descriptor(e, selector, &d) ||
        !(segment == EMULATOR_SS ? check_stack(e, selector, &d.value) : check_data(e, selector, &d.value)) ||
        !set_accessed(e, &d)) {
        return false;
    }
    *s = d.value;
    return true;
}

bool emulator_load_segment(struct emulation *e, enum emulator_segment segment, uint16_t selector)
{
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    if (segment == EMULATOR_CS) {
        return emulator_fault(e, EXCEPTION_UD, 0, 0);
    }
    if (!find_segment(e, segment, selector, &value.Segment)) {
        return false;
    }
    emulator_set_other(e, WHvX64RegisterEs + (unsigned)segment, value);
    /* MOV and POP to SS hold interrupts back for one instruction, LSS does not (SDM vol. 3A, 6.8.3). */
    e->begins_shadow |= segment == EMULATOR_SS && e->insn.operation != EMULATOR_LOAD_POINTER;
    return true;
}

/* The offset, then the selector behind it. */
static bool read_pointer(struct emulation *e, unsigned which, uint64_t *offset, uint16_t *selector)
{
    const struct emulator_operand *o = &e->insn.operand[which];
    uint64_t first, second;
    *offset = 0;
    return emulator_operand_address(e, o, 0, o->size, EMULATOR_READ, &first) &&
           emulator_operand_address(e, o, o->size, sizeof(*selector), EMULATOR_READ, &second) &&
           emulator_prepare(e, first, o->size, EMULATOR_READ) &&
           emulator_prepare(e, second, sizeof(*selector), EMULATOR_READ) && emulator_read(e, first, offset, o->size) &&
           emulator_read(e, second, selector, sizeof(*selector));
}

bool emulator_execute_segment(struct emulation *e)
{
    uint64_t value;
    uint16_t selector;
    if (e->insn.operation == EMULATOR_MOV_SEGMENT) {
        return emulator_read_operand(e, 1, EMULATOR_READ, &value) &&
               emulator_load_segment(e, (enum emulator_segment)e->insn.operand[0].number, (uint16_t)value);
    }
    return read_pointer(e, 1, &value, &selector) &&
           emulator_load_segment(e, (enum emulator_segment)e->insn.segment, selector) &&
           emulator_write_operand(e, 0, value);
}

/* SDM vol. 2A, JMP: the privilege of a code segment. Gates and TSSs are not for the emulator. */
static bool check_code(struct emulation *e, uint16_t selector, const WHV_X64_SEGMENT_REGISTER *s)
{
    unsigned cpl = e->vp->ExecutionState.Cpl, dpl = s->DescriptorPrivilegeLevel;
    bool code = s->NonSystemSegment && (s->SegmentType & TYPE_CODE) != 0;
    bool conforming = (s->SegmentType & TYPE_CONFORMING) != 0;
    if (!s->NonSystemSegment && s->SegmentType != 0) {
        e->status.InternalEmulationFailure = 1;
        return false;
    }
    if (!code || (conforming ? dpl > cpl : (selector & SELECTOR_RPL) > cpl || dpl != cpl) ||
        (e->vp->ExecutionState.EferLma && s->Long && s->Default)) {
        return selector_fault(e, EXCEPTION_GP, selector);
    }
    return s->Present || selector_fault(e, EXCEPTION_NP, selector);
}

static bool find_code(struct emulation *e, uint16_t selector, WHV_X64_SEGMENT_REGISTER *cs)
{
    struct descriptor d;
    unsigned cpl = e->vp->ExecutionState.Cpl;
    if (without_descriptors(e)) {
        *cs = e->segment[EMULATOR_CS];
        cs->Selector = selector;
        cs->Base = (uint64_t)selector << 4;
        return true;
    }
    if ((selector & SELECTOR_ERROR) == 0) {
        return emulator_fault(e, EXCEPTION_GP, 0, 0);
    }
    if (!read_descriptor(e, selector, &d) || !check_code(e, selector, &d.value) || !set_accessed(e, &d)) {
        return false;
    }
    *cs = d.value;
    cs->Selector = (uint16_t)((selector & ~SELECTOR_RPL) | cpl);
    return true;
}

static bool check_target(struct emulation *e, const WHV_X64_SEGMENT_REGISTER *cs, uint64_t offset)
{
    bool long_mode = e->vp->ExecutionState.EferLma && cs->Long;
    bool within = long_mode ? emulator_canonical(e, offset) : offset <= cs->Limit;
    return within || emulator_fault(e, EXCEPTION_GP, 0, 0);
}

bool emulator_branch_far(struct emulation *e)
{
    WHV_REGISTER_VALUE cs;
    uint64_t offset, next = e->rip + e->insn.length, old = e->segment[EMULATOR_CS].Selector;
    uint16_t selector = 0;
    unsigned size = e->insn.size;
    memset(&cs, 0, sizeof(cs));
    if (!read_pointer(e, 0, &offset, &selector) || !find_code(e, selector, &cs.Segment)) {
        return false;
    }
    if (e->insn.operation == EMULATOR_CALL_FAR &&
        (!emulator_prepare_push(e, 0, size) || !emulator_prepare_push(e, size, size))) {
        return false;
    }
    if (!check_target(e, &cs.Segment, offset)) {
        return false;
    }
    if (e->insn.operation == EMULATOR_CALL_FAR && (!emulator_push(e, old, size) || !emulator_push(e, next, size))) {
        return false;
    }
    e->rip = offset;
    emulator_set_other(e, WHvX64RegisterCs, cs);
    return true;
}
