/* SPDX-License-Identifier: MIT */
/* A guest's memory and registers at its start. */
#include "tests/attack/guests.h"

#define GDT_AT 0x7000u
#define IDT_AT 0x6000u
#define TSS_AT 0x7800u
#define STACK_AT 0x9000u

enum { CODE_32 = 0x08, DATA = 0x10, CODE_64 = 0x18, CODE_USER = 0x23, DATA_USER = 0x2b, TSS = 0x30, CODE_16 = 0x40 };

enum whb_status guest_set(struct guest *g, uint32_t name, uint64_t low, uint64_t high)
{
    const uint64_t value[2] = {low, high};
    memcpy(g->a->buffers, &name, sizeof(name));
    memcpy(g->a->buffers + ATTACK_BUFFER, value, sizeof(value));
    return attack_do(g->a, WHB_CALL_VP_SET_REGISTERS, g->partition, g->vp, (uintptr_t)g->a->buffers,
                     (uintptr_t)g->a->buffers + ATTACK_BUFFER, 1);
}

/* All in one call, later: a call for each would take longer than what the guest then does. */
static void must_set(struct guest *g, uint32_t name, uint64_t low, uint64_t high)
{
    const uint64_t value[2] = {low, high};
    uint32_t i = g->start_registers++;
    memcpy(g->a->buffers + i * sizeof(name), &name, sizeof(name));
    memcpy(g->a->buffers + ATTACK_BUFFER + i * sizeof(value), value, sizeof(value));
}

static void set_all(struct guest *g)
{
    enum whb_status status = attack_do(g->a, WHB_CALL_VP_SET_REGISTERS, g->partition, g->vp, (uintptr_t)g->a->buffers,
                                       (uintptr_t)g->a->buffers + ATTACK_BUFFER, g->start_registers);
    if (status != WHB_OK) {
        attack_fail(g->a, "setting the start registers", WHB_OK, status);
    }
}

static void set_segment(struct guest *g, uint32_t name, uint16_t selector, uint16_t attributes, uint64_t base,
                        uint32_t limit)
{
    must_set(g, name, base, limit | (uint64_t)selector << 32 | (uint64_t)attributes << 48);
}

static void put_qword(struct guest *g, uint64_t at, uint64_t value)
{
    memcpy(g->ram + at, &value, sizeof(value));
}

static void write_gdt(struct guest *g)
{
    const uint64_t gdt[] = {
        0,
        0x00cf9b000000ffff,
        0x00cf93000000ffff,
        0x00af9b000000ffff,
        g->mode == GUEST_LONG ? 0x00affb000000ffff : 0x00cffb000000ffff,
        0x00cff3000000ffff,
        0x0000890078000067,
        0,
        0x00009b000000ffff,
    };
    memcpy(g->ram + GDT_AT, gdt, sizeof(gdt));
    put_qword(g, TSS_AT + 4, STACK_AT); /* the stack of ring 0, 32-bit and 64-bit form */
}

/* Three in four lead into the code; the others are whatever. */
static void write_idt(struct guest *g)
{
    struct random *r = &g->a->random;
    uint64_t code = g->mode == GUEST_LONG ? CODE_64 : CODE_32;
    for (uint64_t vector = 0; vector < 64; vector++) {
        bool ends = g->apic && vector >= 32 && random_once_in(r, 2);
        uint64_t to = GUEST_CODE + (ends ? 0 : random_below(r, GUEST_CODE_SIZE));
        uint64_t type = random_once_in(r, 8) ? random_below(r, 256) : 0x8e + random_below(r, 2);
        uint64_t gate =
            random_once_in(r, 8) ? random_u64(r) : (to & 0xffff) | code << 16 | type << 40 | (to >> 16 & 0xffff) << 48;
        if (g->mode != GUEST_LONG && random_once_in(r, 16)) {
            gate = (uint64_t)TSS << 16 | 0x85ull << 40; /* a task gate */
        }
        uint64_t real = (to - GUEST_CODE) | (uint64_t)(GUEST_CODE >> 4) << 16;
        put_qword(g, IDT_AT + (g->mode == GUEST_LONG ? 16 : 8) * vector, gate);
        memcpy(g->ram + 4 * vector, &real, 4);
    }
}

/* The first 32 MiB and the local APIC's page onto themselves, some of it read-only. */
static void write_tables(struct guest *g)
{
    uint64_t pd = GUEST_TABLES + 0x2000, upper = g->mode == GUEST_LONG ? 7 : 1;
    put_qword(g, GUEST_TABLES, (GUEST_TABLES + 0x1000) | 7);
    put_qword(g, GUEST_TABLES + 0x1000, pd | upper);
    for (uint64_t i = 0; i < 16; i++) {
        put_qword(g, pd + 8 * i, i << 21 | (random_once_in(&g->a->random, 16) ? 0x85 : 0x87));
    }
    put_qword(g, GUEST_TABLES + 0x1018, (pd + 0x1000) | upper);
    put_qword(g, pd + 0x1000 + 8 * (GUEST_APIC >> 21 & 511), GUEST_APIC | 0x87);
}

