/* SPDX-License-Identifier: MIT */
/*
 * What a device model is. A model is a plain struct and a table of functions; it knows neither libwhv nor the CPU it
 * runs on, so that the same source runs under host unit tests. The machine calls it under one lock, from any CPU; a
 * model never blocks. All that a guest can do to it ends in a value or nothing, never in an error of the machine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_NEVER UINT64_MAX

/* `offset` is what the region of the bus says (bus.h); `size` is 1, 2, 4 or 8 bytes; an access does not cross a region.
 */
struct device_ops {
    /* Reads that mean nothing give all ones. The caller cuts the value to `size`. */
    uint64_t (*read)(void *device, uint64_t offset, uint32_t size);
    void (*write)(void *device, uint64_t offset, uint32_t size, uint64_t value);
    /* The next time in ns at which `advance` has something to do, DEVICE_NEVER if none. NULL: never. */
    uint64_t (*deadline)(const void *device);
    /* Does what is due at `now` (ns, never decreasing). */
    void (*advance)(void *device, uint64_t now);
    /* As at power-on; wiring (interrupt lines, clock, files) stays. NULL: nothing to reset. */
    void (*reset)(void *device);
};

/* An interrupt request line of the machine: ISA numbers 0 to 15. Setting the level that it has changes nothing. */
struct irq_line {
    void (*set)(void *context, uint32_t line, bool level); /* NULL: not connected */
    void *context;
    uint32_t line;
};

static inline void irq_set(const struct irq_line *irq, bool level)
{
    if (irq->set != NULL) {
        irq->set(irq->context, irq->line, level);
    }
}

/* Guest time: ns since the machine's power-on, never decreasing; it follows the guest's TSC. */
struct device_clock {
    uint64_t (*now)(void *context);
    void *context;
};

static inline uint64_t clock_now(const struct device_clock *clock)
{
    return clock->now(clock->context);
}

/* A stream of bytes out of the machine (console, debug port). */
struct byte_sink {
    void (*put)(void *context, uint8_t byte); /* NULL: dropped */
    void *context;
};

static inline void sink_put(const struct byte_sink *sink, uint8_t byte)
{
    if (sink->put != NULL) {
        sink->put(sink->context, byte);
    }
}
