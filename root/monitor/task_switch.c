/* SPDX-License-Identifier: MIT */
#include "root/monitor/task_switch.h"

#include "root/lib/string.h"

#define CR0_TS (1ull << 3)
#define CR0_PG (1ull << 31)
#define FLAGS_FIXED 2u
#define FLAGS_NT (1u << 14)
#define FLAGS_VM (1u << 17)
#define DR7_LOCAL 0x155ull /* L0 to L3, LE */
#define TYPE_BUSY 2u
#define TYPE_32 8u
#define TSS32_SIZE 104u
#define TSS16_SIZE 44u
#define VECTOR_TS 10u
#define VECTOR_NP 11u
#define VECTOR_SS 12u
#define VECTOR_GP 13u
#define VECTOR_PF 14u
#define ATTRIBUTES_VM86 0xf3u
#define ATTRIBUTE_PRESENT 0x80u
#define ATTRIBUTE_ACCESSED 1u

struct tss32 {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, gpr[8], segment[6], ldt;
    uint16_t trap, io_map;
};
_Static_assert(sizeof(struct tss32) == TSS32_SIZE, "SDM vol. 3A, figure 8-2");

struct tss16 {
    uint16_t link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, gpr[8], segment[4], ldt;
};
_Static_assert(sizeof(struct tss16) == TSS16_SIZE, "SDM vol. 3A, figure 8-10");

struct task {
    struct task_registers *r;
    const struct task_event *event;
    const struct task_memory *memory;
    struct task_fault *fault;
};

static bool raise(struct task *t, uint8_t vector, uint32_t error)
{
    *t->fault = (struct task_fault){.raised = true, .vector = vector, .error = error};
    return false;
}

static bool read(struct task *t, uint64_t linear, void *to, uint32_t size)
{
    uint32_t error = 0;
    if (t->memory->read(t->memory->context, (uint32_t)linear, to, size, &error)) {
        return true;
    }
    (void)raise(t, VECTOR_PF, error);
    t->fault->is_page_fault = true;
    t->fault->address = (uint32_t)linear;
    return false;
}

static bool write(struct task *t, uint64_t linear, const void *from, uint32_t size)
{
    uint32_t error = 0;
    if (t->memory->write(t->memory->context, (uint32_t)linear, from, size, &error)) {
        return true;
    }
    (void)raise(t, VECTOR_PF, error);
    t->fault->is_page_fault = true;
    t->fault->address = (uint32_t)linear;
    return false;
}

static WHV_X64_SEGMENT_REGISTER unpack(uint16_t selector, uint64_t d)
{
    WHV_X64_SEGMENT_REGISTER s;
    memset(&s, 0, sizeof(s));
    s.Selector = selector;
    s.Base = (uint32_t)((d >> 16 & 0xffffff) | (d >> 56 & 0xff) << 24);
    s.Limit = (uint32_t)((d & 0xffff) | (d >> 32 & 0xf0000));
    s.Attributes = (uint16_t)(d >> 40 & 0xf0ff);
    if (s.Granularity) {
        s.Limit = s.Limit << 12 | 0xfff;
    }
    return s;
}

static uint32_t selector_error(const struct task *t, uint16_t selector)
{
    return (selector & 0xfffcu) | (t->event->external ? 1u : 0);
}

/* The descriptor and where it is. A selector beyond its table: `vector` with the selector. */
static bool find(struct task *t, uint16_t selector, uint8_t vector, uint64_t *at, uint64_t *descriptor)
{
    bool local = (selector & 4u) != 0;
    uint64_t base = local ? t->r->ldtr.Base : t->r->gdt_base;
    uint32_t limit = local ? t->r->ldtr.Limit : t->r->gdt_limit;
    if ((local && !t->r->ldtr.Present) || (selector | 7u) > limit) {
        return raise(t, vector, selector_error(t, selector));
    }
    *at = base + (selector & 0xfff8u);
    return read(t, *at, descriptor, sizeof(*descriptor));
}

/* The old task's state into its TSS, of which only the dynamic fields are written (8.2.1). */
static bool save(struct task *t, bool is_32, uint32_t flags)
{
    const struct task_registers *r = t->r;
    if (is_32) {
        struct tss32 s;
        if (!read(t, r->tr.Base, &s, sizeof(s))) {
            return false;
        }
        s.eip = t->event->next_eip;
        s.eflags = flags;
        for (unsigned i = 0; i < 8; i++) {
            s.gpr[i] = r->gpr[i];
        }
        for (unsigned i = 0; i < TASK_SEGMENTS; i++) {
            s.segment[i] = r->segment[i].Selector;
        }
        return write(t, r->tr.Base + 32, &s.eip, 64); /* EIP to GS */
    }
    struct tss16 s;
    if (!read(t, r->tr.Base, &s, sizeof(s))) {
        return false;
    }
    s.ip = (uint16_t)t->event->next_eip;
    s.flags = (uint16_t)flags;
    for (unsigned i = 0; i < 8; i++) {
        s.gpr[i] = (uint16_t)r->gpr[i];
    }
    for (unsigned i = 0; i < 4; i++) {
        s.segment[i] = r->segment[i].Selector;
    }
    return write(t, r->tr.Base + 14, &s.ip, 28);
}

