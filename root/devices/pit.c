/* SPDX-License-Identifier: MIT */
/* Modes and commands: Intel 82C54 data sheet. Offsets: 0 to 2 the channels, 3 the control word, 21H port 61H. */
#include "root/devices/pit.h"

#include "root/devices/pit_channel.h"
#include "root/devices/ticks.h"

#define CONTROL 3u
#define PORT_61 0x21u
#define CONTROL_READ_BACK 3u
#define READ_BACK_NO_COUNT 0x20u
#define READ_BACK_NO_STATUS 0x10u

#define P61_GATE 0x01u
#define P61_WRITABLE 0x0fu /* gate, speaker, and the two checks that are not there */
#define P61_REFRESH 0x10u
#define P61_OUT 0x20u
#define REFRESH_CLOCKS 18u /* channel 1's period on a PC: a row of memory every 15 us */

static enum pit_rise last_rise(const struct pit *p)
{
    return p->last_rise != NULL ? p->last_rise(p->context) : PIT_RISE_UNKNOWN;
}

/* When, after the last rise, one that is owed may be given. */
static uint64_t next_try(const struct pit *p, enum pit_rise rise)
{
    uint64_t period = ticks_ns(p->channels[0].count, PIT_HZ), gap = period;
    if (rise == PIT_RISE_WAITS) {
        return DEVICE_NEVER;
    }
    if (rise == PIT_RISE_UNKNOWN) {
        gap = period / 2 < PIT_EDGE_GAP ? period / 2 : PIT_EDGE_GAP;
    } else if (rise == PIT_RISE_TAKEN) {
        gap = 0;
    }
    return ticks_later(p->last_edge, gap > PIT_EDGE_GAP_MIN ? gap : PIT_EDGE_GAP_MIN);
}

/* Moves the rises up to `clock` from the future to what is owed. */
static void count_rises(struct pit *p, uint64_t clock)
{
    struct pit_channel *c = &p->channels[0];
    if (p->rise > clock) {
        return;
    }
    pit_channel_settle(c, clock);
    if (!pit_channel_is_periodic(c)) {
        p->rise = DEVICE_NEVER;
        p->owed++;
        return;
    }
    uint64_t rises = (clock - p->rise) / c->count + 1, most = PIT_BACKLOG_S * PIT_HZ / c->count + 1;
    most = p->owed > most ? p->owed : most; /* with a shorter period before, there was more in a second */
    p->rise += rises * c->count;
    p->owed = rises < most - p->owed ? p->owed + rises : most;
}

static uint64_t pit_deadline(const void *device)
{
    const struct pit *p = device;
    return p->owed != 0 ? next_try(p, last_rise(p)) : ticks_ns(p->rise, PIT_HZ);
}

static void pit_advance(void *device, uint64_t now)
{
    struct pit *p = device;
    count_rises(p, ticks_at(now, PIT_HZ));
    if (p->owed == 0) {
        return;
    }
    enum pit_rise rise = last_rise(p);
    if (now < next_try(p, rise)) {
        return;
    }
    p->owed -= rise == PIT_RISE_MASKED && p->owed > 1 ? 2 : 1;
    p->last_edge = now;
    irq_set(&p->irq, false);
    irq_set(&p->irq, true);
}

/* The guest changes channel 0. A rise that was due before is in the PIC now on a PC; the others are of no use any more.
 */
static void begin_anew(struct pit *p, uint64_t now)
{
    pit_advance(p, now);
    p->owed = 0;
}

/* Channel 0 has a new count, or a new control word and none. Modes 1 and 5 never start: its gate does not rise. */
static void plan(struct pit *p)
{
    const struct pit_channel *c = &p->channels[0];
    p->rise = pit_channel_next_rise(c);
    if (c->mode == 0) {
        irq_set(&p->irq, false);
    }
}

