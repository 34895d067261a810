/* SPDX-License-Identifier: MIT */
/* sources: root/devices/rtc.c root/devices/rtc_date.c root/devices/rtc_memory.c */
#include "root/devices/rtc.h"

#include <time.h>

#include "root/devices/rtc_date.h"
#include "tests/unit/cmocka_tests.h"

#define NS_PER_S 1000000000ull
#define START 1769950796u /* Sunday 2026-02-01 12:59:56 */
#define POWER_ON 123456789ull

enum {
    SEC = 0,
    SEC_ALARM = 1,
    MIN = 2,
    MIN_ALARM = 3,
    HOUR = 4,
    HOUR_ALARM = 5,
    WDAY = 6,
    DAY = 7,
    MONTH = 8,
    YEAR = 9
};
enum { A = 10, B = 11, C = 12, D = 13, CENTURY = 0x32 };

struct bench {
    struct rtc rtc;
    uint64_t now;
    uint32_t rises;
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
    assert_int_equal(line, 8);
    b->rises += level && !b->level;
    b->level = level;
}

static struct bench *new_bench(void)
{
    static struct bench b;
    b = (struct bench){.now = POWER_ON};
    struct device_clock clock = {bench_now, &b};
    struct irq_line irq = {bench_line, &b, 8};
    rtc_init(&b.rtc, &clock, &irq, START);
    return &b;
}

static void put(struct bench *b, uint32_t index, uint32_t value)
{
    rtc_ops.write(&b->rtc, 0, 1, index);
    rtc_ops.write(&b->rtc, 1, 1, value);
}

static uint32_t get(struct bench *b, uint32_t index)
{
    rtc_ops.write(&b->rtc, 0, 1, index);
    return (uint8_t)rtc_ops.read(&b->rtc, 1, 1);
}

static void at_second(struct bench *b, uint64_t second)
{
    b->now = POWER_ON + second * NS_PER_S;
}

/* As a machine that is never late, and a guest whose handler reads register C. */
static uint32_t run_to(struct bench *b, uint64_t until)
{
    uint32_t interrupts = 0;
    for (uint64_t next = rtc_ops.deadline(&b->rtc); next <= until; next = rtc_ops.deadline(&b->rtc)) {
        b->now = next > b->now ? next : b->now;
        rtc_ops.advance(&b->rtc, b->now);
        if (b->level) {
            interrupts++;
            assert_true((get(b, C) & 0x80) != 0);
            assert_false(b->level);
        }
    }
    b->now = until;
    return interrupts;
}

static void assert_time(struct bench *b, uint32_t hour, uint32_t minute, uint32_t second)
{
    assert_int_equal(get(b, HOUR), hour);
    assert_int_equal(get(b, MIN), minute);
    assert_int_equal(get(b, SEC), second);
}

static void assert_date(struct bench *b, uint32_t century, uint32_t year, uint32_t month, uint32_t day,
                        uint32_t weekday)
{
    assert_int_equal(get(b, CENTURY), century);
    assert_int_equal(get(b, YEAR), year);
    assert_int_equal(get(b, MONTH), month);
    assert_int_equal(get(b, DAY), day);
    assert_int_equal(get(b, WDAY), weekday);
}

static void test_power_on(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    assert_int_equal(get(b, A), 0x26);
    assert_int_equal(get(b, B), 0x02);
    assert_int_equal(get(b, C), 0x00);
    assert_int_equal(get(b, D), 0x80);
    assert_time(b, 0x12, 0x59, 0x56);
    assert_date(b, 0x20, 0x26, 0x02, 0x01, 1);
    assert_true(rtc_ops.deadline(&b->rtc) == DEVICE_NEVER);
    assert_int_equal(rtc_ops.read(&b->rtc, 0, 1) & 0xff, 0xff);
}

static void test_time_goes_on(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    b->now = POWER_ON + 4 * NS_PER_S - 1;
    assert_time(b, 0x12, 0x59, 0x59);
    at_second(b, 4);
    assert_time(b, 0x13, 0x00, 0x00);
    at_second(b, 28 * 86400ull);
    assert_date(b, 0x20, 0x26, 0x03, 0x01, 1);
    at_second(b, 333 * 86400ull + 11 * 3600 + 4);
    assert_date(b, 0x20, 0x27, 0x01, 0x01, 6);
    assert_time(b, 0x00, 0x00, 0x00);
}

static void test_formats(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x06);
    assert_time(b, 12, 59, 56);
    assert_date(b, 20, 26, 2, 1, 1);
    put(b, B, 0x00); /* 12 hours */
    assert_int_equal(get(b, HOUR), 0x92);
    at_second(b, 4);
    assert_int_equal(get(b, HOUR), 0x81);
    at_second(b, 11 * 3600 + 4);
    assert_int_equal(get(b, HOUR), 0x12); /* midnight */
    put(b, B, 0x04);
    assert_int_equal(get(b, HOUR), 12);
    at_second(b, 23 * 3600 + 4);
    assert_int_equal(get(b, HOUR), 0x8c);
}

