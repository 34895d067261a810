/* SPDX-License-Identifier: MIT */
/* From one clock's ticks to another's, exactly. */
#pragma once

#include <stdint.h>

/* value * to / from, rounded down; right if the result fits and from * to is less than 2^64 (frequencies are). */
static inline uint64_t scale(uint64_t value, uint64_t to, uint64_t from)
{
    return value / from * to + value % from * to / from;
}

/* The same, rounded up. */
static inline uint64_t scale_up(uint64_t value, uint64_t to, uint64_t from)
{
    return value / from * to + (value % from * to + from - 1) / from;
}
