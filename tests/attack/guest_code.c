/* SPDX-License-Identifier: MIT */
/* Random code, mostly of instructions that only CPL 0 may execute or that hypervisors see. */
#include "tests/attack/guests.h"

/* `given` bytes as they stand, then `open` bytes of any value. */
struct instruction {
    uint8_t given, open;
    uint8_t bytes[6];
};

static const struct instruction instructions[] = {
    /* control and debug registers */
    {3, 0, {0x0f, 0x22, 0xc0}},
    {3, 0, {0x0f, 0x22, 0xd0}},
    {3, 0, {0x0f, 0x22, 0xd8}},
    {3, 0, {0x0f, 0x22, 0xe0}},
    {4, 0, {0x44, 0x0f, 0x22, 0xc0}},
    {3, 0, {0x0f, 0x20, 0xc0}},
    {3, 0, {0x0f, 0x20, 0xd8}},
    {3, 0, {0x0f, 0x20, 0xe0}},
    {4, 0, {0x44, 0x0f, 0x20, 0xc0}},
    {2, 1, {0x0f, 0x22}},
    {2, 1, {0x0f, 0x20}},
    {2, 0, {0x0f, 0x06}},
    {3, 0, {0x0f, 0x01, 0xf0}},
    {3, 0, {0x0f, 0x01, 0xe0}},
    {2, 1, {0x0f, 0x23}},
    {2, 1, {0x0f, 0x21}},
    {3, 0, {0x0f, 0x23, 0xf8}},
    {3, 0, {0x0f, 0x23, 0xf0}},
    /* MSRs, CPUID, counters, XCR0 */
    {2, 0, {0x0f, 0x32}},
    {2, 0, {0x0f, 0x30}},
    {2, 0, {0x0f, 0x32}},
    {2, 0, {0x0f, 0x30}},
    {2, 0, {0x0f, 0xa2}},
    {2, 0, {0x0f, 0xa2}},
    {2, 0, {0x0f, 0x31}},
    {3, 0, {0x0f, 0x01, 0xf9}},
    {2, 0, {0x0f, 0x33}},
    {3, 0, {0x0f, 0x01, 0xd0}},
    {3, 0, {0x0f, 0x01, 0xd1}},
    /* ports */
    {1, 1, {0xe4}},
    {1, 1, {0xe5}},
    {1, 1, {0xe6}},
    {1, 1, {0xe7}},
    {1, 0, {0xec}},
    {1, 0, {0xed}},
    {1, 0, {0xee}},
    {1, 0, {0xef}},
    {1, 0, {0x6c}},
    {1, 0, {0x6d}},
    {1, 0, {0x6e}},
    {1, 0, {0x6f}},
    {2, 0, {0xf3, 0x6c}},
    {2, 0, {0xf3, 0x6f}},
    {3, 0, {0x67, 0xf3, 0x6e}},
    /* halting, interrupts, flags */
    {1, 0, {0xf4}},
    {1, 1, {0xcd}},
    {1, 0, {0xcc}},
    {1, 0, {0xce}},
    {1, 0, {0xf1}},
    {2, 0, {0x0f, 0x0b}},
    {1, 0, {0xcf}},
    {2, 0, {0x48, 0xcf}},
    {1, 0, {0x9c}},
    {1, 0, {0x9d}},
    {2, 0, {0x50, 0x9d}},
    {1, 0, {0xfb}},
    {1, 0, {0xfa}},
    {3, 0, {0xfb, 0x8e, 0xd0}},
    {2, 0, {0x8e, 0xd0}},
    {2, 0, {0xfb, 0xf4}},
    /* system tables and segments */
    {3, 0, {0x0f, 0x01, 0x10}},
    {3, 0, {0x0f, 0x01, 0x18}},
    {3, 0, {0x0f, 0x01, 0x00}},
    {3, 0, {0x0f, 0x01, 0x08}},
    {3, 0, {0x0f, 0x00, 0xd0}},
    {3, 0, {0x0f, 0x00, 0xd8}},
    {3, 0, {0x0f, 0x00, 0xc8}},
    {3, 0, {0x0f, 0x00, 0xe0}},
    {2, 0, {0x8e, 0xd8}},
    {2, 0, {0x8e, 0xc0}},
    {2, 0, {0x8e, 0xe0}},
    {1, 0, {0xcb}},
    {1, 6, {0xea}},
    {1, 4, {0x9a}},
    {2, 1, {0x0f, 0x02}},
    {3, 0, {0x0f, 0x01, 0xf8}},
    /* caches and translations */
    {3, 0, {0x0f, 0x01, 0x38}},
    {2, 0, {0x0f, 0x08}},
    {2, 0, {0x0f, 0x09}},
    {2, 1, {0x0f, 0xae}},
    {2, 1, {0x0f, 0xc7}},
    {4, 1, {0x66, 0x0f, 0x38, 0x82}},
    {4, 1, {0x66, 0x0f, 0x38, 0x80}},
    {4, 1, {0x66, 0x0f, 0x38, 0x81}},
    /* VMX, SMX, SMM, SGX, waiting, transactions */
    {3, 0, {0x0f, 0x01, 0xc1}},
    {3, 0, {0x0f, 0x01, 0xc2}},
    {3, 0, {0x0f, 0x01, 0xc3}},
    {3, 0, {0x0f, 0x01, 0xc4}},
    {3, 0, {0x0f, 0x01, 0xd4}},
    {4, 0, {0xf3, 0x0f, 0xc7, 0x30}},
    {4, 0, {0x66, 0x0f, 0xc7, 0x30}},
    {3, 0, {0x0f, 0xc7, 0x30}},
    {3, 0, {0x0f, 0xc7, 0x38}},
    {2, 1, {0x0f, 0x78}},
    {2, 1, {0x0f, 0x79}},
    {2, 0, {0x0f, 0x37}},
    {2, 0, {0x0f, 0xaa}},
    {3, 0, {0x0f, 0x01, 0xcf}},
    {3, 0, {0x0f, 0x01, 0xd7}},
    {3, 0, {0x0f, 0x01, 0xc8}},
    {3, 0, {0x0f, 0x01, 0xc9}},
    {3, 0, {0x0f, 0x01, 0xca}},
    {3, 0, {0x0f, 0x01, 0xcb}},
    {2, 4, {0xc7, 0xf8}},
    {2, 1, {0x0f, 0x01}},
    {2, 1, {0xf3, 0x90}},
    /* fast calls */
    {2, 0, {0x0f, 0x05}},
    {2, 0, {0x0f, 0x07}},
    {2, 0, {0x0f, 0x34}},
    {2, 0, {0x0f, 0x35}},
    {3, 0, {0x48, 0x0f, 0x07}},
    {3, 0, {0x48, 0x0f, 0x35}},
    /* extended state */
    {2, 0, {0xdb, 0xe3}},
    {3, 0, {0x0f, 0x57, 0xc0}},
    {3, 0, {0x0f, 0xae, 0x08}},
    {3, 0, {0x0f, 0xae, 0x20}},
    {3, 0, {0x0f, 0xae, 0x28}},
    {3, 0, {0x0f, 0xae, 0x10}},
    {1, 0, {0x9b}},
    {4, 0, {0xc5, 0xfc, 0x57, 0xc0}},
    /* memory, jumps, the stack */
    {1, 4, {0xa3}},
    {1, 4, {0xa1}},
    {2, 0, {0x89, 0x00}},
    {2, 0, {0x8b, 0x00}},
    {3, 0, {0xf0, 0xff, 0x00}},
    {1, 0, {0xa5}},
    {2, 0, {0xf3, 0xa4}},
    {1, 0, {0xc3}},
    {2, 0, {0xff, 0xe0}},
    {2, 0, {0xff, 0xd0}},
    {1, 1, {0xeb}},
    {1, 0, {0x50}},
    {1, 0, {0x58}},
    {1, 0, {0x5c}},
    {1, 0, {0x60}},
    {0, 6, {0}},
};

