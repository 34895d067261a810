/* SPDX-License-Identifier: MIT */
/*
 * Modes: Intel 82C54 data sheet. Clocks are subtracted modulo 2^64: when a count takes over in the middle of a period,
 * the `start` that fits its phase may be before power-on.
 */
#include "root/devices/pit_channel.h"

#define STATUS_OUT 0x80u
#define STATUS_NULL 0x40u /* the last count written does not run yet */

bool pit_channel_is_periodic(const struct pit_channel *c)
{
    return c->mode == 2 || c->mode == 3;
}

static bool gate_triggers(const struct pit_channel *c)
{
    return c->mode == 1 || c->mode == 5;
}

static uint32_t whole(const struct pit_channel *c)
{
    return c->bcd ? 10000 : 65536;
}

/* How long mode 3's output is high. */
static uint32_t high_part(uint32_t count)
{
    return (count + 1) / 2;
}

static bool is_before(uint64_t clock, uint64_t start)
{
    return (int64_t)(clock - start) < 0;
}

/* Clocks counted since the load. */
static uint64_t elapsed(const struct pit_channel *c, uint64_t clock)
{
    if (!c->gate && !gate_triggers(c)) {
        return c->held;
    }
    return is_before(clock, c->start) ? 0 : clock - c->start;
}

static uint16_t to_bcd(uint32_t value)
{
    return (uint16_t)(value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10);
}

static uint32_t from_bcd(uint32_t value)
{
    return (value >> 12 & 15) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 + (value & 15);
}

/* 0 is the largest count; 1 is illegal in modes 2 and 3, and taken as 2. */
static uint32_t count_of(const struct pit_channel *c, uint32_t value)
{
    uint32_t count = c->bcd ? from_bcd(value) % 10000 : value;
    if (count == 0) {
        return whole(c);
    }
    return count == 1 && pit_channel_is_periodic(c) ? 2 : count;
}

/* By two, twice in a period; from an even number, which an odd count makes by staying high for one clock more. */
static uint64_t square_wave_count(uint32_t count, uint64_t t)
{
    uint64_t in_period = t % count, high = high_part(count);
    return (count & ~1u) - 2 * (in_period < high ? in_period : in_period - high);
}

static uint16_t count_at(const struct pit_channel *c, uint64_t clock)
{
    uint64_t value = c->written;
    if (c->running) {
        uint64_t t = elapsed(c, clock);
        if (c->mode == 2) {
            value = c->count - t % c->count;
        } else if (c->mode == 3) {
            value = square_wave_count(c->count, t);
        } else {
            value = c->count + (uint64_t)whole(c) - t % whole(c); /* goes on below zero */
        }
    }
    value %= whole(c);
    return c->bcd ? to_bcd((uint32_t)value) : (uint16_t)value;
}

bool pit_channel_out(const struct pit_channel *c, uint64_t clock)
{
    if (!c->running) {
        return c->mode != 0;
    }
    uint64_t t = elapsed(c, clock);
    switch (c->mode) {
    case 0:
    case 1:
        return t >= c->count;
    case 2:
        return !c->gate || t % c->count != c->count - 1;
    case 3:
        return !c->gate || t % c->count < high_part(c->count);
    default:
        return t != c->count; /* low for one clock */
    }
}

/* Whether the count that takes over does so at the end of a period, and not at the end of mode 3's high part. */
static bool takes_over_at_end(const struct pit_channel *c)
{
    return (c->next_start - c->start) % c->count == 0;
}

void pit_channel_settle(struct pit_channel *c, uint64_t clock)
{
    if (c->next == 0 || !pit_channel_is_periodic(c) || !c->gate || is_before(clock, c->next_start)) {
        return;
    }
    c->start = c->next_start - (takes_over_at_end(c) ? 0 : high_part(c->next));
    c->count = c->next;
    c->next = 0;
}