static void start_real(struct guest *g)
{
    set_segment(g, WHvX64RegisterCs, GUEST_CODE >> 4, 0x9b, GUEST_CODE, 0xffff);
    must_set(g, WHvX64RegisterRip, 0, 0);
    must_set(g, WHvX64RegisterRsp, STACK_AT, 0);
}

static void start_paged(struct guest *g)
{
    must_set(g, WHvX64RegisterCr3, g->mode == GUEST_LONG ? GUEST_TABLES : GUEST_TABLES + 0x1000, 0);
    must_set(g, WHvX64RegisterCr4, 0x620, 0);
    if (g->mode == GUEST_LONG) {
        must_set(g, WHvX64RegisterEfer, 0x500 | random_below(&g->a->random, 2), 0);
    }
}

static void start_protected(struct guest *g)
{
    static const uint32_t data[] = {WHvX64RegisterDs, WHvX64RegisterEs, WHvX64RegisterSs, WHvX64RegisterFs,
                                    WHvX64RegisterGs};
    bool paged = g->mode != GUEST_PROTECTED, is_long = g->mode == GUEST_LONG;
    uint32_t ring = random_once_in(&g->a->random, 4) ? 3 : 0;
    uint16_t code = (uint16_t)(ring == 3 ? CODE_USER : is_long ? CODE_64 : CODE_32);
    if (paged) {
        start_paged(g);
    }
    must_set(g, WHvX64RegisterGdtr, (uint64_t)0x4f << 48, GDT_AT);
    must_set(g, WHvX64RegisterIdtr, (uint64_t)0x3ff << 48, IDT_AT);
    must_set(g, WHvX64RegisterCr0, paged ? 0x80000031 : 0x31, 0);
    set_segment(g, WHvX64RegisterCs, code, (uint16_t)((is_long ? 0xa09b : 0xc09b) | ring << 5), 0, 0xffffffff);
    for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        set_segment(g, data[i], (uint16_t)(ring == 3 ? DATA_USER : DATA), (uint16_t)(0xc093 | ring << 5), 0,
                    0xffffffff);
    }
    set_segment(g, WHvX64RegisterTr, TSS, 0x8b, TSS_AT, 0x67);
    must_set(g, WHvX64RegisterRsp, STACK_AT, 0);
    must_set(g, WHvX64RegisterRip, GUEST_CODE, 0);
    must_set(g, WHvX64RegisterRflags, ring == 3 && random_once_in(&g->a->random, 2) ? 0x3002 : 2, 0);
}

/* Mostly on, with a timer and a vector here and there; modes that the partition does not offer are refused. */
static void start_apic(struct guest *g)
{
    static const uint32_t bases[] = {0xd00, 0xd00, 0xc00, 0x900, 0x800, 0x100};
    static const uint32_t timers[] = {0x10000, 0x20, 0x31, 0x20031, 0x40033, 0x20007};
    struct random *r = &g->a->random;
    uint32_t base = PICK(r, bases);
    (void)guest_set(g, WHvX64RegisterApicBase, GUEST_APIC | (g->vp == 0 ? base : base & ~0x100u), 0);
    (void)guest_set(g, WHvX64RegisterApicSpurious, random_once_in(r, 8) ? random_below(r, 0x200) : 0x1ff, 0);
    if (random_once_in(r, 2)) {
        (void)guest_set(g, WHvX64RegisterApicLvtTimer, PICK(r, timers), 0);
        (void)guest_set(g, WHvX64RegisterApicInitCount, random_below(r, 0x4000), 0);
    }
    if (g->vp != 0 && !random_once_in(r, 8)) {
        (void)guest_set(g, WHvRegisterInternalActivityState, 0, 0); /* no more waiting for SIPI */
    }
}

void guest_write_memory(struct guest *g)
{
    guest_write_code(&g->a->random, g->ram + GUEST_CODE, GUEST_CODE_SIZE, g->mode, g->apic);
    write_gdt(g);
    write_idt(g);
    write_tables(g);
}

void guest_start(struct guest *g)
{
    if (g->apic) {
        start_apic(g);
    }
    g->start_registers = 0;
    if (g->mode == GUEST_REAL) {
        start_real(g);
    } else {
        start_protected(g);
    }
    if (g->apic && random_once_in(&g->a->random, 2)) {
        must_set(g, WHvX64RegisterRflags, 0x202, 0);
    }
    set_all(g);
}