static void write_control(struct pit *p, uint8_t value, uint64_t now)
{
    uint32_t number = value >> 6;
    uint64_t clock = ticks_at(now, PIT_HZ);
    if (number == CONTROL_READ_BACK) {
        for (uint32_t i = 0; i < PIT_CHANNELS; i++) {
            if ((value >> (i + 1) & 1) != 0) {
                pit_channel_latch(&p->channels[i], clock, (value & READ_BACK_NO_COUNT) == 0,
                                  (value & READ_BACK_NO_STATUS) == 0);
            }
        }
    } else if ((value & PIT_CONTROL_ACCESS) == 0) {
        pit_channel_latch(&p->channels[number], clock, true, false);
    } else {
        if (number == 0) {
            begin_anew(p, now);
        }
        pit_channel_control(&p->channels[number], value);
        if (number == 0) {
            plan(p);
        }
    }
}

/* In modes 2 and 3 the count goes on to the end of its period: what is owed stays. */
static void write_count(struct pit *p, uint32_t number, uint8_t value, uint64_t now)
{
    struct pit_channel *c = &p->channels[number];
    if (number != 0) {
        (void)pit_channel_write(c, value, ticks_at(now, PIT_HZ));
        return;
    }
    if (pit_channel_is_periodic(c)) {
        count_rises(p, ticks_at(now, PIT_HZ));
    } else {
        begin_anew(p, now);
    }
    if (pit_channel_write(c, value, ticks_at(now, PIT_HZ))) {
        plan(p);
    }
}

static uint8_t read_61(struct pit *p, uint64_t clock)
{
    pit_channel_settle(&p->channels[2], clock);
    bool refresh = clock / REFRESH_CLOCKS % 2 != 0, out = pit_channel_out(&p->channels[2], clock);
    return (uint8_t)(p->port_61 | (refresh ? P61_REFRESH : 0) | (out ? P61_OUT : 0));
}

static uint8_t read_byte(struct pit *p, uint64_t offset, uint64_t clock)
{
    if (offset == PORT_61) {
        return read_61(p, clock);
    }
    return offset < PIT_CHANNELS ? pit_channel_read(&p->channels[offset], clock) : 0xff;
}

static uint64_t pit_read(void *device, uint64_t offset, uint32_t size)
{
    struct pit *p = device;
    uint64_t value = 0, clock = ticks_at(clock_now(&p->clock), PIT_HZ);
    for (uint32_t i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(p, offset + i, clock) << 8 * i;
    }
    return value;
}

static void write_byte(struct pit *p, uint64_t offset, uint8_t value, uint64_t now)
{
    if (offset == PORT_61) {
        p->port_61 = value & P61_WRITABLE;
        pit_channel_set_gate(&p->channels[2], (value & P61_GATE) != 0, ticks_at(now, PIT_HZ));
    } else if (offset == CONTROL) {
        write_control(p, value, now);
    } else if (offset < PIT_CHANNELS) {
        write_count(p, (uint32_t)offset, value, now);
    }
}

static void pit_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct pit *p = device;
    uint64_t now = clock_now(&p->clock);
    for (uint32_t i = 0; i < size; i++) {
        write_byte(p, offset + i, (uint8_t)(value >> 8 * i), now);
    }
}

/* The data sheet leaves the state open until the control word comes: nothing counts, and no interrupt comes. */
static void pit_reset(void *device)
{
    struct pit *p = device;
    for (uint32_t i = 0; i < PIT_CHANNELS; i++) {
        p->channels[i] = (struct pit_channel){.mode = 3, .access = 3, .gate = i != 2};
    }
    p->rise = DEVICE_NEVER;
    p->owed = 0;
    p->last_edge = 0;
    p->port_61 = 0;
    irq_set(&p->irq, false);
}

void pit_init(struct pit *p, const struct device_clock *clock, const struct irq_line *irq)
{
    *p = (struct pit){.clock = *clock, .irq = *irq};
    pit_reset(p);
}

void pit_set_last_rise(struct pit *p, enum pit_rise (*rise)(void *context), void *context)
{
    p->last_rise = rise;
    p->context = context;
}

const struct device_ops pit_ops = {
    .read = pit_read, .write = pit_write, .deadline = pit_deadline, .advance = pit_advance, .reset = pit_reset};
