/* SPDX-License-Identifier: MIT */
/* sources: arch/cpu/physical_width.c */
#include "arch/cpu/physical_width.h"
#include "tests/unit/cmocka_tests.h"

#define ON 3ull
#define KEYID(bits) ((uint64_t)(bits) << 32)
#define TDX(bits) ((uint64_t)(bits) << 36)

static void test_keyid_bits_are_no_address(void **state)
{
    (void)state;
    assert_int_equal(physical_width_decide(46, 0), 46);
    assert_int_equal(physical_width_decide(46, ON), 46); /* one key for all memory */
    for (unsigned bits = 0; bits < 15; bits++) {
        assert_int_equal(physical_width_decide(52, ON | KEYID(bits)), 52 - bits);
    }
    assert_int_equal(physical_width_decide(52, ON | KEYID(6) | TDX(4)), 46); /* TDX's four are of the six */
    assert_int_equal(physical_width_decide(52, ON | KEYID(2) | TDX(4)), 48);
    assert_int_equal(physical_width_decide(46, ~0ull & ~(KEYID(15) | TDX(15))), 46); /* all other bits */
}

static void test_not_in_force(void **state)
{
    (void)state;
    assert_int_equal(physical_width_decide(46, KEYID(6)), 46);
    assert_int_equal(physical_width_decide(46, 1 | KEYID(6)), 46); /* locked off */
    assert_int_equal(physical_width_decide(46, 2 | KEYID(6)), 46); /* not locked */
}

static void test_never_less_than_4_gib(void **state)
{
    (void)state;
    assert_int_equal(physical_width_decide(36, ON | KEYID(4)), 32);
    assert_int_equal(physical_width_decide(36, ON | KEYID(15)), 32);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyid_bits_are_no_address),
        cmocka_unit_test(test_not_in_force),
        cmocka_unit_test(test_never_less_than_4_gib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
