/* SPDX-License-Identifier: MIT */
/*
 * The 8254 timer and port 61H. A channel's count is computed from the time since it was loaded, so nothing drifts.
 * Channel 0's output is interrupt 0.
 */
#pragma once

#include "root/devices/device.h"

#define PIT_HZ 1193182u
#define PIT_CHANNELS 3u

struct pit_channel {
    uint8_t mode;   /* 0 to 5 */
    uint8_t access; /* 1 low byte, 2 high byte, 3 low then high */
    bool bcd, gate;
    bool loaded;                /* it has a count */
    bool write_high, read_high; /* the high byte is next */
    uint8_t low;                /* of a count whose high byte is still to come */
    uint32_t reload;            /* 1 to 65536 (10000 in BCD) */
    uint64_t begin_ns;          /* when the count was loaded */
    uint64_t begin;             /* the same in clocks since power-on */
    uint64_t paused;            /* clocks counted while the gate was up, before it fell; modes 0 and 4 */
    uint8_t latched;            /* bytes of the latched count that are still to be read */
    uint16_t latch;
    bool status_latched;
    uint8_t status;
};

struct pit {
    struct device_clock clock;
    struct irq_line irq;
    struct pit_channel channels[PIT_CHANNELS];
    uint64_t edges;     /* of channel 0 since its load, delivered */
    uint64_t last_edge; /* ns of the last one delivered */
    uint8_t speaker;    /* port 61H bit 1 */
};

void pit_init(struct pit *p, const struct device_clock *clock, const struct irq_line *irq);

extern const struct device_ops pit_ops;