/* The calendar against the C library's, from 1970 to 2400. */
static void test_calendar(void **state)
{
    (void)state;
    for (uint64_t s = 0; s < 430ull * 366 * 86400; s += 86399ull * 3 + 7) {
        time_t t = (time_t)s;
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        struct rtc_date d = rtc_date_of(RTC_SECONDS_1970 + s);
        assert_true((int)d.year == tm.tm_year + 1900 && (int)d.month == tm.tm_mon + 1 && (int)d.day == tm.tm_mday);
        assert_true((int)d.hour == tm.tm_hour && (int)d.minute == tm.tm_min && (int)d.second == tm.tm_sec);
        assert_true(rtc_date_seconds(&d) == RTC_SECONDS_1970 + s);
    }
    struct rtc_date first = {.day = 1, .month = 1, .year = 0};
    struct rtc_date again = rtc_date_of(rtc_date_seconds(&first));
    assert_int_equal(again.year, 0);
    assert_int_equal(again.month, 1);
    assert_int_equal(again.day, 1);
}

static void test_set(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    b->now += NS_PER_S / 4;
    put(b, B, 0x82);
    at_second(b, 100);
    assert_time(b, 0x12, 0x59, 0x56); /* it stands */
    put(b, SEC, 0x58);
    put(b, MIN, 0x59);
    put(b, HOUR, 0x23);
    put(b, DAY, 0x28);
    put(b, MONTH, 0x02);
    put(b, YEAR, 0x28);
    put(b, WDAY, 0x07);
    assert_time(b, 0x23, 0x59, 0x58);
    put(b, B, 0x02);
    assert_time(b, 0x23, 0x59, 0x58);
    at_second(b, 102);
    assert_time(b, 0x00, 0x00, 0x00);
    assert_date(b, 0x20, 0x28, 0x02, 0x29, 1); /* the guest's weekday goes on */
    at_second(b, 102 + 86400);
    assert_date(b, 0x20, 0x28, 0x03, 0x01, 2);
}

/* As Linux does: the divider's reset too, so that the first second after it is half a second away. */
static void test_divider_reset(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x82);
    put(b, A, 0x76);
    put(b, SEC, 0x10);
    b->now += 3 * NS_PER_S + 777;
    put(b, B, 0x02);
    assert_int_equal(get(b, A), 0x76);
    b->now += 3 * NS_PER_S;
    assert_int_equal(get(b, SEC), 0x10);
    put(b, A, 0x26);
    uint64_t released = b->now;
    b->now = released + NS_PER_S / 2 - 1;
    assert_int_equal(get(b, SEC), 0x10);
    b->now = released + NS_PER_S / 2;
    assert_int_equal(get(b, SEC), 0x11);
    b->now = released + NS_PER_S * 3 / 2;
    assert_int_equal(get(b, SEC), 0x12);
}

static void test_set_without_stopping(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    b->now += NS_PER_S * 5 / 2;
    put(b, MIN, 0x05);
    put(b, YEAR, 0x99);
    assert_time(b, 0x12, 0x05, 0x58);
    at_second(b, 3);
    assert_time(b, 0x12, 0x05, 0x59);
    put(b, CENTURY, 0x19);
    assert_date(b, 0x19, 0x99, 0x02, 0x01, get(b, WDAY));
    put(b, SEC_ALARM, 0x99); /* not of the date */
    assert_time(b, 0x12, 0x05, 0x59);
}

static void test_nonsense_becomes_a_date(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x82);
    for (uint32_t i = 0; i <= YEAR; i++) {
        put(b, i, 0xff);
    }
    put(b, CENTURY, 0xff);
    put(b, B, 0x02);
    assert_time(b, 0x23, 0x59, 0x59);
    assert_date(b, 0x99, 0x99, 0x12, 0x31, 7);
    b->now += NS_PER_S;
    assert_date(b, 0x00, 0x00, 0x01, 0x01, 1);
    put(b, B, 0x82);
    for (uint32_t i = 0; i <= YEAR; i++) {
        put(b, i, 0);
    }
    put(b, CENTURY, 0);
    put(b, B, 0x02);
    assert_time(b, 0, 0, 0);
    assert_date(b, 0, 0, 1, 1, 1);
}

static void test_update_in_progress(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    b->now = POWER_ON + NS_PER_S - 2228001;
    assert_int_equal(get(b, A) & 0x80, 0);
    b->now++;
    assert_int_equal(get(b, A) & 0x80, 0x80);
    b->now = POWER_ON + NS_PER_S - 1;
    assert_int_equal(get(b, A) & 0x80, 0x80);
    b->now++;
    assert_int_equal(get(b, A) & 0x80, 0);
    put(b, A, 0xa6); /* the bit cannot be written */
    assert_int_equal(get(b, A), 0x26);
    b->now = POWER_ON + 2 * NS_PER_S - 1;
    put(b, B, 0x82); /* nothing is updated */
    assert_int_equal(get(b, A) & 0x80, 0);
}

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

