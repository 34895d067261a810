/* SPDX-License-Identifier: MIT */
/* sources: root/devices/rtc.c root/devices/rtc_date.c root/devices/rtc_memory.c */
#include "tests/unit/rtc_bench.h"

static void test_flags_without_interrupts(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    (void)get(b, C);
    b->now = POWER_ON + 976562;
    assert_int_equal(get(b, C), 0x00);
    b->now++;
    assert_int_equal(get(b, C), 0x40);
    assert_int_equal(get(b, C), 0x00);
    at_second(b, 1);
    assert_int_equal(get(b, C), 0x50);
    put(b, SEC_ALARM, 0x58);
    put(b, MIN_ALARM, 0xff);
    put(b, HOUR_ALARM, 0xc0);
    at_second(b, 2);
    assert_int_equal(get(b, C), 0x70);
    assert_true(rtc_ops.deadline(&b->rtc) == DEVICE_NEVER);
    assert_int_equal(b->rises, 0);
    at_second(b, 3);
    put(b, B, 0x12); /* a flag that is up interrupts at once */
    assert_int_equal(b->rises, 1);
    assert_int_equal(get(b, C), 0xd0);
    assert_false(b->level);
    assert_int_equal(get(b, C), 0x00);
}

static void test_update_interrupt(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x12);
    assert_true(rtc_ops.deadline(&b->rtc) == POWER_ON + NS_PER_S);
    assert_int_equal(run_to(b, POWER_ON + 100 * NS_PER_S + 5), 100);
    b->now = POWER_ON + 200 * NS_PER_S + 5; /* late: they are one */
    rtc_ops.advance(&b->rtc, b->now);
    assert_int_equal(b->rises, 101);
    assert_true(rtc_ops.deadline(&b->rtc) == DEVICE_NEVER); /* until register C is read */
    rtc_ops.advance(&b->rtc, b->now + 5 * NS_PER_S);
    assert_int_equal(b->rises, 101);
    assert_int_equal(get(b, C), 0xd0);
    assert_true(rtc_ops.deadline(&b->rtc) == POWER_ON + 201 * NS_PER_S);
    put(b, B, 0x92);
    assert_int_equal(get(b, B), 0x82); /* SET switches them off */
    assert_true(rtc_ops.deadline(&b->rtc) == DEVICE_NEVER);
}

static void test_alarm(void **state)
{
    (void)state;
    struct bench *b = new_bench(); /* 12:59:56 */
    put(b, SEC_ALARM, 0x30);
    put(b, MIN_ALARM, 0x05);
    put(b, HOUR_ALARM, 0x07);
    put(b, B, 0x22);
    uint64_t due = POWER_ON + (18 * 3600 + 5 * 60 + 34) * NS_PER_S;
    assert_true(rtc_ops.deadline(&b->rtc) == due);
    assert_int_equal(run_to(b, due + 86400 * NS_PER_S * 3), 4);
    put(b, HOUR_ALARM, 0xff);
    assert_int_equal(run_to(b, due + 86400 * NS_PER_S * 4), 24);
    put(b, MIN_ALARM, 0xff);
    assert_int_equal(run_to(b, due + 86400 * NS_PER_S * 5), 1440);
    put(b, SEC_ALARM, 0xff);
    assert_int_equal(run_to(b, due + 86400 * NS_PER_S * 5 + 60 * NS_PER_S), 60);
    put(b, SEC_ALARM, 0x7f); /* no such second */
    assert_true(rtc_ops.deadline(&b->rtc) == DEVICE_NEVER);
    put(b, SEC_ALARM, 0x00);
    put(b, MIN_ALARM, 0x60);
    assert_true(rtc_ops.deadline(&b->rtc) == DEVICE_NEVER);
    put(b, MIN_ALARM, 0x00);
    put(b, HOUR_ALARM, 0x24);
    assert_true(rtc_ops.deadline(&b->rtc) == DEVICE_NEVER);
}

