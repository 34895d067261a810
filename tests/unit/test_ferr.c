/* SPDX-License-Identifier: MIT */
/* sources: root/devices/ferr.c */
#include "root/devices/ferr.h"
#include "tests/unit/cmocka_tests.h"

static uint32_t rises;
static bool line;

static void set_line(void *context, uint32_t number, bool level)
{
    (void)context;
    assert_int_equal(number, 13);
    rises += level && !line;
    line = level;
}

static struct ferr make(void)
{
    struct ferr f;
    const struct irq_line irq = {set_line, NULL, 13};
    rises = 0;
    line = false;
    ferr_init(&f, &irq);
    return f;
}

static enum ferr_action error_at(struct ferr *f, uint64_t instruction, bool in_handler, bool taken)
{
    const struct ferr_error e = {instruction, 0x8084, in_handler, taken};
    return ferr_error(f, &e);
}

/* The handler writes F0H, may wait, clears the error, and the next one is an interrupt again. */
static void test_handled(void **state)
{
    (void)state;
    struct ferr f = make();
    for (uint32_t round = 1; round <= 3; round++) {
        assert_int_equal(error_at(&f, 0x100, false, false), FERR_FREEZE);
        assert_true(line);
        assert_int_equal(rises, round);
        assert_int_equal(error_at(&f, 0x100, false, false), FERR_FREEZE);
        ferr_ops.write(&f, 0, 1, 0);
        assert_false(line);
        assert_int_equal(error_at(&f, 0x100, true, true), FERR_IGNORE);
        assert_int_equal(error_at(&f, 0x100, true, true), FERR_IGNORE);
        assert_int_equal(rises, round);
    }
    assert_int_equal(error_at(&f, 0x200, true, true), FERR_FREEZE); /* another error, even in the handler */
    assert_int_equal(rises, 4);
}

/* Neither F0H nor the error is touched: one interrupt, and then it goes on. */
static void test_left_alone(void **state)
{
    (void)state;
    struct ferr f = make();
    assert_int_equal(error_at(&f, 0x100, false, false), FERR_FREEZE);
    assert_int_equal(error_at(&f, 0x100, false, true), FERR_IGNORE);
    assert_int_equal(error_at(&f, 0x100, false, true), FERR_IGNORE);
    assert_int_equal(rises, 1);
    assert_int_equal(error_at(&f, 0x108, false, true), FERR_FREEZE);
    assert_int_equal(rises, 2);
}

static void test_port(void **state)
{
    (void)state;
    struct ferr f = make();
    ferr_ops.write(&f, 0, 1, 0); /* without an error it means nothing */
    assert_int_equal(error_at(&f, 0x100, true, false), FERR_FREEZE);
    assert_true(line);
    ferr_ops.reset(&f);
    assert_false(line);
    assert_int_equal(error_at(&f, 0x100, true, true), FERR_FREEZE);
    assert_int_equal(ferr_ops.read(&f, 0, 1), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handled),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