static void test_reset(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    put(b, B, 0x72);
    put(b, 0x0f, 0x05);
    put(b, MIN, 0x30);
    rtc_ops.write(&b->rtc, 0, 1, 0x8f);
    at_second(b, 2);
    rtc_ops.advance(&b->rtc, b->now);
    assert_true(b->level);
    assert_true(b->rtc.nmi_masked);
    rtc_ops.reset(&b->rtc);
    assert_false(b->level);
    assert_false(b->rtc.nmi_masked);
    assert_true(rtc_ops.deadline(&b->rtc) == DEVICE_NEVER);
    assert_int_equal(get(b, B), 0x02);
    assert_int_equal(get(b, C), 0x00);
    assert_int_equal(get(b, 0x0f), 0x05); /* why the guest reset itself */
    assert_time(b, 0x12, 0x30, 0x58);
}

static void test_ports(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    rtc_ops.write(&b->rtc, 0, 2, 0x55c0); /* index and data at once; the NMI mask */
    assert_true(b->rtc.nmi_masked);
    assert_int_equal(get(b, 0x40), 0x55);
    assert_false(b->rtc.nmi_masked);
    rtc_ops.write(&b->rtc, 0, 1, 0x40);
    assert_int_equal(rtc_ops.read(&b->rtc, 0, 2) & 0xffff, 0x55ff);
    for (uint32_t i = 0x0e; i < RTC_CMOS; i++) {
        if (i != CENTURY) {
            put(b, i, i ^ 0xa5);
            assert_int_equal(get(b, i), i ^ 0xa5);
        }
    }
    put(b, C, 0xff);
    put(b, D, 0x00);
    assert_int_equal(get(b, C), 0);
    assert_int_equal(get(b, D), 0x80);
}

static void assert_memory(uint64_t low, uint64_t high, const uint8_t expected[9])
{
    struct bench *b = new_bench();
    rtc_set_memory(&b->rtc, low, high);
    rtc_ops.reset(&b->rtc);
    static const uint8_t at[9] = {0x15, 0x16, 0x17, 0x18, 0x34, 0x35, 0x5b, 0x5c, 0x5d};
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(get(b, at[i]), expected[i]);
    }
    assert_int_equal(get(b, 0x30), expected[2]);
    assert_int_equal(get(b, 0x31), expected[3]);
}

static void test_memory_sizes(void **state)
{
    (void)state;
    assert_memory(128 << 20, 0, (uint8_t[]){0x80, 0x02, 0xff, 0xff, 0x00, 0x07, 0, 0, 0});
    assert_memory(16 << 20, 0, (uint8_t[]){0x80, 0x02, 0x00, 0x3c, 0, 0, 0, 0, 0});
    assert_memory(512 << 10, 0, (uint8_t[]){0x00, 0x02, 0, 0, 0, 0, 0, 0, 0});
    assert_memory(0xc0000000, 0x1234000000, (uint8_t[]){0x80, 0x02, 0xff, 0xff, 0x00, 0xbf, 0x00, 0x34, 0x12});
    assert_memory(0xc0000000, 1ull << 50, (uint8_t[]){0x80, 0x02, 0xff, 0xff, 0x00, 0xbf, 0xff, 0xff, 0xff});
}

static void test_boot_order(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    assert_int_equal(get(b, 0x3d), 0x32);
    assert_int_equal(get(b, 0x38), 0x00);
    rtc_set_boot_order(&b->rtc, RTC_BOOT_FLOPPY, RTC_BOOT_NET, RTC_BOOT_CD);
    assert_int_equal(get(b, 0x3d), 0x41);
    assert_int_equal(get(b, 0x38), 0x30);
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
        cmocka_unit_test(test_power_on),
        cmocka_unit_test(test_time_goes_on),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_divider_reset),
        cmocka_unit_test(test_set_without_stopping),
        cmocka_unit_test(test_nonsense_becomes_a_date),
        cmocka_unit_test(test_update_in_progress),
        cmocka_unit_test(test_flags_without_interrupts),
        cmocka_unit_test(test_update_interrupt),
        cmocka_unit_test(test_alarm),
        cmocka_unit_test(test_alarm_with_12_hours),
        cmocka_unit_test(test_periodic_does_not_drift),
        cmocka_unit_test(test_periodic_rates),
        cmocka_unit_test(test_late_machine_loses_no_periodic_interrupt),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_memory_sizes),
        cmocka_unit_test(test_boot_order),
        cmocka_unit_test(test_clock_that_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
