/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/lint0.c */
#include "root/monitor/lint0.h"
#include "tests/unit/cmocka_tests.h"

#define BASE_ON 0xfee00900u
#define BASE_OFF 0xfee00100u
#define SVR_ON 0x1ffu
#define SVR_OFF 0xffu
#define MASKED 0x10000u

static void test_ways(void **state)
{
    (void)state;
    static const enum lint0_way by_mode[8] = {LINT0_FIXED, LINT0_MASKED, LINT0_MASKED, LINT0_MASKED,
                                              LINT0_NMI,   LINT0_MASKED, LINT0_MASKED, LINT0_EXTINT};
    for (uint32_t mode = 0; mode < 8; mode++) {
        for (uint32_t vector = 0; vector < 256; vector++) {
            uint32_t lvt = mode << 8 | vector;
            enum lint0_way way = mode == 0 && vector < 16 ? LINT0_MASKED : by_mode[mode];
            assert_int_equal(lint0_way(BASE_ON, SVR_ON, lvt), way);
            assert_int_equal(lint0_way(BASE_ON, SVR_ON, lvt | 0xa000u), way); /* polarity and trigger do not matter */
            assert_int_equal(lint0_way(BASE_ON, SVR_ON, lvt | MASKED), LINT0_MASKED);
            assert_int_equal(lint0_way(BASE_ON, SVR_OFF, lvt), LINT0_MASKED);
            assert_int_equal(lint0_way(BASE_OFF, SVR_OFF, lvt | MASKED), LINT0_EXTINT);
            assert_int_equal(lint0_way(BASE_ON | 0x400u, SVR_ON, lvt), way);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ways)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
