/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/cpuid_answer.c vmm/partition/cpuid_override.c vmm/partition/cpuid_policy.c
 * vmm/partition/cpuid_leaf.c vmm/partition/processor_features.c */
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/partition/cpuid_answer.h"

static uint32_t mixer;

/* A processor that answers anything, but the same to the same question. */
static struct cpuid_result host(uint32_t leaf, uint32_t subleaf)
{
    uint32_t words[4], state = mixer ^ leaf * 0x9e3779b1u ^ subleaf * 0x85ebca6bu;
    for (unsigned i = 0; i < 4; i++) {
        state = (state ^ (state >> 15)) * 0x2c1b3c6du + i;
        state ^= state >> 12;
        words[i] = state;
    }
    if (leaf == 0 || leaf == 0x80000000u) {
        words[0] = leaf | 0x10 | (words[0] & 0xfu); /* beyond the highest leaf another would answer */
    }
    return (struct cpuid_result){words[0], words[1], words[2], words[3]};
}

static uint32_t take_leaf(struct tape *tape)
{
    static const uint32_t bases[] = {0, 0x40000000, 0x80000000, 0x50000000};
    uint32_t which = tape_choose(tape, 5);
    return which == 4 ? (uint32_t)tape_u64(tape) : bases[which] + tape_choose(tape, 40);
}

/* Whatever the lists say, a leaf beyond those that the guest reads has the data of the highest that it reads. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    mixer = (uint32_t)tape_u64(&tape);
    const struct cpuid_guest guest = {.vp_count = 1, .xcr0_supported = 7, .xcr0 = 1};
    WHV_X64_CPUID_RESULT2 list[4];
    uint32_t count = tape_choose(&tape, 5);
    for (uint32_t i = 0; i < count; i++) {
        list[i] =
            (WHV_X64_CPUID_RESULT2){.Function = take_leaf(&tape), .Output.Eax = take_leaf(&tape), .Mask.Eax = ~0u};
    }
    while (tape.left > 0) {
        uint32_t leaf = take_leaf(&tape), subleaf = tape_byte(&tape), shown, again;
        struct cpuid_result r = cpuid_answer(&guest, host, list, count, leaf, subleaf, &shown);
        if (shown != leaf) {
            CHECK(leaf > 1 && shown < 0x40000000);
            struct cpuid_result same = cpuid_answer(&guest, host, list, count, shown, subleaf, &again);
            CHECK(memcmp(&r, &same, sizeof(r)) == 0 && again == shown);
        }
    }
    return 0;
}
