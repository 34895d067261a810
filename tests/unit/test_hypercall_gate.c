/* SPDX-License-Identifier: MIT */
/* sources: kernel/core/hypercall_gate.c */
#include "tests/unit/cmocka_tests.h"

#include "kernel/core/hypercall_gate.h"

#define ENTRY_IA32E_BIT (1u << 9)
#define CODE_64 0xa09bu
#define CODE_32 0xc09bu
#define STACK_RING0 0xc093u
#define STACK_RING3 0xc0f3u

static void test_known_calls(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < WHB_CALL_COUNT; n++) {
        enum whb_call call = WHB_CALL_COUNT;
        assert_int_equal(gate_check_call(WHB_CALL(n), &call), WHB_OK);
        assert_int_equal(call, n);
    }
}

static void test_refused_calls(void **state)
{
    (void)state;
    enum whb_call call = WHB_CALL_VERSION;
    assert_int_equal(gate_check_call(WHB_CALL(WHB_CALL_COUNT), &call), WHB_ERROR_UNKNOWN_CALL);
    assert_int_equal(gate_check_call(WHB_CALL(0xffff), &call), WHB_ERROR_UNKNOWN_CALL);
    assert_int_equal(gate_check_call(WHB_CALL_VP_RUN, &call), WHB_ERROR_VERSION);
    assert_int_equal(gate_check_call(WHB_CALL(WHB_CALL_VP_RUN) + (1u << 16), &call), WHB_ERROR_VERSION);
    assert_int_equal(gate_check_call(WHB_CALL(WHB_CALL_VP_RUN) | (1ull << 32), &call), WHB_ERROR_UNKNOWN_CALL);
    assert_int_equal(gate_check_call(WHB_CALL(WHB_CALL_VP_RUN) | (1ull << 63), &call), WHB_ERROR_UNKNOWN_CALL);
    assert_int_equal(call, WHB_CALL_VERSION);
}

static void test_mode(void **state)
{
    (void)state;
    assert_true(gate_check_mode(STACK_RING0, CODE_64, ENTRY_IA32E_BIT));
    assert_false(gate_check_mode(STACK_RING3, CODE_64, ENTRY_IA32E_BIT));
    assert_false(gate_check_mode(STACK_RING0, CODE_32, ENTRY_IA32E_BIT));
    assert_false(gate_check_mode(STACK_RING0, CODE_64, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_calls),
        cmocka_unit_test(test_refused_calls),
        cmocka_unit_test(test_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