uint64_t pit_channel_next_rise(const struct pit_channel *c)
{
    if (!c->running || gate_triggers(c)) {
        return DEVICE_NEVER;
    }
    if (c->next != 0) {
        return c->next_start + (takes_over_at_end(c) ? 0 : c->next - high_part(c->next));
    }
    return c->start + c->count + (c->mode == 4 ? 1 : 0);
}

void pit_channel_control(struct pit_channel *c, uint8_t value)
{
    uint8_t mode = value >> 1 & 7;
    *c = (struct pit_channel){
        .mode = mode > 5 ? mode & 3 : mode, .access = value >> 4 & 3, .bcd = (value & 1) != 0, .gate = c->gate};
}

/* The CLK pulse after now loads the last count written. */
static void load(struct pit_channel *c, uint64_t clock)
{
    c->count = c->written;
    c->next = 0;
    c->start = clock + 1;
    c->held = 0;
    c->running = true;
}

/* Mode 2 ends its period before it takes a new count, mode 3 its half. */
static uint64_t end_of_part(const struct pit_channel *c, uint64_t clock)
{
    uint64_t t = elapsed(c, clock), in_period = t % c->count;
    bool high = c->mode == 3 && in_period < high_part(c->count);
    return c->start + t - in_period + (high ? high_part(c->count) : c->count);
}

static void write_count(struct pit_channel *c, uint32_t value, uint64_t clock)
{
    c->written = count_of(c, value);
    if (gate_triggers(c)) {
        c->next = c->written; /* until the gate's rise */
    } else if (c->running && pit_channel_is_periodic(c) && !is_before(clock, c->start)) {
        c->next = c->written;
        c->next_start = end_of_part(c, clock);
    } else {
        load(c, clock);
    }
}

bool pit_channel_write(struct pit_channel *c, uint8_t value, uint64_t clock)
{
    bool first = c->access == 3 && !c->write_high;
    c->write_high = first;
    pit_channel_settle(c, clock);
    if (first) {
        c->low = value;
        c->running = c->running && c->mode != 0;
        return c->mode == 0;
    }
    write_count(c, c->access == 1 ? value : (c->access == 3 ? c->low : 0u) | (uint32_t)value << 8, clock);
    return true;
}

/* Of a latched count, the low byte comes first even if an unlatched one was read by half before. */
void pit_channel_latch(struct pit_channel *c, uint64_t clock, bool count, bool status)
{
    pit_channel_settle(c, clock);
    if (status && !c->status_latched) {
        bool null = !c->running || c->next != 0 || is_before(clock, c->start);
        uint32_t mode = (uint32_t)c->access << 4 | (uint32_t)c->mode << 1 | c->bcd;
        c->status = (uint8_t)((pit_channel_out(c, clock) ? STATUS_OUT : 0) | (null ? STATUS_NULL : 0) | mode);
        c->status_latched = true;
    }
    if (count && c->latched == 0) {
        c->latch = count_at(c, clock);
        c->latched = c->access == 3 ? 2 : 1;
        c->read_high = false;
    }
}

uint8_t pit_channel_read(struct pit_channel *c, uint64_t clock)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    bool high = c->access == 2;
    if (c->latched != 0) {
        high = high || (c->access == 3 && c->latched == 1);
        c->latched--;
        return (uint8_t)(c->latch >> (high ? 8 : 0));
    }
    pit_channel_settle(c, clock);
    if (c->access == 3) {
        high = c->read_high;
        c->read_high = !c->read_high;
    }
    return (uint8_t)(count_at(c, clock) >> (high ? 8 : 0));
}

void pit_channel_set_gate(struct pit_channel *c, bool gate, uint64_t clock)
{
    if (c->gate == gate) {
        return;
    }
    pit_channel_settle(c, clock);
    c->held = elapsed(c, clock);
    c->gate = gate;
    if (!gate) {
        return;
    }
    if (c->mode == 0 || c->mode == 4) {
        c->start = clock - c->held;
    } else if (c->written != 0) {
        load(c, clock);
    }
}
