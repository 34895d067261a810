/* SPDX-License-Identifier: MIT */
/*
 * The 8254 timer and port 61H. Counts and outputs are computed from the time since a count was loaded, so nothing
 * drifts.
 *
 * Channel 0's output is interrupt 0. Its line rises where the output does; where the output falls for a moment (modes
 * 2, 3 and 4) the line falls right before it rises again, since an exit for each fall would show nothing to a guest. A
 * control word for modes 1 to 5 raises the output, but not the line: a guest wants no tick for that.
 *
 * A machine that is late owes the guest each rise that it missed, for a guest that counts them; it gives them one by
 * one, PIT_EDGE_GAP or half a period apart, so that the guest can take one before the next comes: the line shows no
 * acknowledgement, and a rise while the last one still waits in the PIC is merged with it. So a guest that keeps its
 * interrupts off for long loses ticks, as on a PC. More than PIT_BACKLOG_S of them are forgotten, the oldest first, and
 * all when the guest programs the channel anew.
 */
#pragma once

#include "root/devices/device.h"

#define PIT_HZ 1193182u
#define PIT_CHANNELS 3u
#define PIT_EDGE_GAP 200000u    /* ns */
#define PIT_EDGE_GAP_MIN 10000u /* ns, however short the period */
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

struct pit {
    struct device_clock clock;
    struct irq_line irq;
    struct pit_channel channels[PIT_CHANNELS];
    uint64_t rise;      /* the clock of channel 0's first rise that is not in `owed`; DEVICE_NEVER */
    uint64_t owed;      /* rises that the guest should have had */
    uint64_t last_edge; /* ns, of the last one given */
    uint8_t port_61;    /* what of it was written: bits 0 to 3 */
};

void pit_init(struct pit *p, const struct device_clock *clock, const struct irq_line *irq);

extern const struct device_ops pit_ops;
