/* SPDX-License-Identifier: MIT */
/*
 * A guest's memory as its devices and loaders see it: RAM from 0, and the rest from 4 GiB on. The guest can change it
 * at any time: what is read is copied once, then checked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define GUEST_HIGH_BASE 0x100000000ull
#define GUEST_LOW_MAX 0xc0000000ull /* above are devices, the APICs and the firmware */

struct guest_memory {
    uint8_t *low; /* guest-physical 0 */
    uint64_t low_size;
    uint8_t *high; /* guest-physical 4 GiB; NULL if high_size is 0 */
    uint64_t high_size;
};

/* Where [gpa, gpa + size) is; NULL if any of it is not RAM. size 0 is in RAM if gpa is. */
static inline uint8_t *guest_memory_at(const struct guest_memory *m, uint64_t gpa, uint64_t size)
{
    if (gpa < m->low_size && size <= m->low_size - gpa) {
        return m->low + gpa;
    }
    uint64_t high = gpa - GUEST_HIGH_BASE;
    if (gpa >= GUEST_HIGH_BASE && high < m->high_size && size <= m->high_size - high) {
        return m->high + high;
    }
    return NULL;
}
