/* SPDX-License-Identifier: MIT */
/* Patterns of the leak scenarios, and what must be found instead of them. */
#include "root/lib/format.h"
#include "tests/scenarios/leak.h"

#define XCR0_LEGACY 3ull
#define XCR0_AVX 4ull
#define XCR0_AVX512 0xe0ull
#define CPUID_1_XSAVE (1u << 26)
#define CPUID_D_1_XGETBV1 (1u << 2)
#define CPUID_80000001_EDX_RDTSCP (1u << 27)
#define MSR_TSC_AUX 0xc0000103u
#define MSR_PAT 0x277u
#define PAT_RESET 0x0007040600070406ull

#define FCW_RESET 0x40u
#define MXCSR_RESET 0x1f80u
#define FTW_AT 4u
#define FIP_AT 8u
#define MXCSR_AT 24u
#define MXCSR_MASK_AT 28u
#define ST_AT 32u
#define XMM_AT 160u
#define LEGACY_END 416u
#define XSTATE_BV 512u
#define DR6_FIXED 0xffff0ff0ull
#define DR7_FIXED 0x400ull
#define RSP_RESET 0x8000ull /* guest_enter_mode's */

/* How a MSR's pattern must look to be one that the processor takes. */
enum msr_kind { ANY, CANONICAL, LOW_32, TYPES };
static const struct {
    uint32_t msr;
    enum msr_kind kind;
} msrs[] = {
    {0xc0000081, ANY},       {0xc0000082, CANONICAL}, {0xc0000083, CANONICAL}, {0xc0000084, LOW_32},
    {0xc0000102, CANONICAL}, {0xc0000100, CANONICAL}, {0xc0000101, CANONICAL}, {0x174, LOW_32},
    {0x175, CANONICAL},      {0x176, CANONICAL},      {MSR_PAT, TYPES},        {MSR_TSC_AUX, LOW_32},
};
#define MSRS (sizeof(msrs) / sizeof(msrs[0]))
_Static_assert(MSRS <= LEAK_MSRS, "they have their places");

static uint64_t word(uint32_t seed, uint32_t n)
{
    return (0x0101010101010101ull * seed) ^ (0x9e3779b97f4a7c15ull * (n + 1));
}

static uint64_t canonical(uint32_t seed, uint32_t n)
{
    return (uint64_t)((int64_t)(word(seed, n) << 16) >> 16);
}

static uint64_t msr_pattern(uint32_t seed, uint32_t i)
{
    static const uint64_t types[4] = {0x0606060606060606, 0x0007040600070404, 0x0106040601060406, 0x0505050500000004};
    switch (msrs[i].kind) {
    case CANONICAL:
        return canonical(seed, i + 40);
    case LOW_32:
        return (uint32_t)word(seed, i + 40);
    case TYPES:
        return types[seed % 4];
    default:
        return word(seed, i + 40);
    }
}

static uint64_t xcr0_offered(void)
{
    if ((cpu_cpuid(1, 0).ecx & CPUID_1_XSAVE) == 0) {
        return 0;
    }
    return cpu_cpuid(0xd, 0).eax & (XCR0_LEGACY | XCR0_AVX | XCR0_AVX512);
}

static void set_features(struct leak_area *a)
{
    bool tsc_aux = (cpu_cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_RDTSCP) != 0;
    a->xcr0_wanted = xcr0_offered();
    if (a->xcr0_wanted != 0) {
        a->features = LEAK_XSAVE | ((a->xcr0_wanted & XCR0_AVX) != 0 ? LEAK_AVX : 0) |
                      ((a->xcr0_wanted & XCR0_AVX512) != 0 ? LEAK_AVX512 : 0) |
                      ((cpu_cpuid(0xd, 1).eax & CPUID_D_1_XGETBV1) != 0 ? LEAK_XGETBV1 : 0);
    }
    a->msr_count = tsc_aux ? MSRS : MSRS - 1; /* TSC_AUX is the last */
    for (uint32_t i = 0; i < MSRS; i++) {
        a->msr[i] = msrs[i].msr;
    }
}

static void put(uint8_t *image, uint32_t seed, uint32_t from, uint32_t size)
{
    for (uint32_t i = from; i < from + size; i++) {
        image[i] = (uint8_t)word(seed, i);
    }
}

