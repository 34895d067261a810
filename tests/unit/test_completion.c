/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/completion.c */
#include "root/libwhv/whimbrel_ext.h"
#include "tests/unit/cmocka_tests.h"

#define FLAGS 0x202u
#define TF 0x100u
#define RF 0x10000u
#define STEP 0x10u

struct outcome {
    WHV_REGISTER_NAME names[WHB_COMPLETION_REGISTERS];
    WHV_REGISTER_VALUE values[WHB_COMPLETION_REGISTERS];
    UINT32 count;
};

static WHV_VP_EXIT_CONTEXT exit_at(UINT64 rip, UINT64 rflags, unsigned length)
{
    WHV_VP_EXIT_CONTEXT exit = {.Rip = rip, .Rflags = rflags};
    exit.InstructionLength = length & 15u;
    exit.ExecutionState.EferLma = 1;
    exit.Cs.Long = 1;
    return exit;
}

static struct outcome complete(const WHV_VP_EXIT_CONTEXT *exit, const struct whb_completion *how)
{
    struct outcome o = {.count = 0};
    o.count = whb_complete_instruction(exit, how, o.names, o.values);
    assert_in_range(o.count, 1, WHB_COMPLETION_REGISTERS);
    assert_int_equal(o.names[0], WHvX64RegisterRip);
    return o;
}

/* The value of a register, or `otherwise` if it is not set. */
static UINT64 value_of(const struct outcome *o, WHV_REGISTER_NAME name, UINT64 otherwise)
{
    for (UINT32 i = 0; i < o->count; i++) {
        if (o->names[i] == name) {
            return o->values[i].Reg64;
        }
    }
    return otherwise;
}

static void test_plain(void **state)
{
    (void)state;
    WHV_VP_EXIT_CONTEXT exit = exit_at(0xffffffff80001000, FLAGS, 2);
    struct outcome o = complete(&exit, NULL);
    assert_int_equal(o.count, 1);
    assert_int_equal(o.values[0].Reg64, 0xffffffff80001002);
    exit.ExecutionState.InterruptShadow = 1; /* the hypervisor's: RIP moves */
    exit.Rflags |= TF;
    o = complete(&exit, NULL);
    assert_int_equal(o.count, 1);
}

static void test_short_rip(void **state)
{
    (void)state;
    WHV_VP_EXIT_CONTEXT exit = exit_at(0xffffffff, FLAGS, 2);
    exit.Cs.Long = 0;
    assert_int_equal(complete(&exit, NULL).values[0].Reg64, 1);
    exit.Cs.Long = 1;
    assert_int_equal(complete(&exit, NULL).values[0].Reg64, 0x100000001);
    exit.ExecutionState.EferLma = 0; /* the bit means nothing there */
    assert_int_equal(complete(&exit, NULL).values[0].Reg64, 1);
}

static void test_resume_flag(void **state)
{
    (void)state;
    WHV_VP_EXIT_CONTEXT exit = exit_at(0x1000, FLAGS | RF, 2);
    struct outcome o = complete(&exit, NULL);
    assert_int_equal(value_of(&o, WHvX64RegisterRflags, 0), FLAGS);
    struct whb_completion how = whb_plain_completion(&exit);
    how.rflags = FLAGS | RF | 0x40;
    o = complete(&exit, &how);
    assert_int_equal(value_of(&o, WHvX64RegisterRflags, 0), FLAGS | 0x40);
    how.goes_on = 1;
    how.rip = 0x1000;
    o = complete(&exit, &how);
    assert_int_equal(value_of(&o, WHvX64RegisterRflags, 0), FLAGS | RF | 0x40);
}

static void test_repetition(void **state)
{
    (void)state;
    WHV_VP_EXIT_CONTEXT exit = exit_at(0x1000, FLAGS, 0);
    struct whb_completion how = {
        .rip = 0x1000, .rflags = FLAGS, .goes_on = 1, .interrupt_state = 3, .pending_debug = 2};
    assert_false(whb_completion_is_special(&exit, &how));
    struct outcome o = complete(&exit, &how);
    assert_int_equal(value_of(&o, WHvX64RegisterRip, 0), 0x1000);
    assert_int_equal(value_of(&o, WHvX64RegisterRflags, 0), FLAGS | RF);
    assert_int_equal(o.count, 2);
    exit.ExecutionState.InterruptShadow = 1;
    assert_true(whb_completion_is_special(&exit, &how));
    o = complete(&exit, &how);
    assert_int_equal(value_of(&o, WHvRegisterInterruptState, 99), 2); /* NMIs stay masked */
    exit.Rflags |= TF;
    how.rflags |= TF;
    o = complete(&exit, &how);
    assert_int_equal(value_of(&o, WHvX64RegisterPendingDebugException, 0), STEP | 2);
    assert_int_equal(o.count, 4);
}

static void test_branch(void **state)
{
    (void)state;
    WHV_VP_EXIT_CONTEXT exit = exit_at(0x1000, FLAGS | TF, 0);
    struct whb_completion how = {.rip = 0x5000, .rflags = FLAGS | TF};
    assert_true(whb_completion_is_special(&exit, &how));
    struct outcome o = complete(&exit, &how);
    assert_int_equal(value_of(&o, WHvX64RegisterPendingDebugException, 0), STEP);
    how.rip = 0x1000; /* to itself */
    o = complete(&exit, &how);
    assert_int_equal(value_of(&o, WHvX64RegisterPendingDebugException, 0), STEP);
    how.rip = 0x100f; /* the hypervisor takes it for the next instruction */
    assert_false(whb_completion_is_special(&exit, &how));
    exit.Rflags &= ~(UINT64)TF;
    how.rip = 0x5000;
    assert_false(whb_completion_is_special(&exit, &how));
}

static void test_hits(void **state)
{
    (void)state;
    WHV_VP_EXIT_CONTEXT exit = exit_at(0x1000, FLAGS, 0);
    struct whb_completion how = {.rip = 0x1004, .rflags = FLAGS, .hits = 5, .pending_debug = 8};
    assert_true(whb_completion_is_special(&exit, &how));
    struct outcome o = complete(&exit, &how);
    assert_int_equal(value_of(&o, WHvX64RegisterPendingDebugException, 0), 13);
}

static void test_begins_shadow(void **state)
{
    (void)state;
    WHV_VP_EXIT_CONTEXT exit = exit_at(0x1000, FLAGS, 0);
    struct whb_completion how = {.rip = 0x1004, .rflags = FLAGS, .begins_shadow = 1, .interrupt_state = 2};
    assert_true(whb_completion_is_special(&exit, &how));
    struct outcome o = complete(&exit, &how);
    assert_int_equal(value_of(&o, WHvRegisterInterruptState, 0), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),         cmocka_unit_test(test_short_rip), cmocka_unit_test(test_resume_flag),
        cmocka_unit_test(test_repetition),    cmocka_unit_test(test_branch),    cmocka_unit_test(test_hits),
        cmocka_unit_test(test_begins_shadow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
