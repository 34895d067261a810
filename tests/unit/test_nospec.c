/* SPDX-License-Identifier: MIT */
/* sources: */
/* What the processor does on a wrong way is not seen here; that the mask holds whatever the index is. */
#include "arch/cpu/nospec.h"
#include "tests/unit/cmocka_tests.h"

#define LIST_LENGTH 9u
static const uint64_t far[LIST_LENGTH] = {64, 65, 255, 256, 1ull << 16, 1ull << 31, 1ull << 32, 1ull << 63, UINT64_MAX};

static void test_in_range_unchanged(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 64; i++) {
        assert_int_equal(index_nospec(i, 64), i);
    }
    for (volatile uint64_t size = 1; size < 70; size++) {
        for (uint64_t i = 0; i < size; i++) {
            assert_int_equal(index_nospec(i, size), i);
        }
    }
    assert_int_equal(index_nospec(UINT32_MAX, 1ull << 40), UINT32_MAX);
}

/* As on a wrong way: the compiler must not have concluded that it cannot be. */
static void test_out_of_range_masked(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LIST_LENGTH; i++) {
        assert_true(index_nospec(far[i], 64) < 64);
        assert_int_equal(index_nospec(far[i], 42), 0);
        for (volatile uint64_t size = 0; size <= 64; size += 8) {
            assert_int_equal(index_nospec(far[i], size), 0);
        }
    }
    assert_int_equal(index_nospec(41, 41), 0);
    assert_int_equal(index_nospec(0, 0), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_range_unchanged),
        cmocka_unit_test(test_out_of_range_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