static const uint32_t values[] = {
    0,          1,          2,          0x10,       0x11,       0x31,       0x80000001, 0x80000011, 0x80000013,
    0x80050033, 0xe0000011, 0x60000010, 0x20,       0x2620,     0x220,      0x406e0,    0x2000,     0x100000,
    0x101000,   0x500,      0x100,      0xd01,      0x8,        0x18,       0x28,       0x7000,     0x10000,
    0x10800,    0x1ff000,   0x200000,   0x3f000000, 0xfee00000, 0xfffffff0, 0x7fffffff, 0xffffffff, 0x202,
    0x3302,     0x10202,    0x20002,    0x200002,   7,          3,          0xffff0ff0, 0x400,
};

/* MSR numbers and CPUID leaves. */
static const uint32_t numbers[] = {
    0x10,       0x1b,       0x3a,       0x48,       0x49,       0x8b,       0xfe,       0x10b,      0x174,
    0x175,      0x176,      0x179,      0x17a,      0x1a0,      0x1d9,      0x200,      0x20f,      0x250,
    0x277,      0x2ff,      0x38f,      0x480,      0x48b,      0x6e0,      0x800,      0x80b,      0x830,
    0x83f,      0xda0,      0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101,
    0xc0000102, 0xc0000103, 0x40000000, 0x40000001, 0x40000020, 0,          1,          7,          0xd,
    0x80000000, 0x80000001, 0x80000008, 0x12,       0x14,
};

struct writer {
    uint8_t *code;
    uint32_t at, size;
    bool real; /* 16-bit code */
};

static void put(struct writer *w, uint8_t byte)
{
    if (w->at < w->size) {
        w->code[w->at++] = byte;
    }
}

/* MOV of 32 bits to EAX, ECX or EDX; in 64-bit code it clears the upper half. */
static void put_mov(struct writer *w, uint8_t to, uint32_t value)
{
    if (w->real) {
        put(w, 0x66);
    }
    put(w, (uint8_t)(0xb8 + to));
    for (unsigned i = 0; i < 4; i++) {
        put(w, (uint8_t)(value >> 8 * i));
    }
}

