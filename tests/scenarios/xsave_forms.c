/* SPDX-License-Identifier: MIT */
/* XSAVE state by WHP's functions: compacted when read, as clients that check XCOMP_BV want it, and set in both forms.
 */
#include "root/lib/cpu.h"
#include "root/lib/hypercall.h"
#include "tests/scenarios/scenario.h"

#define IMAGE 4096u
#define MXCSR_AT 24u
#define BV_AT 512u
#define COMP_AT 520u
#define FIRST_AT 576u
#define COMPACTED (1ull << 63)
#define STATE WHvVirtualProcessorStateTypeXsaveState
#define ALIGN64 2u

static uint8_t standard[IMAGE] __attribute__((aligned(64))), image[2 * IMAGE] __attribute__((aligned(64))),
    other[IMAGE] __attribute__((aligned(64)));

static uint64_t word(const uint8_t *bytes, uint32_t at)
{
    uint64_t value;
    memcpy(&value, bytes + at, sizeof(value));
    return value;
}

static void put_word(uint8_t *bytes, uint32_t at, uint64_t value)
{
    memcpy(bytes + at, &value, sizeof(value));
}

static uint64_t components(void)
{
    return cpu_cpuid(0xd, 0).eax | (uint64_t)cpu_cpuid(0xd, 0).edx << 32 | 3;
}

static enum whb_status by_call(enum whb_call call, struct guest *g, uint8_t *bytes)
{
    uint64_t size;
    return whb_call(call, whb_handle(g->partition), 0, STATE, (uintptr_t)bytes, IMAGE, &size);
}

/* A standard image in which every byte of every component of `present` counts. */
static void make_standard(uint8_t *bytes, uint64_t present, unsigned seed)
{
    memset(bytes, 0, IMAGE);
    put_word(bytes, 0, 0x37f);
    put_word(bytes, MXCSR_AT, 0x1f80);
    put_word(bytes, BV_AT, present);
    for (uint32_t i = 160; i < 416; i++) {
        bytes[i] = (present & 2) != 0 ? (uint8_t)(i * 3 + seed) : 0;
    }
    for (uint32_t i = 2; i < 63; i++) {
        const struct cpu_cpuid c = (present >> i & 1) != 0 ? cpu_cpuid(0xd, i) : (struct cpu_cpuid){0};
        for (uint32_t k = 0; k < c.eax; k++) {
            bytes[c.ebx + k] = (uint8_t)(k * 5 + i + seed);
        }
    }
}

/* As a client does it that has XCOMP_BV and CPUID alone: QEMU. Returns the end of the last component. */
static uint32_t expand(const uint8_t *compacted, uint8_t *bytes)
{
    uint64_t layout = word(compacted, COMP_AT) & ~COMPACTED, present = word(compacted, BV_AT);
    uint32_t at = FIRST_AT;
    memset(bytes, 0, IMAGE);
    memcpy(bytes, compacted, BV_AT);
    put_word(bytes, BV_AT, present);
    for (uint32_t i = 2; i < 63; i++) {
        if ((layout >> i & 1) == 0) {
            continue;
        }
        const struct cpu_cpuid c = cpu_cpuid(0xd, i);
        at = (c.ecx & ALIGN64) != 0 ? (at + 63) & ~63u : at;
        if ((present >> i & 1) != 0) {
            memcpy(bytes + c.ebx, compacted + at, c.eax);
        }
        at += c.eax;
    }
    return at;
}

static void read_compacted(void)
{
    struct guest g;
    UINT32 size = 0, written = 0;
    guest_create(&g, 1, 0);
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetVirtualProcessorXsaveState(g.partition, 0, NULL, 0, &size));
    for (uint64_t present = components(); present != 0; present &= present - 1) {
        make_standard(standard, present, (uint8_t)present);
        CHECK_EQ(WHB_OK, by_call(WHB_CALL_VP_STATE_SET, &g, standard));
        memset(image, 0xa5, sizeof(image));
        CHECK_EQ(S_OK, WHvGetVirtualProcessorXsaveState(g.partition, 0, image, size, &written));
        CHECK_EQ(size, written);
        CHECK_EQ(0xa5, image[size]);
        CHECK_EQ(COMPACTED | components(), word(image, COMP_AT));
        CHECK_EQ(size, expand(image, other));
        CHECK_EQ(0, memcmp(standard, other, IMAGE));
        CHECK_EQ(S_OK, WHvGetVirtualProcessorState(g.partition, 0, STATE, other, sizeof(other), &written));
        CHECK_EQ(size, written);
        CHECK_EQ(0, memcmp(image, other, size));
    }
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetVirtualProcessorXsaveState(g.partition, 0, other, size - 1, &written));
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetVirtualProcessorState(g.partition, 0, STATE, other, 0, &written));
    guest_destroy(&g);
}

