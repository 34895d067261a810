/* SPDX-License-Identifier: MIT */
/* sources: root/devices/acpi_pm.c */
#include "root/devices/acpi_pm.h"

#include "tests/unit/cmocka_tests.h"

#define NS_PER_S 1000000000ull
#define HALF (1ull << 23)

enum { STATUS = 0, ENABLE = 2, CONTROL = 4, TIMER = 8 };

struct bench {
    struct acpi_pm pm;
    uint64_t now;
    uint32_t rises, power_offs;
    bool level;
};

static uint64_t bench_now(void *context)
{
    const struct bench *b = context;
    return b->now;
}

static void bench_line(void *context, uint32_t line, bool level)
{
    struct bench *b = context;
    assert_int_equal(line, 9);
    b->rises += level && !b->level;
    b->level = level;
}

static void bench_power_off(void *context)
{
    struct bench *b = context;
    b->power_offs++;
}

static struct bench *new_bench(void)
{
    static struct bench b;
    b = (struct bench){.now = 0};
    struct device_clock clock = {bench_now, &b};
    struct irq_line sci = {bench_line, &b, 9};
    acpi_pm_init(&b.pm, &clock, &sci, bench_power_off, &b);
    return &b;
}

static void put(struct bench *b, uint32_t offset, uint32_t size, uint64_t value)
{
    acpi_pm_ops.write(&b->pm, offset, size, value);
}

static uint64_t get(struct bench *b, uint32_t offset, uint32_t size)
{
    uint64_t value = acpi_pm_ops.read(&b->pm, offset, size);
    return size == 8 ? value : value & ((1ull << 8 * size) - 1);
}

/* The first ns of a tick, by arithmetic that the model does not use. */
static uint64_t ns_of(uint64_t tick)
{
    return (uint64_t)(((unsigned __int128)tick * NS_PER_S + ACPI_PM_TIMER_HZ - 1) / ACPI_PM_TIMER_HZ);
}

static void test_power_on(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    assert_int_equal(get(b, STATUS, 2), 0);
    assert_int_equal(get(b, ENABLE, 2), 0);
    assert_int_equal(get(b, CONTROL, 2), 1); /* SCI_EN */
    assert_int_equal(get(b, TIMER, 4), 0);
    assert_true(acpi_pm_ops.deadline(&b->pm) == DEVICE_NEVER);
    assert_false(b->level);
}

static void test_timer(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    for (uint64_t tick = 1; tick < 1000; tick++) {
        b->now = ns_of(tick) - 1;
        assert_int_equal(get(b, TIMER, 4), tick - 1);
        b->now++;
        assert_int_equal(get(b, TIMER, 4), tick);
    }
    b->now = NS_PER_S;
    assert_int_equal(get(b, TIMER, 4), ACPI_PM_TIMER_HZ);
    put(b, TIMER, 4, 0); /* it cannot be written */
    assert_int_equal(get(b, TIMER, 4), ACPI_PM_TIMER_HZ);
    b->now = 3600 * 1000 * NS_PER_S; /* 1000 hours */
    assert_int_equal(get(b, TIMER, 4), 3600ull * 1000 * ACPI_PM_TIMER_HZ % (1 << 24));
    b->now = ns_of(0x123456);
    assert_int_equal(get(b, TIMER, 1), 0x56);
    assert_int_equal(get(b, TIMER + 1, 1), 0x34);
    assert_int_equal(get(b, TIMER + 1, 2), 0x1234);
    assert_int_equal(get(b, TIMER + 3, 1), 0);
    assert_true(get(b, TIMER, 8) == 0xffffffff00123456);
}

static void test_timer_status_without_interrupt(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    b->now = ns_of(HALF) - 1;
    assert_int_equal(get(b, STATUS, 2), 0);
    b->now++;
    assert_int_equal(get(b, STATUS, 2), 1);
    put(b, STATUS, 2, 0xfffe);
    assert_int_equal(get(b, STATUS, 2), 1);
    put(b, STATUS, 2, 1);
    assert_int_equal(get(b, STATUS, 2), 0);
    b->now = ns_of(2 * HALF);
    assert_int_equal(get(b, STATUS, 1), 1);
    assert_false(b->level);
    put(b, ENABLE, 2, 1); /* a status that is there interrupts at once */
    assert_true(b->level);
    put(b, STATUS, 1, 1);
    assert_false(b->level);
}

