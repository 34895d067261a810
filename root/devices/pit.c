/* SPDX-License-Identifier: MIT */
/*
 * Modes and commands: Intel 8254 data sheet. Ports as offsets: 0 to 2 the channels, 3 the control word, 21H port 61H.
 *
 * A machine that was late delivers the edges of channel 0 that it missed one by one, EDGE_GAP apart, so that a guest
 * that counts ticks does not fall behind; more than BACKLOG of them are dropped, since a guest that was stopped for
 * long asks another clock anyway.
 */
#include "root/devices/pit.h"

#include "root/devices/scale.h"

#define CONTROL 3u
#define PORT_61 0x21u
#define NS_PER_S 1000000000ull
#define EDGE_GAP 100000u /* ns */
#define BACKLOG_S 1u

#define CONTROL_READ_BACK 3u
#define READ_BACK_NO_COUNT 0x20u
#define READ_BACK_NO_STATUS 0x10u
#define STATUS_OUT 0x80u
#define STATUS_NULL 0x40u

#define P61_GATE 0x01u
#define P61_SPEAKER 0x02u
#define P61_REFRESH 0x10u
#define P61_OUT2 0x20u
#define REFRESH_NS 15085u

static uint64_t clocks(uint64_t ns)
{
    return scale(ns, PIT_HZ, NS_PER_S);
}

/* The first ns at which `clocks` has this value. */
static uint64_t ns_of(uint64_t count)
{
    return scale_up(count, NS_PER_S, PIT_HZ);
}

static bool is_periodic(const struct pit_channel *c)
{
    return c->mode == 2 || c->mode == 3;
}

/* Clocks counted since the load. */
static uint64_t elapsed(const struct pit *p, const struct pit_channel *c)
{
    uint64_t running = c->gate ? clocks(clock_now(&p->clock)) - c->begin : 0;
    return c->paused + running;
}

static uint16_t to_bcd(uint32_t value)
{
    return (uint16_t)(value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10);
}

static uint32_t from_bcd(uint32_t value)
{
    return (value >> 12 & 15) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 + (value & 15);
}

static uint16_t count_now(const struct pit *p, const struct pit_channel *c)
{
    uint32_t whole = c->bcd ? 10000 : 65536;
    if (!c->loaded) {
        return 0;
    }
    uint64_t t = elapsed(p, c);
    uint64_t value;
    if (c->mode == 2) {
        value = c->reload - t % c->reload;
    } else if (c->mode == 3) {
        value = c->reload - t % c->reload * 2 % c->reload; /* by two, twice in a period */
    } else {
        value = (c->reload + (uint64_t)whole - t % whole) % whole; /* goes on below zero */
    }
    value %= whole;
    return c->bcd ? to_bcd((uint32_t)value) : (uint16_t)value;
}

static bool out_now(const struct pit *p, const struct pit_channel *c)
{
    if (!c->loaded) {
        return c->mode != 0;
    }
    uint64_t t = elapsed(p, c);
    switch (c->mode) {
    case 0:
    case 1:
        return t >= c->reload;
    case 2:
        return t % c->reload != c->reload - 1;
    case 3:
        return t % c->reload < (c->reload + 1) / 2;
    default:
        return t != c->reload; /* low for one clock */
    }
}

/* Modes 1 and 5 start again at the gate's rise, 2 and 3 too; modes 0 and 4 count on. */
static void set_gate(struct pit *p, struct pit_channel *c, bool gate)
{
    if (c->gate == gate) {
        return;
    }
    uint64_t now = clock_now(&p->clock);
    if (!gate) {
        c->paused = elapsed(p, c);
    } else {
        c->begin = clocks(now);
        if (c->mode != 0 && c->mode != 4) {
            c->paused = 0;
        }
    }
    c->gate = gate;
}

static void load(struct pit *p, struct pit_channel *c, uint32_t value)
{
    uint32_t count = c->bcd ? from_bcd(value) : value;
    c->reload = count == 0 ? (c->bcd ? 10000 : 65536) : count;
    c->loaded = true;
    c->begin_ns = clock_now(&p->clock);
    c->begin = clocks(c->begin_ns);
    c->paused = 0;
    if (c == &p->channels[0]) {
        p->edges = 0;
        if (c->mode == 0 || c->mode == 1) {
            irq_set(&p->irq, false);
        }
    }
}

static void latch_count(const struct pit *p, struct pit_channel *c)
{
    if (c->latched == 0) {
        c->latch = count_now(p, c);
        c->latched = c->access == 3 ? 2 : 1;
    }
}

static void latch_status(const struct pit *p, struct pit_channel *c)
{
    if (!c->status_latched) {
        c->status = (uint8_t)((out_now(p, c) ? STATUS_OUT : 0) | (c->loaded ? 0 : STATUS_NULL) | c->access << 4 |
                              c->mode << 1 | (c->bcd ? 1 : 0));
        c->status_latched = true;
    }
}

static void read_back(struct pit *p, uint8_t value)
{
    for (uint32_t i = 0; i < PIT_CHANNELS; i++) {
        if ((value >> (i + 1) & 1) == 0) {
            continue;
        }
        if ((value & READ_BACK_NO_STATUS) == 0) {
            latch_status(p, &p->channels[i]);
        }
        if ((value & READ_BACK_NO_COUNT) == 0) {
            latch_count(p, &p->channels[i]);
        }
    }
}

