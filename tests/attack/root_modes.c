/* SPDX-License-Identifier: MIT */
/* Excursions of a root CPU to protected, real and virtual-8086 mode: a few random instructions there, and back. */
#include "tests/attack/arena.h"
#include "tests/attack/root.h"

#define PAYLOAD_AT 0x700u /* in the page, as root_modes.S has it */
#define PAYLOAD_SIZE 0x100u
#define IVT_AT 0x800u
#define IDT_AT 0xc00u
#define IDT_GATES 64u
#define CODE_32 0x18u
#define GATE 0x8e00u
#define TSS_DESCRIPTOR_BUSY 0x200u
#define LOW_PAGES 8u

enum excursion { EXCURSION_PROTECTED, EXCURSION_REAL, EXCURSION_VM86, EXCURSIONS };

extern const uint8_t modes_begin[], modes_end[], modes_data[], modes_back16[], modes_back32[];
extern const uint16_t modes_bases[], modes_segments[];

static void add_at(uint8_t *page, uint16_t at, uint32_t value, uint32_t size)
{
    uint32_t old = 0;
    memcpy(&old, page + at, size);
    old += value;
    memcpy(page + at, &old, size);
}

static void fill_page(uint8_t *page)
{
    uint32_t base = (uint32_t)(uintptr_t)page, back32 = base + (uint32_t)(modes_back32 - modes_begin);
    uint32_t vector = (base >> 4) << 16 | (uint32_t)(modes_back16 - modes_begin);
    memcpy(page, modes_begin, (size_t)(modes_end - modes_begin));
    for (const uint16_t *at = modes_bases; *at != 0; at++) {
        add_at(page, *at, base, 4);
    }
    for (const uint16_t *at = modes_segments; *at != 0; at++) {
        add_at(page, *at, base >> 4, 2);
    }
    for (uint32_t i = 0; i < ROOT_PAGE / 4 / 4; i++) {
        memcpy(page + IVT_AT + i * 4, &vector, sizeof(vector));
    }
    for (uint32_t i = 0; i < IDT_GATES; i++) {
        uint64_t gate = (back32 & 0xffff) | CODE_32 << 16 | (uint64_t)GATE << 32 | (uint64_t)(back32 >> 16) << 48;
        memcpy(page + IDT_AT + i * 8, &gate, sizeof(gate));
    }
}

/* Below the page in which the root library starts CPUs. */
void modes_prepare(struct step_cpu *s, uint32_t cpu)
{
    uint64_t top = memory_low_page();
    s->modes =
        top > (LOW_PAGES + ROOT_MAX_CPUS) * ROOT_PAGE ? (uint8_t *)(uintptr_t)(top - (cpu + 1) * ROOT_PAGE) : NULL;
}

struct instruction {
    uint8_t count;
    uint8_t bytes[4];
};

/* Of EAX, ECX and EDX. None that ends elsewhere than where an exception or the next instruction is. */
static const struct instruction instructions[] = {
    {2, {0x0f, 0xa2}},
    {2, {0x0f, 0x30}},
    {2, {0x0f, 0x32}},
    {3, {0x0f, 0x22, 0xc0}},
    {3, {0x0f, 0x22, 0xe0}},
    {3, {0x0f, 0x22, 0xd0}},
    {3, {0x0f, 0x20, 0xc1}},
    {3, {0x0f, 0x20, 0xe1}},
    {2, {0x0f, 0x06}},
    {3, {0x0f, 0x01, 0xf0}},
    {2, {0x0f, 0x08}},
    {2, {0x0f, 0x09}},
    {3, {0x0f, 0x01, 0xc1}},
    {3, {0x0f, 0x01, 0xc2}},
    {3, {0x0f, 0x01, 0xd1}},
    {3, {0x0f, 0x23, 0xc0}},
    {3, {0x0f, 0x23, 0xf8}},
    {3, {0x0f, 0x21, 0xf9}},
    {3, {0x0f, 0xc7, 0x30}},
    {4, {0x66, 0x0f, 0xc7, 0x30}},
    {3, {0x0f, 0x78, 0xc1}},
    {2, {0x0f, 0x37}},
    {2, {0x0f, 0xaa}},
    {3, {0x0f, 0x00, 0xd0}},
    {3, {0x0f, 0x00, 0xd8}},
    {2, {0x0f, 0x31}},
    {2, {0x0f, 0x33}},
    {2, {0x0f, 0x0b}},
    {1, {0xcc}},
    {1, {0xf1}},
    {2, {0xcd, 0x20}},
    {2, {0xcd, 0x13}},
    {1, {0xfb}},
    {2, {0xe4, 0x80}},
    {2, {0x8a, 0x08}}, /* MOV CL, [EAX] or [BX+SI] */
    {3, {0x0f, 0x01, 0x38}},
};