static void set_both(void)
{
    struct guest g;
    UINT32 size = 0;
    guest_create(&g, 1, 0);
    make_standard(standard, components(), 7);
    CHECK_EQ(S_OK, WHvSetVirtualProcessorXsaveState(g.partition, 0, standard, IMAGE));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorXsaveState(g.partition, 0, image, sizeof(image), &size));
    make_standard(other, 3, 9);
    CHECK_EQ(S_OK, WHvSetVirtualProcessorState(g.partition, 0, STATE, other, FIRST_AT));
    CHECK_EQ(WHB_OK, by_call(WHB_CALL_VP_STATE_GET, &g, other));
    CHECK_EQ((uint8_t)(160 * 3 + 9), other[160]);
    /* What was read goes back, in a buffer of its size and in a larger one, and is the same. */
    CHECK_EQ(S_OK, WHvSetVirtualProcessorXsaveState(g.partition, 0, image, size));
    CHECK_EQ(WHB_OK, by_call(WHB_CALL_VP_STATE_GET, &g, other));
    CHECK_EQ(0, memcmp(standard, other, IMAGE));
    CHECK_EQ(S_OK, WHvSetVirtualProcessorState(g.partition, 0, STATE, image, sizeof(image)));
    CHECK_EQ(WHB_OK, by_call(WHB_CALL_VP_STATE_GET, &g, other));
    CHECK_EQ(0, memcmp(standard, other, IMAGE));
    guest_destroy(&g);
}

static void refuse(void)
{
    const uint64_t all = components(), none = 1ull << 62;
    const struct {
        uint64_t present, layout;
        uint32_t size;
    } rows[] = {
        {3, 3, IMAGE},                           /* XCOMP_BV without bit 63 */
        {3, COMPACTED | none | all, IMAGE},      /* a layout with what is not there */
        {3 | none, COMPACTED | all, IMAGE},      /* present, and not there */
        {3, COMPACTED | 1, IMAGE},               /* present, and not in the layout */
        {3 | COMPACTED, COMPACTED | all, IMAGE}, /* bit 63 of XSTATE_BV */
        {3 | none, 0, IMAGE},
        {3, COMPACTED | all, FIRST_AT - 1},
        {3, 0, 0},
    };
    struct guest g;
    UINT32 size = 0;
    guest_create(&g, 1, 0);
    make_standard(standard, all, 5);
    CHECK_EQ(S_OK, WHvSetVirtualProcessorXsaveState(g.partition, 0, standard, IMAGE));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorXsaveState(g.partition, 0, image, sizeof(image), &size));
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(other, 0, sizeof(other));
        put_word(other, BV_AT, rows[i].present);
        put_word(other, COMP_AT, rows[i].layout);
        CHECK_EQ(E_INVALIDARG, WHvSetVirtualProcessorXsaveState(g.partition, 0, other, rows[i].size));
        CHECK_EQ(E_INVALIDARG, WHvSetVirtualProcessorState(g.partition, 0, STATE, other, rows[i].size));
    }
    for (uint32_t at = COMP_AT + 8; at < FIRST_AT; at += 8) {
        put_word(image, at, 1);
        CHECK_EQ(E_INVALIDARG, WHvSetVirtualProcessorXsaveState(g.partition, 0, image, size));
        put_word(image, at, 0);
    }
    if (size > FIRST_AT) {
        CHECK_EQ(E_INVALIDARG, WHvSetVirtualProcessorXsaveState(g.partition, 0, image, size - 1));
    }
    image[MXCSR_AT + 3] = 0x80;
    CHECK_EQ(E_INVALIDARG, WHvSetVirtualProcessorXsaveState(g.partition, 0, image, size));
    CHECK_EQ(WHB_OK, by_call(WHB_CALL_VP_STATE_GET, &g, other));
    CHECK_EQ(0, memcmp(standard, other, IMAGE));
    guest_destroy(&g);
}

const struct scenario scenarios_xsave_forms[] = {
    {"xsave/read-compacted", 1, read_compacted},
    {"xsave/set-both-forms", 1, set_both},
    {"xsave/refused-forms", 1, refuse},
    {0},
};