static void write_control(struct pit *p, uint8_t value)
{
    uint32_t number = value >> 6;
    if (number == CONTROL_READ_BACK) {
        read_back(p, value);
        return;
    }
    struct pit_channel *c = &p->channels[number];
    if ((value & 0x30) == 0) {
        latch_count(p, c);
        return;
    }
    bool gate = c->gate;
    uint8_t mode = value >> 1 & 7;
    *c = (struct pit_channel){
        .mode = mode > 5 ? mode & 3 : mode, .access = value >> 4 & 3, .bcd = (value & 1) != 0, .gate = gate};
    if (number == 0) {
        p->edges = 0;
        irq_set(&p->irq, c->mode != 0);
    }
}

static void write_count(struct pit *p, struct pit_channel *c, uint8_t value)
{
    switch (c->access) {
    case 1:
        load(p, c, value);
        break;
    case 2:
        load(p, c, (uint32_t)value << 8);
        break;
    case 3:
        if (c->write_high) {
            load(p, c, c->low | (uint32_t)value << 8);
        }
        c->low = value;
        c->write_high = !c->write_high;
        break;
    default:
        break;
    }
}

static uint8_t read_latch(struct pit_channel *c)
{
    uint8_t value =
        c->access == 2 || (c->latched == 1 && c->access == 3) ? (uint8_t)(c->latch >> 8) : (uint8_t)c->latch;
    c->latched--;
    return value;
}

static uint8_t read_count(struct pit *p, struct pit_channel *c)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (c->latched != 0) {
        return read_latch(c);
    }
    uint16_t count = count_now(p, c);
    bool high = c->access == 2 || (c->access == 3 && c->read_high);
    c->read_high = c->access == 3 && !c->read_high;
    return high ? (uint8_t)(count >> 8) : (uint8_t)count;
}

static uint8_t read_61(struct pit *p)
{
    const struct pit_channel *c = &p->channels[2];
    uint64_t refresh = clock_now(&p->clock) / REFRESH_NS;
    return (uint8_t)((c->gate ? P61_GATE : 0) | p->speaker | ((refresh & 1) != 0 ? P61_REFRESH : 0) |
                     (out_now(p, c) ? P61_OUT2 : 0));
}

static uint64_t pit_read(void *device, uint64_t offset, uint32_t size)
{
    struct pit *p = device;
    (void)size;
    if (offset == PORT_61) {
        return read_61(p);
    }
    return offset < PIT_CHANNELS ? read_count(p, &p->channels[offset]) : UINT64_MAX;
}

static void pit_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct pit *p = device;
    (void)size;
    if (offset == PORT_61) {
        p->speaker = (uint8_t)value & P61_SPEAKER;
        set_gate(p, &p->channels[2], (value & P61_GATE) != 0);
    } else if (offset == CONTROL) {
        write_control(p, (uint8_t)value);
    } else if (offset < PIT_CHANNELS) {
        write_count(p, &p->channels[offset], (uint8_t)value);
    }
}

/* The clock, from the load on, of channel 0's edge number `n` (from 1). */
static uint64_t edge_clock(const struct pit_channel *c, uint64_t n)
{
    return n * c->reload;
}

static uint64_t pit_deadline(const void *device)
{
    const struct pit *p = device;
    const struct pit_channel *c = &p->channels[0];
    if (!c->loaded || (!is_periodic(c) && p->edges != 0)) {
        return DEVICE_NEVER;
    }
    uint64_t due = ns_of(c->begin + edge_clock(c, p->edges + 1));
    uint64_t earliest = p->edges == 0 ? 0 : p->last_edge + EDGE_GAP;
    return due > earliest ? due : earliest;
}

static void pit_advance(void *device, uint64_t now)
{
    struct pit *p = device;
    const struct pit_channel *c = &p->channels[0];
    if (pit_deadline(p) > now) {
        return;
    }
    p->edges++;
    p->last_edge = now;
    uint64_t due = elapsed(p, c) / c->reload, most = (uint64_t)BACKLOG_S * PIT_HZ / c->reload + 1;
    if (is_periodic(c) && due > p->edges + most) {
        p->edges = due - most;
    }
    irq_set(&p->irq, false);
    irq_set(&p->irq, true);
    if (c->mode >= 4) {
        irq_set(&p->irq, false);
    }
}

static void pit_reset(void *device)
{
    struct pit *p = device;
    for (uint32_t i = 0; i < PIT_CHANNELS; i++) {
        p->channels[i] = (struct pit_channel){.mode = 3, .access = 3, .gate = i != 2};
    }
    p->edges = 0;
    p->last_edge = 0;
    p->speaker = 0;
    irq_set(&p->irq, false);
}

void pit_init(struct pit *p, const struct device_clock *clock, const struct irq_line *irq)
{
    p->clock = *clock;
    p->irq = *irq;
    pit_reset(p);
}

const struct device_ops pit_ops = {
    .read = pit_read, .write = pit_write, .deadline = pit_deadline, .advance = pit_advance, .reset = pit_reset};
