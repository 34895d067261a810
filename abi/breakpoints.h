/* SPDX-License-Identifier: MIT */
/*
 * Which breakpoints an access meets that the processor did not make itself (SDM vol. 3B, 18.2.4 and 18.2.5). For the
 * hypervisor and libwhv alike, each of which finishes instructions of guests.
 */
#pragma once

#include <stdint.h>

enum breakpoint_access {
    BREAKPOINT_READ,
    BREAKPOINT_WRITE,
    BREAKPOINT_PORT, /* IN or OUT; counts only while CR4.DE is set */
};

#define BREAKPOINTS_ENABLED 0xffu /* DR7: L0 to G3 */

/*
 * Bits 0 to 3: the enabled breakpoints of `dr` and `dr7` that an access meets. `address`: linear, or the port; `size`:
 * bytes, not 0.
 */
static inline uint32_t breakpoint_hits(const uint64_t dr[4], uint64_t dr7, enum breakpoint_access access,
                                       uint64_t address, uint32_t size)
{
    static const uint8_t lengths[4] = {1, 2, 8, 4};
    uint32_t hits = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t control = (uint32_t)(dr7 >> (16 + 4 * i)) & 15u, kind = control & 3u;
        uint64_t length = lengths[control >> 2], first = dr[i] & ~(length - 1);
        uint32_t fits = kind == 1   ? access == BREAKPOINT_WRITE
                        : kind == 2 ? access == BREAKPOINT_PORT
                                    : kind == 3 && access != BREAKPOINT_PORT;
        if ((dr7 >> (2 * i) & 3u) != 0 && fits != 0 && (address - first < length || first - address < size)) {
            hits |= 1u << i;
        }
    }
    return hits;
}