/* Registers of the x2APIC, and others of time and interrupts. */
static uint32_t apic_msr(struct random *r)
{
    static const uint32_t favourites[] = {0x83f, 0x83f, 0x830, 0x830, 0x80b, 0x80b, 0x80b, 0x80b, 0x808, 0x80f, 0x828,
                                          0x832, 0x835, 0x836, 0x838, 0x839, 0x83e, 0x1b,  0x6e0, 0x3b,  0x10};
    return random_once_in(r, 4) ? 0x800 + random_below(r, random_once_in(r, 8) ? 0x100 : 0x40) : PICK(r, favourites);
}

/* For this register: what it may have, mostly, with vectors that there are not; now and then what is reserved. */
static uint32_t apic_value(struct random *r, uint32_t msr)
{
    static const uint32_t trapped_modes[4] = {0x200, 0x200, 0x500, 0x601}; /* SMI, INIT, SIPI: rare exits otherwise */
    uint32_t any = (uint32_t)(random_u64(r) >> 32);
    if (random_once_in(r, 12)) {
        return any >> random_below(r, 32);
    }
    switch (msr) {
    case 0x80b: /* EOI */
    case 0x828: /* error status */
        return random_once_in(r, 16) ? 1 : 0;
    case 0x80f: /* spurious vector */
        return any & 0x13f;
    case 0x830: /* vector, delivery and destination mode, level, trigger mode, shorthand */
        return random_once_in(r, 3) ? (any & 0x000cc800) | trapped_modes[any >> 30] : any & 0x000ccf3f;
    case 0x83f:
        return any & 0x3f;
    case 0x1b:
        return GUEST_APIC | (any & 0xd00);
    case 0x832 ... 0x837: /* vector, delivery mode, trigger mode, mask, timer mode */
        return any & 0x0007873f;
    default:
        return any & 0x3fff;
    }
}

static uint32_t apic_high(struct random *r, uint32_t msr)
{
    static const uint32_t destinations[] = {0, 0, 1, 1, 2, 0x10001, 0xff, 0x01000000, 0xffffffff};
    if (random_once_in(r, 16)) {
        return (uint32_t)random_u64(r);
    }
    return msr == 0x830 ? PICK(r, destinations) : 0;
}

/* One access to the local APIC, by its MSRs or its page. */
static void put_apic(struct random *r, struct writer *w)
{
    uint32_t msr = apic_msr(r), at = (msr & 0xff) * 16;
    put_mov(w, 0, apic_value(r, msr));
    if (msr >= 0x800 && random_once_in(r, 4)) {
        put_mov(w, 1, GUEST_APIC + (random_once_in(r, 16) ? random_below(r, 0x1000) : at));
        if (w->real) {
            put(w, 0x67);
            put(w, 0x66);
        }
        put(w, random_once_in(r, 4) ? 0x8b : 0x89);
        put(w, 0x01); /* [ECX] */
        return;
    }
    put_mov(w, 1, msr);
    put_mov(w, 2, apic_high(r, msr));
    put(w, 0x0f);
    put(w, random_once_in(r, 6) ? 0x32 : 0x30);
}

/* A handler that ends an interrupt. */
static void put_eoi(struct writer *w, enum guest_mode mode)
{
    put_mov(w, 0, 0);
    put_mov(w, 1, 0x80b);
    put_mov(w, 2, 0);
    put(w, 0x0f);
    put(w, 0x30);
    if (mode == GUEST_LONG) {
        put(w, 0x48);
    }
    put(w, 0xcf); /* IRET */
}

static void put_one(struct random *r, struct writer *w)
{
    const struct instruction *i = &PICK(r, instructions);
    if (random_once_in(r, 4)) {
        put_mov(w, 0, random_once_in(r, 8) ? (uint32_t)random_u64(r) : PICK(r, values));
    }
    if (random_once_in(r, 4)) {
        put_mov(w, 1, random_once_in(r, 16) ? (uint32_t)random_u64(r) : PICK(r, numbers));
    }
    if (random_once_in(r, 8)) {
        put_mov(w, 2, random_once_in(r, 2) ? 0 : (uint32_t)random_u64(r));
    }
    if (random_once_in(r, 24)) {
        static const uint8_t prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x48, 0x4f};
        put(w, PICK(r, prefixes));
    }
    for (unsigned b = 0; b < i->given; b++) {
        put(w, i->bytes[b]);
    }
    for (unsigned b = 0; b < i->open; b++) {
        put(w, (uint8_t)random_u64(r));
    }
}

void guest_write_code(struct random *r, uint8_t *code, uint32_t size, enum guest_mode mode, bool apic)
{
    struct writer w = {.code = code, .size = size, .real = mode == GUEST_REAL};
    if (apic) {
        put_eoi(&w, mode);
    }
    while (w.at < size) {
        apic &&random_once_in(r, 8) ? put_apic(r, &w) : put_one(r, &w);
    }
}