struct writer {
    uint8_t *at;
    bool is16;
};

static void put(struct writer *w, const void *bytes, uint32_t count)
{
    memcpy(w->at, bytes, count);
    w->at += count;
}

static void put_mov(struct writer *w, uint8_t to, uint32_t value)
{
    const uint8_t code[] = {0x66, (uint8_t)(0xb8 + to)};
    put(w, code + (w->is16 ? 0 : 1), w->is16 ? 2 : 1);
    put(w, &value, sizeof(value));
}

/* Registers that the way back does not put right are left alone. */
static uint32_t any_msr(struct random *r)
{
    static const uint32_t msrs[] = {0x1b,  0x3a,  0x174, 0x175,      0x176,      0x480,
                                    0x570, 0x600, 0xda0, 0xc0000080, 0xc0000081, 0xc0000082};
    return PICK(r, msrs);
}

/*
 * With another CR0.PE or PG the next exception would find gates of another format, which is the end of the root: EAX,
 * which alone goes to CR0, keeps them.
 */
static uint32_t any_eax(struct random *r, enum excursion where)
{
    static const uint32_t values[] = {0x60000010, 0x10, 0x30, 0x80000030, 0xe0000030, 0x620, 0x2620, 0x400, 0};
    uint32_t value = random_once_in(r, 2) ? PICK(r, values) : (uint32_t)random_u64(r);
    if (random_once_in(r, 4)) {
        value = (uint32_t)arena.hypervisor + random_below(r, 0x10000);
    }
    value &= 0x7fffffff;
    return where == EXCURSION_REAL ? value & ~1u : value | 1u;
}

static void put_payload(struct random *r, struct writer *w, enum excursion where)
{
    bool wrote_control = false;
    for (uint32_t i = 1 + random_below(r, 3); i > 0;) {
        const struct instruction *in = &PICK(r, instructions);
        bool control = (in->bytes[1] == 0x22 && in->bytes[2] != 0xd0) || in->bytes[1] == 0x30;
        if (control && wrote_control) {
            continue; /* the two could agree on page tables that are none */
        }
        wrote_control |= control;
        put_mov(w, 0, any_eax(r, where));
        put_mov(w, 1, any_msr(r));
        put_mov(w, 2, random_once_in(r, 2) ? 0 : (uint32_t)random_u64(r));
        put(w, in->bytes, in->count);
        i--;
    }
}

static void put_return(struct writer *w, const uint8_t *page)
{
    static const uint8_t jump = 0xe9;
    put(w, &jump, 1);
    if (w->is16) {
        uint16_t to = (uint16_t)((modes_back16 - modes_begin) - (w->at + 2 - page));
        put(w, &to, sizeof(to));
    } else {
        uint32_t to = (uint32_t)((modes_back32 - modes_begin) - (w->at + 4 - page));
        put(w, &to, sizeof(to));
    }
}

/* An NMI, or INIT from the first CPU, would find nobody at home. */
void step_modes(struct step_cpu *s)
{
    struct random *r = &s->a->random;
    enum excursion where = (enum excursion)random_below(r, EXCURSIONS);
    const uint32_t data[2] = {where, 0x20002u | (random_once_in(r, 2) ? 0x3000u : 0)};
    if (s->modes == NULL) {
        return;
    }
    step_lock();
    fill_page(s->modes);
    memcpy(s->modes + (modes_data - modes_begin), data, sizeof(data));
    struct writer w = {.at = s->modes + PAYLOAD_AT, .is16 = where != EXCURSION_PROTECTED};
    put_payload(r, &w, where);
    put_return(&w, s->modes);
    s->rflags = 2;
    s->code = (uintptr_t)s->modes;
    s->registers[STEP_RDI] = (uintptr_t)s->modes;
    step_run(s);
    trap_init_cpu(s->a->cpu);
    step_unlock();
}
