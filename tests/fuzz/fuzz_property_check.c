/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/property_check.c vmm/partition/processor_features.c vmm/partition/cpuid_override.c
 * vmm/partition/msr_actions.c vmm/partition/msr_policy.c */
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/partition/cpuid_override.h"
#include "vmm/partition/property_check.h"

static uint8_t value[4096];

static uint64_t fill(struct tape *tape)
{
    uint64_t size = tape_choose(tape, 2) != 0 ? tape_byte(tape) : tape_u64(tape) % sizeof(value);
    for (uint64_t i = 0; i < size && tape->left > 0; i++) {
        value[i] = tape_byte(tape);
    }
    return size;
}

/* What is taken stays within what the machine offers. */
static void check_taken(const struct property_info *info, const struct machine_offer *offer, uint64_t size)
{
    uint64_t n = 0;
    memcpy(&n, value, info->size < 8 ? info->size : 8);
    CHECK(info->kind != PROPERTY_READ_ONLY);
    CHECK(info->kind != PROPERTY_DEFAULT || n == 0);
    CHECK(info->kind == PROPERTY_LIST ? size <= (uint64_t)info->most * info->size : size >= info->size);
    CHECK(info->code != WHvPartitionPropertyCodeExtendedVmExits || (n & ~offer->extended_exits) == 0);
    CHECK(info->code != WHvPartitionPropertyCodeProcessorFeatures || (n & ~offer->features.set[0]) == 0);
    CHECK(info->code != WHvPartitionPropertyCodeProcessorClFlushSize || (n >= 3 && n <= offer->clflush_size));
    CHECK(info->code != WHvPartitionPropertyCodeProcessorCount || (n >= 1 && n <= WHB_MAX_VPS));
}

static void check_property(struct tape *tape)
{
    const struct machine_offer offer = {
        .features = {{tape_u64(tape), tape_u64(tape), tape_u64(tape)}},
        .extended_exits = property_exits_offered(tape_choose(tape, 2) != 0),
        .clock_hz = tape_byte(tape),
        .address_width = tape_byte(tape),
        .clflush_size = (uint8_t)tape_choose(tape, 8),
    };
    uint64_t code = tape_choose(tape, 2) * 0x1000u + tape_choose(tape, 20);
    const struct property_info *info = property_find(tape_choose(tape, 16) == 0 ? tape_u64(tape) : code);
    bool set_up = tape_choose(tape, 2) != 0;
    uint64_t size = fill(tape);
    if (info != NULL && property_check(info, &offer, set_up, value, size) == WHB_OK) {
        CHECK(!set_up || info->changeable);
        check_taken(info, &offer, size);
    }
}

/* What is hidden is not found any more; nothing is shown that was not. */
static void check_features(struct tape *tape)
{
    const struct processor_features hidden = {{tape_u64(tape), tape_u64(tape), tape_u64(tape)}};
    uint32_t leaf = 1, subleaf = 0;
    (void)processor_features_leaf(tape_choose(tape, 8), &leaf, &subleaf);
    struct cpuid_result r = {(uint32_t)tape_u64(tape), (uint32_t)tape_u64(tape), (uint32_t)tape_u64(tape), 0};
    const struct cpuid_result before = r;
    struct processor_features found = {{0, 0, 0}};
    processor_features_hide(&hidden, leaf, subleaf, &r);
    processor_features_collect(&found, leaf, subleaf, &r);
    for (unsigned i = 0; i < FEATURE_SETS; i++) {
        CHECK((found.set[i] & hidden.set[i]) == 0);
    }
    CHECK(((r.eax & ~before.eax) | (r.ebx & ~before.ebx) | (r.ecx & ~before.ecx) | r.edx) == 0);
    CHECK((processor_features_xcr0(&hidden, 0xe7) & ~0xe7ull) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    while (tape.left > 0) {
        if (tape_choose(&tape, 2) != 0) {
            check_property(&tape);
        } else {
            check_features(&tape);
        }
    }
    return 0;
}
