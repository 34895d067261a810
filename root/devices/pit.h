/* SPDX-License-Identifier: MIT */
/*
 * The 8254 timer and port 61H. Counts and outputs are computed from the time since a count was loaded, so nothing
 * drifts.
 *
 * Channel 0's output is interrupt 0. Its line rises where the output does; where the output falls for a moment (modes
 * 2, 3 and 4) the line falls right before it rises again, since an exit for each fall would show nothing to a guest. A
 * control word for modes 1 to 5 raises the output, but not the line: a guest wants no tick for that.
 *
 * Rises that the guest could not be given are owed, for a guest that counts them: those that a late machine missed, and
 * those that came while the one before still waited in the PIC, where they would merge. Each is given once the guest
 * has taken the one before. Where nobody can say so (a local APIC has it), they come PIT_EDGE_GAP or half a period
 * apart, so that a guest with its interrupts on takes one before the next. More than PIT_BACKLOG_S of them are
 * forgotten, the oldest first; all when the guest programs the channel anew; and while it has masked the interrupt for
 * longer than a handler does, one in each period: it does not count ticks then.
 */
#pragma once

#include "root/devices/device.h"

#define PIT_HZ 1193182u
#define PIT_CHANNELS 3u
#define PIT_EDGE_GAP 200000u    /* ns */
#define PIT_EDGE_GAP_MIN 10000u /* ns, however short the period, and once the last rise was taken */
#define PIT_BACKLOG_S 1u

struct pit_channel {
    uint8_t mode;   /* 0 to 5 */
    uint8_t access; /* 1 low byte, 2 high byte, 3 low then high */
    bool bcd, gate;
    bool running;               /* a count was loaded, or will be at `start` */
    bool write_high, read_high; /* the high byte is next */
    bool status_latched;
    uint8_t low;      /* of a count whose high byte is still to come */
    uint8_t latched;  /* bytes of `latch` that are still to be read */
    uint8_t status;   /* latched */
    uint16_t latch;   /* count as read */
    uint32_t written; /* the last count, 1 to 65536 (10000 in BCD); 0: none since the control word */
    uint32_t count;   /* with which it runs */
    uint32_t next;    /* modes 2 and 3: what takes over at `next_start`; 0: nothing */
    uint64_t start;   /* the clock, since power-on, at which `count` was loaded */
    uint64_t next_start;
    uint64_t held; /* clocks counted when the gate fell */
};

/* What became of the line's last rise. */
enum pit_rise {
    PIT_RISE_UNKNOWN,
    PIT_RISE_TAKEN,
    PIT_RISE_WAITS,  /* the guest will take it: nothing can be given before */
    PIT_RISE_MASKED, /* it waits, and the guest does not want it now */
};

struct pit {
    struct device_clock clock;
    struct irq_line irq;
    enum pit_rise (*last_rise)(void *context); /* NULL: unknown */
    void *context;
    struct pit_channel channels[PIT_CHANNELS];
    uint64_t rise;      /* the clock of channel 0's first rise that is not in `owed`; DEVICE_NEVER */
    uint64_t owed;      /* rises that the guest should have had */
    uint64_t last_edge; /* ns, of the last one given */
    uint8_t port_61;    /* what of it was written: bits 0 to 3 */
};

void pit_init(struct pit *p, const struct device_clock *clock, const struct irq_line *irq);

/* After pit_init: who knows what became of the last rise. It changes only by what the guest does. */
void pit_set_last_rise(struct pit *p, enum pit_rise (*last_rise)(void *context), void *context);

extern const struct device_ops pit_ops;
