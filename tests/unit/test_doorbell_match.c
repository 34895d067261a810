/* SPDX-License-Identifier: MIT */
/* sources: vmm/io_event/doorbell_match.c */
#include "tests/unit/cmocka_tests.h"
#include "vmm/io_event/doorbell_match.h"

#define LIMIT (1ull << 40)
#define PORT(n) (WHB_DOORBELL_PORT | (n))

static WHV_DOORBELL_MATCH_DATA data(uint64_t address, bool on_value, uint64_t value, bool on_length, uint32_t length)
{
    WHV_DOORBELL_MATCH_DATA d = {.GuestAddress = address, .Value = value, .Length = length};
    d.MatchOnValue = on_value;
    d.MatchOnLength = on_length;
    return d;
}

static void test_refused(void **state)
{
    (void)state;
    const WHV_DOORBELL_MATCH_DATA bad[] = {
        data(LIMIT, false, 0, false, 0),           data(PORT(0x10000), false, 0, false, 0),
        data(0x1000, false, 0, true, 0),           data(0x1000, false, 0, true, 3),
        data(0x1000, false, 0, true, 16),          data(PORT(0x80), false, 0, true, 8),
        data(0x1000, true, 0x100, true, 1),        data(0x1000, true, 1ull << 32, true, 4),
        data(PORT(1), true, 1ull << 32, false, 0),
    };
    struct doorbell_match m;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(doorbell_match_read(&bad[i], LIMIT, &m));
    }
    for (unsigned bit = 0; bit < 30; bit++) {
        WHV_DOORBELL_MATCH_DATA d = data(0x1000, false, 0, false, 0);
        d.Reserved = 1u << bit & 0x3fffffff;
        assert_false(doorbell_match_read(&d, LIMIT, &m));
    }
}

static void test_matching(void **state)
{
    (void)state;
    struct doorbell_match any, value, length, both, port;
    const WHV_DOORBELL_MATCH_DATA d[] = {
        data(LIMIT - 1, false, 7, false, 3),
        data(0x1000, true, 0x77, false, 99),
        data(0x1000, false, 5, true, 2),
        data(0x1000, true, 0xffff, true, 2),
        data(PORT(0xffff), true, 0xffffffff, true, 4),
    };
    assert_true(doorbell_match_read(&d[0], LIMIT, &any) && doorbell_match_read(&d[1], LIMIT, &value));
    assert_true(doorbell_match_read(&d[2], LIMIT, &length) && doorbell_match_read(&d[3], LIMIT, &both));
    assert_true(doorbell_match_read(&d[4], LIMIT, &port));
    assert_true(doorbell_matches(&any, LIMIT - 1, 123, 8));
    assert_false(doorbell_matches(&any, LIMIT - 2, 123, 8));
    assert_true(doorbell_matches(&value, 0x1000, 0x77, 1) && doorbell_matches(&value, 0x1000, 0x77, 8));
    assert_false(doorbell_matches(&value, 0x1000, 0x78, 1));
    assert_true(doorbell_matches(&length, 0x1000, 9, 2));
    assert_false(doorbell_matches(&length, 0x1000, 9, 4));
    assert_true(doorbell_matches(&both, 0x1000, 0xffff, 2));
    assert_false(doorbell_matches(&both, 0x1000, 0xffff, 4) || doorbell_matches(&both, 0x1000, 0, 2));
    assert_true(doorbell_matches(&port, PORT(0xffff), 0xffffffff, 4));
    assert_false(doorbell_matches(&port, 0xffff, 0xffffffff, 4));
}

/* What does not count makes no difference. */
static void test_same(void **state)
{
    (void)state;
    struct doorbell_match a, b, c;
    const WHV_DOORBELL_MATCH_DATA x = data(0x1000, false, 1, false, 2), y = data(0x1000, false, 3, false, 4),
                                  z = data(0x1000, true, 0, false, 4);
    assert_true(doorbell_match_read(&x, LIMIT, &a) && doorbell_match_read(&y, LIMIT, &b));
    assert_true(doorbell_match_read(&z, LIMIT, &c));
    assert_true(doorbell_match_same(&a, &b));
    assert_false(doorbell_match_same(&a, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