static void image_patterns(uint8_t *image, uint32_t seed, uint64_t components)
{
    const uint16_t control = (uint16_t)(0x37f ^ (seed & 3) << 10);
    const uint16_t status = (uint16_t)((seed & 7) << 11); /* TOP; no exception waits */
    const uint64_t pointers[2] = {canonical(seed, 1) & 0x7fffffffffff, canonical(seed, 2) & 0x7fffffffffff};
    const uint32_t mxcsr = MXCSR_RESET ^ (seed & 0x3f) ^ (seed & 3) << 13;
    memset(image, 0, LEAK_IMAGE);
    memcpy(image, &control, sizeof(control));
    memcpy(image + 2, &status, sizeof(status));
    image[FTW_AT] = 0xff;
    memcpy(image + FIP_AT, pointers, sizeof(pointers));
    memcpy(image + MXCSR_AT, &mxcsr, sizeof(mxcsr));
    for (uint32_t i = 0; i < 8; i++) {
        put(image, seed, ST_AT + 16 * i, 10);
    }
    put(image, seed, XMM_AT, 256);
    for (uint32_t i = 2; i < 8; i++) {
        if ((components >> i & 1) != 0) {
            put(image, seed, cpu_cpuid(0xd, i).ebx, cpu_cpuid(0xd, i).eax);
        }
    }
    memcpy(image + XSTATE_BV, &components, sizeof(components));
}

void leak_patterns(struct leak_area *a, uint32_t seed)
{
    memset(a, 0, sizeof(*a));
    set_features(a);
    for (uint32_t i = 0; i < 16; i++) {
        a->gpr[i] = word(seed, i);
    }
    a->cr2 = word(seed, 16);
    a->cr8 = seed & 15;
    for (uint32_t i = 0; i < 4; i++) {
        a->dr[i] = (canonical(seed, 17 + i) & 0x7fffffffffff) | 0x400000000000; /* no code, no data is there */
    }
    a->dr6 = DR6_FIXED | (seed & 15);
    a->dr7 = DR7_FIXED | ((seed & 1) != 0 ? 0xff : 0); /* every other VP has its breakpoints on */
    for (uint32_t i = 0; i < MSRS; i++) {
        a->msr_value[i] = msr_pattern(seed, i);
    }
    image_patterns(a->image, seed, a->xcr0_wanted);
}

void leak_clear(struct leak_area *a)
{
    memset(a, 0xa5, sizeof(*a));
    a->features = 0;
    set_features(a);
    memset(a->image + XSTATE_BV, 0, 64); /* XSAVE leaves the header's other words */
}

/* `n`: which of several, in the message: "DR 2 of the root". */
static void expect(const char *whose, const char *what, uint32_t n, uint64_t expected, uint64_t came)
{
    static char text[80];
    if (expected != came) {
        (void)snprintf(text, sizeof(text), "%s %x of %s", what, n, whose);
        check_equal(text, expected, came);
    }
}

static void expect_bytes(const char *whose, const char *what, uint32_t n, const void *expected, const void *came,
                         uint32_t size)
{
    const uint8_t *e = expected, *c = came;
    for (uint32_t i = 0; i < size; i++) {
        expect(whose, what, n, e[i], c[i]);
    }
}

static void check_image(const struct leak_area *a, const struct leak_area *e, const char *whose)
{
    expect_bytes(whose, "x87 control", 0, e->image, a->image, MXCSR_AT);
    expect_bytes(whose, "MXCSR", 0, e->image + MXCSR_AT, a->image + MXCSR_AT, MXCSR_MASK_AT - MXCSR_AT);
    for (uint32_t i = 0; i < 8; i++) {
        expect_bytes(whose, "ST", i, e->image + ST_AT + 16 * i, a->image + ST_AT + 16 * i, 16);
    }
    expect_bytes(whose, "XSAVE component", 1, e->image + XMM_AT, a->image + XMM_AT, LEGACY_END - XMM_AT);
    for (uint32_t i = 2; i < 8; i++) {
        if ((e->xcr0_wanted >> i & 1) != 0) {
            uint32_t at = cpu_cpuid(0xd, i).ebx;
            expect_bytes(whose, "XSAVE component", i, e->image + at, a->image + at, cpu_cpuid(0xd, i).eax);
        }
    }
}