/* A 16-bit TSS in the form of a 32-bit one. */
static bool load(struct task *t, const WHV_X64_SEGMENT_REGISTER *tss, struct tss32 *s)
{
    memset(s, 0, sizeof(*s));
    if ((tss->Attributes & TYPE_32) != 0) {
        return read(t, tss->Base, s, sizeof(*s));
    }
    struct tss16 n;
    if (!read(t, tss->Base, &n, sizeof(n))) {
        return false;
    }
    s->link = n.link;
    s->eip = n.ip;
    s->eflags = n.flags;
    s->ldt = n.ldt;
    s->cr3 = (uint32_t)t->r->cr3;
    for (unsigned i = 0; i < 8; i++) {
        s->gpr[i] = n.gpr[i] | 0xffff0000u;
    }
    for (unsigned i = 0; i < 4; i++) {
        s->segment[i] = n.segment[i];
    }
    return true;
}

static bool load_ldt(struct task *t, uint16_t selector)
{
    uint64_t at, d;
    memset(&t->r->ldtr, 0, sizeof(t->r->ldtr));
    t->r->ldtr.Selector = selector;
    if ((selector & 0xfffcu) == 0) {
        return true;
    }
    if ((selector & 4u) != 0) {
        return raise(t, VECTOR_TS, selector_error(t, selector));
    }
    if (!find(t, selector, VECTOR_TS, &at, &d)) {
        return false;
    }
    WHV_X64_SEGMENT_REGISTER s = unpack(selector, d);
    if (s.NonSystemSegment || s.SegmentType != 2 || !s.Present) {
        return raise(t, VECTOR_TS, selector_error(t, selector));
    }
    t->r->ldtr = s;
    return true;
}

/* Type and privilege of a segment for one of the registers (SDM vol. 3A, table 8-1). */
static bool is_fit(unsigned which, const WHV_X64_SEGMENT_REGISTER *s, unsigned cpl)
{
    unsigned rpl = s->Selector & 3u, type = s->SegmentType, dpl = s->DescriptorPrivilegeLevel;
    bool code = (type & 8u) != 0, conforming = code && (type & 4u) != 0;
    if (!s->NonSystemSegment) {
        return false;
    }
    if (which == TASK_CS) {
        return code && (conforming ? dpl <= rpl : dpl == rpl);
    }
    if (which == TASK_SS) {
        return !code && (type & 2u) != 0 && dpl == cpl && rpl == cpl;
    }
    return (!code || (type & 2u) != 0) && (conforming || (dpl >= cpl && dpl >= rpl));
}

static bool load_segment(struct task *t, unsigned which, uint16_t selector, unsigned cpl)
{
    uint64_t at, d;
    if ((selector & 0xfffcu) == 0) {
        if (which == TASK_CS || which == TASK_SS) {
            return raise(t, VECTOR_TS, selector_error(t, selector));
        }
        memset(&t->r->segment[which], 0, sizeof(t->r->segment[which]));
        t->r->segment[which].Selector = selector;
        return true;
    }
    if (!find(t, selector, VECTOR_TS, &at, &d)) {
        return false;
    }
    WHV_X64_SEGMENT_REGISTER s = unpack(selector, d);
    if (!is_fit(which, &s, cpl)) {
        return raise(t, VECTOR_TS, selector_error(t, selector));
    }
    if (!s.Present) {
        return raise(t, which == TASK_SS ? VECTOR_SS : VECTOR_NP, selector_error(t, selector));
    }
    if ((s.Attributes & ATTRIBUTE_ACCESSED) == 0) {
        uint8_t type = (uint8_t)(s.Attributes | ATTRIBUTE_ACCESSED);
        s.Attributes |= ATTRIBUTE_ACCESSED;
        if (!write(t, at + 5, &type, 1)) {
            return false;
        }
    }
    t->r->segment[which] = s;
    return true;
}

static bool load_segments(struct task *t, const struct tss32 *s)
{
    static const unsigned order[] = {TASK_CS, TASK_SS, TASK_DS, TASK_ES, TASK_FS, TASK_GS};
    if ((s->eflags & FLAGS_VM) != 0) {
        for (unsigned i = 0; i < TASK_SEGMENTS; i++) {
            WHV_X64_SEGMENT_REGISTER *v = &t->r->segment[i];
            memset(v, 0, sizeof(*v));
            v->Selector = (uint16_t)s->segment[i];
            v->Base = (uint64_t)v->Selector << 4;
            v->Limit = 0xffff;
            v->Attributes = ATTRIBUTES_VM86;
        }
        return true;
    }
    unsigned cpl = s->segment[TASK_CS] & 3u;
    for (unsigned i = 0; i < TASK_SEGMENTS; i++) {
        if (order[i] != TASK_CS && order[i] != TASK_SS) { /* null until its turn, should one before it fault */
            memset(&t->r->segment[order[i]], 0, sizeof(t->r->segment[0]));
            t->r->segment[order[i]].Selector = (uint16_t)s->segment[order[i]];
        }
    }
    for (unsigned i = 0; i < TASK_SEGMENTS; i++) {
        if (!load_segment(t, order[i], (uint16_t)s->segment[order[i]], cpl)) {
            return false;
        }
    }
    return true;
}