static void test_alarm_with_12_hours(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x20);
    put(b, SEC_ALARM, 0x00);
    put(b, MIN_ALARM, 0x00);
    put(b, HOUR_ALARM, 0x81); /* 1 pm */
    assert_true(rtc_ops.deadline(&b->rtc) == POWER_ON + 4 * NS_PER_S);
    put(b, HOUR_ALARM, 0x01);
    assert_true(rtc_ops.deadline(&b->rtc) == POWER_ON + (12 * 3600 + 4) * NS_PER_S);
    b->now = POWER_ON + 86400 * NS_PER_S; /* late, and still seen */
    rtc_ops.advance(&b->rtc, b->now);
    assert_int_equal(get(b, C), 0xf0);
}

/* The n-th pulse of 1024 Hz is at n * 976562.5 ns, and an hour's are all there. */
static void test_periodic_does_not_drift(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x42);
    for (uint64_t n = 1; n <= 3600 * 1024; n++) {
        uint64_t due = POWER_ON + (n * NS_PER_S + 1023) / 1024;
        assert_true(rtc_ops.deadline(&b->rtc) == due);
        b->now = due;
        rtc_ops.advance(&b->rtc, due);
        assert_int_equal(b->rises, n);
        assert_int_equal(get(b, C) & 0xc0, 0xc0);
    }
    assert_true(b->now == POWER_ON + 3600 * NS_PER_S);
}

static void test_periodic_rates(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x42);
    static const uint32_t hz[] = {0, 256, 128, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2};
    for (uint32_t rate = 0; rate < 16; rate++) {
        put(b, A, 0x20 | rate);
        (void)get(b, C);
        assert_int_equal(run_to(b, b->now + 2 * NS_PER_S), 2 * hz[rate]);
    }
    put(b, A, 0x66); /* the divider stands */
    (void)get(b, C);
    assert_int_equal(run_to(b, b->now + 2 * NS_PER_S), 0);
}

static void test_late_machine_loses_no_periodic_interrupt(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x42);
    uint32_t taken = 0;
    for (uint64_t i = 1; i <= 50; i++) { /* every second one, by 400 ms */
        taken += run_to(b, POWER_ON + i * NS_PER_S - 400000000);
        b->now = POWER_ON + i * NS_PER_S;
        rtc_ops.advance(&b->rtc, b->now);
        taken += b->level;
        (void)get(b, C);
    }
    taken += run_to(b, POWER_ON + 51 * NS_PER_S + NS_PER_S / 2048);
    assert_int_equal(taken, 51 * 1024);
    b->now += 100 * NS_PER_S; /* at most a second's are owed */
    rtc_ops.advance(&b->rtc, b->now);
    (void)get(b, C);
    assert_true(rtc_ops.deadline(&b->rtc) == b->now + RTC_GAP);
    assert_int_equal(run_to(b, b->now + 2 * NS_PER_S), 3 * 1024);
    b->now += NS_PER_S;
    (void)get(b, C);
    put(b, B, 0x02); /* nobody wants them any more */
    put(b, B, 0x42);
    (void)get(b, C);
    assert_int_equal(run_to(b, b->now + NS_PER_S), 1024);
}

/* Another CPU's clock is a little behind. */
static void test_clock_that_goes_back(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x72);
    at_second(b, 3);
    rtc_ops.advance(&b->rtc, b->now);
    (void)get(b, C);
    b->now -= 1000;
    rtc_ops.advance(&b->rtc, b->now);
    assert_int_equal(get(b, C), 0x00);
    put(b, B, 0x82);
    put(b, B, 0x02);
    assert_time(b, 0x12, 0x59, 0x59);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_without_interrupts),
        cmocka_unit_test(test_update_interrupt),
        cmocka_unit_test(test_alarm),
        cmocka_unit_test(test_alarm_with_12_hours),
        cmocka_unit_test(test_periodic_does_not_drift),
        cmocka_unit_test(test_periodic_rates),
        cmocka_unit_test(test_late_machine_loses_no_periodic_interrupt),
        cmocka_unit_test(test_clock_that_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