static void test_timer_interrupt(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, ENABLE, 2, 1);
    for (uint64_t n = 1; n < 10000; n++) { /* six hours */
        assert_true(acpi_pm_ops.deadline(&b->pm) == ns_of(n * HALF));
        acpi_pm_ops.advance(&b->pm, ns_of(n * HALF) - 1);
        assert_int_equal(b->rises, n - 1);
        b->now = ns_of(n * HALF);
        acpi_pm_ops.advance(&b->pm, b->now);
        assert_int_equal(b->rises, n);
        assert_true(b->level);
        assert_true(acpi_pm_ops.deadline(&b->pm) == DEVICE_NEVER); /* until the guest clears it */
        put(b, STATUS, 2, 1);
        assert_false(b->level);
    }
}

static void test_power_button(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    acpi_pm_press_power_button(&b->pm);
    assert_int_equal(get(b, STATUS, 2), 0x100);
    assert_false(b->level);
    put(b, STATUS, 2, 0x100);
    put(b, ENABLE, 2, 0x120);
    acpi_pm_press_power_button(&b->pm);
    acpi_pm_press_power_button(&b->pm);
    assert_int_equal(b->rises, 1);
    assert_int_equal(get(b, STATUS, 4), 0x01200100);
    put(b, STATUS, 4, 0x01200100); /* both registers at once */
    assert_int_equal(get(b, STATUS, 4), 0x01200000);
    assert_false(b->level);
    acpi_pm_press_power_button(&b->pm);
    put(b, ENABLE, 2, 0);
    assert_false(b->level);
}

static void test_bytes(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, ENABLE, 2, 0xffff);
    assert_int_equal(get(b, ENABLE, 2), 0x0721);
    put(b, ENABLE, 1, 0);
    assert_int_equal(get(b, ENABLE, 2), 0x0700);
    put(b, ENABLE + 1, 1, 1);
    assert_int_equal(get(b, ENABLE, 2), 0x0100);
    acpi_pm_press_power_button(&b->pm);
    put(b, STATUS, 1, 0xff);
    assert_true(b->level);
    put(b, STATUS + 1, 1, 0x01);
    assert_false(b->level);
}

static void test_control(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, CONTROL, 2, 0x0006); /* SCI_EN stays, GBL_RLS is not kept */
    assert_int_equal(get(b, CONTROL, 2), 0x0003);
    put(b, CONTROL, 2, 5 << 10);
    assert_int_equal(get(b, CONTROL, 2), 0x1401);
    assert_int_equal(b->power_offs, 0);
    for (uint32_t type = 0; type < 8; type++) {
        put(b, CONTROL, 2, type << 10 | 0x2001);
        assert_int_equal(b->power_offs, type >= 5);
        assert_int_equal(get(b, CONTROL, 2), type << 10 | 1);
    }
    put(b, CONTROL + 1, 1, 0x34);
    assert_int_equal(b->power_offs, 2);
    put(b, CONTROL, 4, 0xffff3401); /* what is behind is reserved */
    assert_int_equal(b->power_offs, 3);
    assert_int_equal(get(b, CONTROL + 2, 2), 0);
}

static void test_reset(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, ENABLE, 2, 0x101);
    acpi_pm_press_power_button(&b->pm);
    b->now = 60 * NS_PER_S;
    acpi_pm_ops.reset(&b->pm);
    assert_false(b->level);
    assert_int_equal(get(b, STATUS, 4), 0);
    assert_int_equal(get(b, CONTROL, 2), 1);
    assert_int_equal(get(b, TIMER, 4), 60ull * ACPI_PM_TIMER_HZ % (1 << 24));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_on),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_timer_status_without_interrupt),
        cmocka_unit_test(test_timer_interrupt),
        cmocka_unit_test(test_power_button),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
