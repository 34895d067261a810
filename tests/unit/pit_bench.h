/* SPDX-License-Identifier: MIT */
/* A timer with a clock that the test sets and a line that it watches. */
#pragma once

#include "root/devices/pit.h"
#include "tests/unit/cmocka_tests.h"

#define NS_PER_S 1000000000ull
#define PORT_61 0x21u

struct bench {
    struct pit pit;
    uint64_t now;
    uint32_t rises, falls;
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
    assert_int_equal(line, 0);
    b->rises += level && !b->level;
    b->falls += !level && b->level;
    b->level = level;
}

static inline struct bench *new_bench(void)
{
    static struct bench b;
    b = (struct bench){.now = 0};
    struct device_clock clock = {bench_now, &b};
    struct irq_line irq = {bench_line, &b, 0};
    pit_init(&b.pit, &clock, &irq);
    return &b;
}

/* The first ns of a clock, by arithmetic that the model does not use. */
static inline uint64_t ns_of(uint64_t clock)
{
    return (uint64_t)(((unsigned __int128)clock * NS_PER_S + PIT_HZ - 1) / PIT_HZ);
}

static inline void at_clock(struct bench *b, uint64_t clock)
{
    b->now = ns_of(clock);
}

static inline void out(struct bench *b, uint32_t offset, uint32_t value)
{
    pit_ops.write(&b->pit, offset, 1, value);
}

static inline uint32_t in(struct bench *b, uint32_t offset)
{
    return (uint32_t)pit_ops.read(&b->pit, offset, 1);
}

static inline void program(struct bench *b, uint32_t channel, uint32_t mode, uint32_t count)
{
    out(b, 3, channel << 6 | 0x30 | mode << 1);
    out(b, channel, count & 0xff);
    out(b, channel, count >> 8 & 0xff);
}

static inline uint32_t count_of(struct bench *b, uint32_t channel)
{
    out(b, 3, channel << 6);
    uint32_t low = in(b, channel);
    return low | in(b, channel) << 8;
}

static inline uint32_t status_of(struct bench *b, uint32_t channel)
{
    out(b, 3, 0xe0 | 2u << channel);
    return in(b, channel);
}

static inline bool out_of(struct bench *b, uint32_t channel)
{
    return (status_of(b, channel) & 0x80) != 0;
}

/* As a machine that is never late. */
static inline void run_to(struct bench *b, uint64_t until)
{
    for (uint64_t next = pit_ops.deadline(&b->pit); next <= until; next = pit_ops.deadline(&b->pit)) {
        b->now = next > b->now ? next : b->now;
        pit_ops.advance(&b->pit, b->now);
    }
    b->now = until;
}
