/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/cpuid_answer.c vmm/partition/cpuid_override.c vmm/partition/cpuid_policy.c
 * vmm/partition/cpuid_leaf.c vmm/partition/processor_features.c */
#include "tests/unit/cmocka_tests.h"
#include "vmm/partition/cpuid_answer.h"

#define ONES 0xffffffffu

/* A processor whose highest leaves are 20H and 80000008H, and that has all bits set. */
static struct cpuid_result host(uint32_t leaf, uint32_t subleaf)
{
    if (leaf == 4) {
        return (struct cpuid_result){0xfc1fc021 + subleaf, 1, 2, 3};
    }
    uint32_t eax = leaf == 0 ? 0x20 : leaf == 0x80000000 ? 0x80000008 : ONES;
    return (struct cpuid_result){eax, ONES, ONES, ONES};
}

static const struct cpuid_guest guest = {.vp_count = 1};
static const WHV_X64_CPUID_RESULT2 *entries;
static uint32_t entry_count;

static void assert_shown(uint32_t leaf, uint32_t shown, uint32_t eax)
{
    uint32_t came;
    assert_int_equal(cpuid_answer(&guest, host, entries, entry_count, leaf, 0, &came).eax, eax);
    assert_int_equal(came, shown);
}

/* The highest leaves are those that the guest reads, and their data are what it reads there. */
static void test_lists_and_range(void **state)
{
    static const WHV_X64_CPUID_RESULT2 highest[] = {{.Function = 0x16, .Output.Eax = 0x31, .Mask.Eax = ONES},
                                                    {.Function = 0x40000100, .Output.Eax = 7, .Mask.Eax = ONES},
                                                    {.Function = 0x23, .Output.Eax = 9, .Mask.Eax = ONES}};
    static const WHV_X64_CPUID_RESULT2 more[] = {{.Function = 0, .Output.Eax = 0x1f, .Mask.Eax = ONES},
                                                 {.Function = 0x1f, .Output.Eax = 5, .Mask.Eax = ONES},
                                                 {.Function = 0x80000000, .Output.Eax = 0x8000001e, .Mask.Eax = ONES}};
    static const WHV_X64_CPUID_RESULT2 fewer[] = {{.Function = 0, .Output.Eax = 4, .Mask.Eax = ONES},
                                                  {.Function = 0x80000000, .Output.Eax = 0x80000001, .Mask.Eax = ONES}};
    static const uint32_t outside[] = {0x17, 0x3fffffff, 0x50000000, 0x7fffffff, 0x80000009, 0xffffffff};
    (void)state;
    entries = highest;
    entry_count = 3;
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        assert_shown(outside[i], 0x16, 0x31);
    }
    assert_shown(0x40000100, 0x40000100, 7);
    assert_shown(0x40000101, 0x40000101, 0);
    assert_shown(0x4fffffff, 0x4fffffff, 0);
    assert_shown(0x23, 0x23, 9); /* beyond the highest, but the client names it */
    entries = more;
    assert_shown(0x17, 0x17, 0); /* within, and nobody says what it is */
    assert_shown(0x20, 0x1f, 5);
    assert_shown(0x80000009, 0x80000009, 0);
    assert_shown(0x8000001f, 0x1f, 5);
    entries = fewer;
    entry_count = 2;
    uint32_t leaf_4 = cpuid_for_guest(&guest, host, 4, 0).eax;
    assert_shown(5, 4, leaf_4);
    assert_shown(0x16, 4, leaf_4);
    assert_shown(0x80000002, 4, leaf_4);
    assert_shown(1, 1, ONES);
    entry_count = 0;
    assert_shown(0x17, 0x16, ONES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists_and_range)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
