/* SPDX-License-Identifier: MIT */
/*
 * Guest time in ticks of a device's oscillator. Always from power-on, by whole seconds and the rest, so that it is
 * exact at any time: no rounding adds up, and no product leaves 64 bits.
 */
#pragma once

#include <stdint.h>

#include "root/devices/device.h"
#include "root/devices/scale.h"

#define TICKS_NS_PER_S 1000000000ull

/* Ticks that are over at `ns`. `hz` is at most 10^9. */
static inline uint64_t ticks_at(uint64_t ns, uint64_t hz)
{
    return scale(ns, hz, TICKS_NS_PER_S);
}

/* The first ns at which `ticks` are over; DEVICE_NEVER if 64 bits do not hold it. */
static inline uint64_t ticks_ns(uint64_t ticks, uint64_t hz)
{
    return ticks / hz < DEVICE_NEVER / TICKS_NS_PER_S ? scale_up(ticks, TICKS_NS_PER_S, hz) : DEVICE_NEVER;
}

/* `ns` later than `at`; DEVICE_NEVER if there is no such time. */
static inline uint64_t ticks_later(uint64_t at, uint64_t ns)
{
    return ns > DEVICE_NEVER - at ? DEVICE_NEVER : at + ns;
}