static bool push_error(struct task *t, bool is_32)
{
    const WHV_X64_SEGMENT_REGISTER *ss = &t->r->segment[TASK_SS];
    uint32_t size = is_32 ? 4 : 2, mask = ss->Default ? 0xffffffffu : 0xffffu;
    uint32_t at = (t->r->gpr[4] - size) & mask, last = at + size - 1;
    bool down = (ss->SegmentType & 4u) != 0;
    bool inside = down ? at > ss->Limit && last <= mask : last >= at && last <= ss->Limit;
    if (!inside) {
        return raise(t, VECTOR_SS, t->event->external ? 1 : 0);
    }
    if (!write(t, ss->Base + at, &t->event->error, size)) {
        return false;
    }
    t->r->gpr[4] = (t->r->gpr[4] & ~mask) | at;
    return true;
}

/* All that is written before the new task counts: it is touched first, so that what follows cannot fail. */
static bool leave_old(struct task *t, uint64_t new_at, const WHV_X64_SEGMENT_REGISTER *tss, uint64_t *descriptor)
{
    enum task_source source = t->event->source;
    uint64_t old_at, old;
    uint16_t link = t->r->tr.Selector;
    uint32_t flags = t->r->eflags;
    bool nests = source == TASK_CALL || source == TASK_GATE;
    if (!find(t, t->r->tr.Selector, VECTOR_TS, &old_at, &old) || !write(t, old_at, &old, 8) ||
        !write(t, new_at, descriptor, 8)) {
        return false;
    }
    if (source == TASK_IRET) {
        flags &= ~FLAGS_NT;
    }
    if (!save(t, (t->r->tr.Attributes & TYPE_32) != 0, flags) || (nests && !write(t, tss->Base, &link, 2))) {
        return false;
    }
    if (!nests) {
        old &= ~((uint64_t)TYPE_BUSY << 40);
        (void)write(t, old_at, &old, 8);
    }
    if (source != TASK_IRET) {
        *descriptor |= (uint64_t)TYPE_BUSY << 40;
        (void)write(t, new_at, descriptor, 8);
    }
    return true;
}

static bool enter_new(struct task *t, const struct tss32 *s, bool is_32)
{
    struct task_registers *r = t->r;
    bool nests = t->event->source == TASK_CALL || t->event->source == TASK_GATE;
    r->cr0 |= CR0_TS;
    r->dr7 &= ~DR7_LOCAL;
    if (is_32 && (r->cr0 & CR0_PG) != 0) {
        r->cr3 = s->cr3;
        t->memory->set_cr3(t->memory->context, s->cr3);
    }
    r->eip = s->eip;
    r->eflags = (s->eflags & 0x3f7fd7u) | FLAGS_FIXED | (nests ? FLAGS_NT : 0);
    for (unsigned i = 0; i < 8; i++) {
        r->gpr[i] = s->gpr[i];
    }
    if (!load_ldt(t, (uint16_t)s->ldt) || !load_segments(t, s) || (t->event->has_error && !push_error(t, is_32))) {
        return false;
    }
    return r->eip <= r->segment[TASK_CS].Limit || raise(t, VECTOR_GP, t->event->external ? 1 : 0);
}

bool task_switch(struct task_registers *r, const struct task_event *event, const struct task_memory *memory,
                 struct task_fault *fault, bool *trap)
{
    struct task t = {r, event, memory, fault};
    struct tss32 s;
    uint64_t at, descriptor;
    *fault = (struct task_fault){0};
    *trap = false;
    if (!find(&t, event->selector & 0xfffbu, event->source == TASK_IRET ? VECTOR_TS : VECTOR_GP, &at, &descriptor)) {
        return false;
    }
    WHV_X64_SEGMENT_REGISTER tss = unpack(event->selector, descriptor);
    bool is_32 = (tss.Attributes & TYPE_32) != 0;
    if (tss.Limit + 1 < (is_32 ? TSS32_SIZE : TSS16_SIZE)) {
        return raise(&t, VECTOR_TS, selector_error(&t, event->selector));
    }
    if (!load(&t, &tss, &s) || !leave_old(&t, at, &tss, &descriptor)) {
        return false;
    }
    r->tr = unpack(event->selector, descriptor);
    *trap = is_32 && (s.trap & 1u) != 0;
    (void)enter_new(&t, &s, is_32);
    return true;
}
