/* SPDX-License-Identifier: MIT */
/* sources: vmm/io_event/posted_range.c */
#include "tests/unit/cmocka_tests.h"
#include "vmm/io_event/posted_range.h"

#define LIMIT (1ull << 40)
#define PORT(n) (WHB_POSTED_PORT | (n))

static void test_refused(void **state)
{
    (void)state;
    const uint64_t bad[][2] = {
        {0, 0},          {LIMIT, 1},       {LIMIT - 1, 2},        {0, LIMIT + 1},           {0x1000, ~0ull},
        {PORT(0), 0},    {PORT(0), ~0ull}, {PORT(0xffff), 2},     {PORT(0), 0x10001},       {PORT(0x10000), 1},
        {1ull << 62, 1}, {~0ull, 1},       {PORT(1ull << 62), 1}, {LIMIT - 0x1000, 0x1001},
    };
    struct posted_range r;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(posted_range_read(bad[i][0], bad[i][1], LIMIT, &r));
    }
}

static struct posted_range range(uint64_t address, uint64_t size)
{
    struct posted_range r;
    assert_true(posted_range_read(address, size, LIMIT, &r));
    return r;
}

static void test_holds(void **state)
{
    (void)state;
    const struct posted_range all = range(0, LIMIT), ports = range(PORT(0), 0x10000), one = range(PORT(0x80), 1),
                              eight = range(0x1004, 8);
    assert_true(posted_range_holds(&all, LIMIT - 8, 8) && posted_range_holds(&all, 0, 1));
    assert_false(posted_range_holds(&all, LIMIT - 7, 8) || posted_range_holds(&all, PORT(0), 1));
    assert_true(posted_range_holds(&ports, PORT(0xffff), 1) && posted_range_holds(&ports, PORT(0xfffc), 4));
    assert_false(posted_range_holds(&ports, PORT(0xffff), 2) || posted_range_holds(&ports, 0x80, 1));
    assert_true(posted_range_holds(&one, PORT(0x80), 1));
    assert_false(posted_range_holds(&one, PORT(0x80), 2) || posted_range_holds(&one, PORT(0x7f), 2));
    assert_true(posted_range_holds(&eight, 0x1004, 8) && posted_range_holds(&eight, 0x100b, 1));
    assert_false(posted_range_holds(&eight, 0x1003, 8) || posted_range_holds(&eight, 0x1005, 8));
    assert_false(posted_range_holds(&eight, 0x100c, 1));
}

static void test_overlaps(void **state)
{
    (void)state;
    const struct posted_range a = range(0x1000, 0x10), b = range(0x1010, 0x10), c = range(0x100f, 2),
                              port = range(PORT(0x1000), 0x10), inner = range(0x1008, 1);
    assert_false(posted_range_overlaps(&a, &b) || posted_range_overlaps(&b, &a));
    assert_false(posted_range_overlaps(&a, &port) || posted_range_overlaps(&port, &a));
    assert_true(posted_range_overlaps(&a, &c) && posted_range_overlaps(&c, &b));
    assert_true(posted_range_overlaps(&a, &inner) && posted_range_overlaps(&inner, &a));
    assert_true(posted_range_overlaps(&a, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_overlaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