/* The registers by moves, which know nothing of components that are in use or not. */
static void check_vectors(const struct leak_area *a, const struct leak_area *e, const char *whose)
{
    uint32_t ymm = cpu_cpuid(0xd, 2).ebx, masks = cpu_cpuid(0xd, 5).ebx;
    uint32_t zmm = cpu_cpuid(0xd, 6).ebx, high = cpu_cpuid(0xd, 7).ebx;
    for (uint32_t i = 0; i < 16; i++) {
        expect_bytes(whose, "XMM", i, e->image + XMM_AT + 16 * i, a->vector[i], 16);
        if ((a->features & LEAK_AVX) != 0) {
            expect_bytes(whose, "YMM", i, e->image + ymm + 16 * i, a->vector[i] + 16, 16);
        }
        if ((a->features & LEAK_AVX512) != 0) {
            expect_bytes(whose, "ZMM", i, e->image + zmm + 32 * i, a->vector[i] + 32, 32);
            expect_bytes(whose, "ZMM", 16 + i, e->image + high + 64 * i, a->vector[16 + i], 64);
        }
    }
    if ((a->features & LEAK_AVX512) != 0) {
        expect_bytes(whose, "mask registers", 0, e->image + masks, a->mask, sizeof(a->mask));
    }
}

static void check_against(const struct leak_area *a, const struct leak_area *e, const char *whose)
{
    expect(whose, "CR", 2, e->cr2, a->cr2);
    expect(whose, "CR", 8, e->cr8, a->cr8);
    for (uint32_t i = 0; i < 4; i++) {
        expect(whose, "DR", i, e->dr[i], a->dr[i]);
    }
    expect(whose, "DR", 6, e->dr6, a->dr6);
    expect(whose, "DR", 7, e->dr7, a->dr7);
    for (uint32_t i = 0; i < a->msr_count; i++) {
        expect(whose, "MSR", a->msr[i], e->msr_value[i], a->msr_value[i]);
    }
    check_image(a, e, whose);
    check_vectors(a, e, whose);
}

void leak_check_general(const struct leak_area *a, const uint64_t expected[16], const char *whose)
{
    for (uint32_t i = 0; i < 16; i++) {
        expect(whose, "general register", i, expected[i], a->gpr[i]);
    }
}

void leak_check_state(const struct leak_area *a, uint32_t seed, const char *whose)
{
    static struct leak_area expected __attribute__((aligned(64)));
    leak_patterns(&expected, seed);
    check_against(a, &expected, whose);
}

/* SDM vol. 3A, table 10-1, column INIT. */
static void fresh(struct leak_area *e)
{
    const uint16_t control = FCW_RESET;
    const uint32_t mxcsr = MXCSR_RESET;
    memset(e, 0, sizeof(*e));
    set_features(e);
    e->gpr[2] = cpu_cpuid(1, 0).eax;
    e->gpr[4] = RSP_RESET;
    e->dr6 = DR6_FIXED;
    e->dr7 = DR7_FIXED;
    for (uint32_t i = 0; i < MSRS; i++) {
        e->msr_value[i] = msrs[i].kind == TYPES ? PAT_RESET : 0;
    }
    memcpy(e->image, &control, sizeof(control));
    memcpy(e->image + MXCSR_AT, &mxcsr, sizeof(mxcsr));
}

void leak_check_fresh(const struct leak_area *a)
{
    static struct leak_area expected __attribute__((aligned(64)));
    fresh(&expected);
    leak_check_general(a, expected.gpr, "a fresh VP");
    check_equal("RFLAGS of a fresh VP", 2, a->rflags & ~0x8d5ull);
    if ((a->features & LEAK_XSAVE) != 0) {
        check_equal("XCR0 of a fresh VP", 1, a->xcr0);
    }
    if ((a->features & LEAK_XGETBV1) != 0) {
        check_equal("components that a fresh VP has in use", 0, a->in_use & ~XCR0_LEGACY);
    }
    check_against(a, &expected, "a fresh VP");
}
