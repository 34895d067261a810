/* SPDX-License-Identifier: MIT */
/* A clock chip with a clock that the test sets and a line that it watches. */
#pragma once

#include "root/devices/rtc.h"
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

static inline uint64_t bench_now(void *context)
{
    const struct bench *b = context;
    return b->now;
}

static inline void bench_line(void *context, uint32_t line, bool level)
{
    struct bench *b = context;
    assert_int_equal(line, 8);
    b->rises += level && !b->level;
    b->level = level;
}

static inline struct bench *new_bench(void)
{
    static struct bench b;
    b = (struct bench){.now = POWER_ON};
    struct device_clock clock = {bench_now, &b};
    struct irq_line irq = {bench_line, &b, 8};
    rtc_init(&b.rtc, &clock, &irq, START);
    return &b;
}

static inline void put(struct bench *b, uint32_t index, uint32_t value)
{
    rtc_ops.write(&b->rtc, 0, 1, index);
    rtc_ops.write(&b->rtc, 1, 1, value);
}

static inline uint32_t get(struct bench *b, uint32_t index)
{
    rtc_ops.write(&b->rtc, 0, 1, index);
    return (uint8_t)rtc_ops.read(&b->rtc, 1, 1);
}

static inline void at_second(struct bench *b, uint64_t second)
{
    b->now = POWER_ON + second * NS_PER_S;
}

/* As a machine that is never late, and a guest whose handler reads register C. */
static inline uint32_t run_to(struct bench *b, uint64_t until)
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

static inline void assert_time(struct bench *b, uint32_t hour, uint32_t minute, uint32_t second)
{
    assert_int_equal(get(b, HOUR), hour);
    assert_int_equal(get(b, MIN), minute);
    assert_int_equal(get(b, SEC), second);
}
