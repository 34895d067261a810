/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/processor_features.c */
#include <string.h>

#include "abi/whv.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/partition/processor_features.h"

#define ONES 0xffffffffu

static struct processor_features collect(uint32_t leaf, uint32_t subleaf, struct cpuid_result r)
{
    struct processor_features f;
    memset(&f, 0, sizeof(f));
    processor_features_collect(&f, leaf, subleaf, &r);
    return f;
}

/* A few of each set by the union's own names, so that the table's numbers are the header's. */
static void test_names(void **state)
{
    (void)state;
    struct processor_features f = collect(1, 0, (struct cpuid_result){.ecx = 1u << 0 | 1u << 29 | 1u << 26 | 1u << 24});
    const WHV_PROCESSOR_FEATURES bank0 = {.Sse3Support = 1, .F16CSupport = 1};
    const WHV_PROCESSOR_FEATURES1 deadline = {.TscDeadlineTmrSupport = 1};
    const WHV_PROCESSOR_XSAVE_FEATURES xsave = {.XsaveSupport = 1};
    assert_int_equal(f.set[FEATURES_BANK0], bank0.AsUINT64);
    assert_int_equal(f.set[FEATURES_BANK1], deadline.AsUINT64);
    assert_int_equal(f.set[FEATURES_XSAVE], xsave.AsUINT64);
    f = collect(7, 0, (struct cpuid_result){.ebx = 1u << 7 | 1u << 10, .ecx = 1u << 22 | 1u << 28, .edx = 1u << 10});
    const WHV_PROCESSOR_FEATURES of_7 = {.SmepSupport = 1, .InvpcidSupport = 1, .RdPidSupport = 1, .MdClearSupport = 1};
    const WHV_PROCESSOR_FEATURES1 direct = {.Movdir64bSupport = 1};
    assert_int_equal(f.set[FEATURES_BANK0], of_7.AsUINT64);
    assert_int_equal(f.set[FEATURES_BANK1], direct.AsUINT64);
    f = collect(7, 1, (struct cpuid_result){.eax = 1u << 2 | 1u << 5, .edx = 1u << 10 | 1u << 14});
    const WHV_PROCESSOR_FEATURES1 of_71 = {.SM4Support = 1, .PrefetchISupport = 1};
    const WHV_PROCESSOR_XSAVE_FEATURES vectors = {.Avx512Bf16Support = 1, .AvxVnniInt16Support = 1};
    assert_int_equal(f.set[FEATURES_BANK1], of_71.AsUINT64);
    assert_int_equal(f.set[FEATURES_XSAVE], vectors.AsUINT64);
    f = collect(0x80000001, 5, (struct cpuid_result){.ecx = 1u << 0 | 1u << 5, .edx = 1u << 26 | 1u << 27});
    const WHV_PROCESSOR_FEATURES extended = {
        .LahfSahfSupport = 1, .LzcntSupport = 1, .Page1GbSupport = 1, .RdtscpSupport = 1};
    assert_int_equal(f.set[FEATURES_BANK0], extended.AsUINT64);
    f = collect(0x80000007, 0, (struct cpuid_result){.edx = 1u << 8});
    const WHV_PROCESSOR_FEATURES1 invariant = {.TscInvariantSupport = 1};
    assert_int_equal(f.set[FEATURES_BANK1], invariant.AsUINT64);
}

/* What is hidden is what would be found: hiding everything leaves nothing to find, hiding nothing changes nothing. */
static void test_hide(void **state)
{
    (void)state;
    const struct processor_features all = {{~0ull, ~0ull, ~0ull}}, none = {{0, 0, 0}};
    uint32_t leaf, subleaf;
    unsigned count = 0;
    for (; processor_features_leaf(count, &leaf, &subleaf); count++) {
        struct cpuid_result r = {ONES, ONES, ONES, ONES};
        struct processor_features found = collect(leaf, subleaf, r);
        assert_true((found.set[0] | found.set[1] | found.set[2]) != 0);
        processor_features_hide(&none, leaf, subleaf, &r);
        assert_int_equal(r.eax & r.ebx & r.ecx & r.edx, ONES);
        processor_features_hide(&all, leaf, subleaf, &r);
        found = collect(leaf, subleaf, r);
        assert_int_equal(found.set[0] | found.set[1] | found.set[2], 0);
    }
    assert_int_equal(count, 6);
    struct cpuid_result other = {ONES, ONES, ONES, ONES};
    processor_features_hide(&all, 7, 2, &other);
    processor_features_hide(&all, 0xd, 0, &other);
    processor_features_hide(&all, 2, 0, &other);
    assert_int_equal(other.eax & other.ebx & other.ecx & other.edx, ONES);
}

/* No two feature bits share a CPUID bit, and the other way round. */
static void test_one_to_one(void **state)
{
    (void)state;
    unsigned features = 0, shown = 0;
    uint32_t leaf, subleaf;
    struct processor_features sum = {{0, 0, 0}};
    const struct processor_features all = {{~0ull, ~0ull, ~0ull}};
    for (unsigned i = 0; processor_features_leaf(i, &leaf, &subleaf); i++) {
        struct cpuid_result r = {ONES, ONES, ONES, ONES};
        processor_features_collect(&sum, leaf, subleaf, &r);
        processor_features_hide(&all, leaf, subleaf, &r);
        const uint32_t left[] = {r.eax, r.ebx, r.ecx, r.edx};
        for (unsigned k = 0; k < 4; k++) {
            shown += 32u - (unsigned)__builtin_popcount(left[k]);
        }
    }
    for (unsigned i = 0; i < FEATURE_SETS; i++) {
        features += (unsigned)__builtin_popcountll(sum.set[i]);
    }
    assert_int_equal(features, shown);
}

static void test_xcr0(void **state)
{
    (void)state;
    struct processor_features hidden = {{0, 0, 0}};
    WHV_PROCESSOR_XSAVE_FEATURES bits = {.Avx512Support = 1};
    assert_int_equal(processor_features_xcr0(&hidden, 0xe7), 0xe7);
    hidden.set[FEATURES_XSAVE] = bits.AsUINT64;
    assert_int_equal(processor_features_xcr0(&hidden, 0xe7), 7);
    bits = (WHV_PROCESSOR_XSAVE_FEATURES){.AvxSupport = 1};
    hidden.set[FEATURES_XSAVE] = bits.AsUINT64;
    assert_int_equal(processor_features_xcr0(&hidden, 0xe7), 3);
    bits = (WHV_PROCESSOR_XSAVE_FEATURES){.XsaveSupport = 1};
    hidden.set[FEATURES_XSAVE] = bits.AsUINT64;
    assert_int_equal(processor_features_xcr0(&hidden, 0xe7), 0);
    assert_int_equal(processor_features_xcr0(&hidden, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_hide),
        cmocka_unit_test(test_one_to_one),
        cmocka_unit_test(test_xcr0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
