/* SPDX-License-Identifier: MIT */
/* sources: root/devices/rtc.c root/devices/rtc_date.c root/devices/rtc_memory.c */
#include <time.h>

#include "root/devices/rtc_date.h"
#include "tests/unit/rtc_bench.h"

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
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_memory_sizes),
        cmocka_unit_test(test_boot_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
