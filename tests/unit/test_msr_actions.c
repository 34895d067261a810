/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/msr_actions.c vmm/partition/msr_policy.c */
#include <string.h>

#include "arch/cpu/msr.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/partition/msr_actions.h"
#include "vmm/partition/msr_policy.h"

#define MSR_EXIT 2ull

static struct partition_policy policy;
static uint8_t bitmap[MSR_BITMAP_SIZE];

static void start(void)
{
    memset(&policy, 0, sizeof(policy));
    msr_bitmap_guest(bitmap);
}

static void list(uint32_t msr, WHV_MSR_ACTION read, WHV_MSR_ACTION write)
{
    policy.msr_actions[policy.msr_action_count++] = (WHV_MSR_ACTION_ENTRY){msr, (uint8_t)read, (uint8_t)write, 0};
}

static bool exits(uint32_t msr, bool write)
{
    return (bitmap[msr_bitmap_offset(msr, write)] >> (msr % 8) & 1) != 0;
}

static void test_nothing_asked(void **state)
{
    (void)state;
    start();
    assert_int_equal(msr_action(&policy, MSR_IA32_TSC, false), WHvMsrActionArchitectureDefault);
    assert_int_equal(msr_action_unhandled(&policy), WHvMsrActionArchitectureDefault);
}

static void test_classes(void **state)
{
    (void)state;
    const struct {
        uint64_t class;
        uint32_t msr;
        bool write;
    } rows[] = {{2, MSR_IA32_TSC, true},
                {4, MSR_IA32_TSC, false},
                {8, MSR_IA32_APIC_BASE, true},
                {16, MSR_IA32_MISC_ENABLE, false},
                {32, MSR_IA32_BIOS_SIGN_ID, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start();
        policy.msr_exits = rows[i].class;
        assert_int_equal(msr_action(&policy, rows[i].msr, rows[i].write), WHvMsrActionArchitectureDefault);
        policy.extended_exits = MSR_EXIT; /* the classes refine this one */
        assert_int_equal(msr_action(&policy, rows[i].msr, rows[i].write), WHvMsrActionExit);
        assert_int_equal(msr_action(&policy, rows[i].msr, !rows[i].write), WHvMsrActionArchitectureDefault);
        assert_int_equal(msr_action_unhandled(&policy), WHvMsrActionArchitectureDefault);
        policy.msr_exits |= 1;
        assert_int_equal(msr_action_unhandled(&policy), WHvMsrActionExit);
    }
}

static void test_list_wins(void **state)
{
    (void)state;
    start();
    policy.extended_exits = MSR_EXIT;
    policy.msr_exits = 4;
    list(MSR_IA32_TSC, WHvMsrActionIgnoreWriteReadZero, WHvMsrActionExit);
    assert_int_equal(msr_action(&policy, MSR_IA32_TSC, false), WHvMsrActionIgnoreWriteReadZero);
    assert_int_equal(msr_action(&policy, MSR_IA32_TSC, true), WHvMsrActionExit);
    policy.unimplemented_msr = WHvMsrActionIgnoreWriteReadZero;
    assert_int_equal(msr_action_unhandled(&policy), WHvMsrActionIgnoreWriteReadZero);
}

/* What passes by itself must exit when it is asked for, and pass again later. */
static void test_bitmap(void **state)
{
    (void)state;
    uint8_t plain[MSR_BITMAP_SIZE];
    start();
    memcpy(plain, bitmap, sizeof(plain));
    assert_false(exits(MSR_IA32_TSC, false));
    assert_false(exits(MSR_IA32_FS_BASE, true));
    assert_false(exits(MSR_IA32_LSTAR, false));
    policy.extended_exits = MSR_EXIT;
    policy.msr_exits = 4;
    list(MSR_IA32_FS_BASE, WHvMsrActionArchitectureDefault, WHvMsrActionExit);
    list(MSR_IA32_LSTAR, WHvMsrActionIgnoreWriteReadZero, WHvMsrActionArchitectureDefault);
    msr_actions_apply(&policy, bitmap);
    assert_true(exits(MSR_IA32_TSC, false));
    assert_true(exits(MSR_IA32_FS_BASE, true));
    assert_false(exits(MSR_IA32_FS_BASE, false));
    assert_false(exits(MSR_IA32_GS_BASE, true));
    assert_true(exits(MSR_IA32_LSTAR, false));
    policy.extended_exits = 0;
    policy.msr_action_count = 0;
    msr_actions_apply(&policy, bitmap);
    assert_memory_equal(bitmap, plain, sizeof(plain));
}

static void test_lists_that_cannot_be(void **state)
{
    (void)state;
    WHV_MSR_ACTION_ENTRY e[2] = {{1, 0, 2, 0}, {2, 1, 0, 0}};
    assert_true(msr_actions_check(e, 2));
    assert_true(msr_actions_check(e, 0));
    e[1].Index = 1;
    assert_false(msr_actions_check(e, 2));
    e[1] = (WHV_MSR_ACTION_ENTRY){2, 3, 0, 0};
    assert_false(msr_actions_check(e, 2));
    e[1] = (WHV_MSR_ACTION_ENTRY){2, 0, 0, 1};
    assert_false(msr_actions_check(e, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_asked),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_list_wins),
        cmocka_unit_test(test_bitmap),
        cmocka_unit_test(test_lists_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
