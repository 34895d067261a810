/* SPDX-License-Identifier: MIT */
/* sources: kernel/core/lock_order.c */
#include "kernel/core/lock_order.h"
#include "tests/unit/cmocka_tests.h"

static void test_right_order_passes(void **state)
{
    struct lock_held h = {0};
    (void)state;
    const char *const names[] = {"&p->lock", "&slots_lock", "&p->ept_lock", "&heap.lock", "&log_state.lock"};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 5; i++) {
            assert_null(lock_order_take(&h, names[i]));
        }
        for (unsigned i = 0; i < 5; i++) { /* given back in any order */
            assert_null(lock_order_drop(&h, names[i]));
        }
    }
    assert_null(lock_order_wait(&h, ""));
}

static void test_wrong_order_names_the_held_one(void **state)
{
    (void)state;
    struct lock_held h = {0};
    assert_null(lock_order_take(&h, "&p->ept_lock"));
    assert_string_equal("&p->ept_lock", lock_order_take(&h, "&p->lock"));
}

static void test_order_is_over_all_that_is_held(void **state)
{
    (void)state;
    struct lock_held h = {0};
    assert_null(lock_order_take(&h, "&p->lock"));
    assert_null(lock_order_take(&h, "&heap.lock"));
    assert_null(lock_order_drop(&h, "&p->lock"));
    assert_string_equal("&heap.lock", lock_order_take(&h, "&p->time_lock"));
}

static void test_two_of_a_kind(void **state)
{
    (void)state;
    struct lock_held h = {0};
    assert_null(lock_order_take(&h, "&p->lock"));
    assert_string_equal("&p->lock", lock_order_take(&h, "&p->lock"));
}

/* VP_DELETE once waited for the partition's lock so, and INIT, under that lock, for the owner. */
static void test_owned_elsewhere(void **state)
{
    (void)state;
    struct lock_held h = {0};
    assert_null(lock_order_take(&h, HELD_VP));
    assert_null(lock_order_take(&h, HELD_VP)); /* PARTITION_RESET owns all */
    assert_null(lock_order_wait(&h, HELD_VP));
    assert_string_equal(HELD_VP, lock_order_take(&h, "&p->lock"));
}

static void test_pinned_takes_no_partition_lock(void **state)
{
    (void)state;
    struct lock_held h = {0};
    assert_null(lock_order_take(&h, HELD_PIN));
    assert_null(lock_order_take(&h, "&p->time_lock"));
    assert_null(lock_order_drop(&h, "&p->time_lock"));
    assert_string_equal(HELD_PIN, lock_order_take(&h, "&p->lock"));
}

static void test_waits(void **state)
{
    (void)state;
    struct lock_held h = {0};
    assert_null(lock_order_take(&h, "&p->lock"));
    assert_null(lock_order_wait(&h, "&p->lock"));
    assert_null(lock_order_wait(&h, HELD_VP));
    assert_string_equal("&p->lock", lock_order_wait(&h, ""));
    assert_null(lock_order_take(&h, "&p->ept_lock"));
    assert_string_equal("&p->ept_lock", lock_order_wait(&h, "&p->lock"));
}

static void test_unknown_and_not_held(void **state)
{
    (void)state;
    struct lock_held h = {0};
    assert_non_null(lock_order_take(&h, "&new_lock"));
    assert_non_null(lock_order_drop(&h, "&new_lock"));
    assert_non_null(lock_order_drop(&h, "&heap.lock"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_order_passes),
        cmocka_unit_test(test_wrong_order_names_the_held_one),
        cmocka_unit_test(test_order_is_over_all_that_is_held),
        cmocka_unit_test(test_two_of_a_kind),
        cmocka_unit_test(test_owned_elsewhere),
        cmocka_unit_test(test_pinned_takes_no_partition_lock),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_unknown_and_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
