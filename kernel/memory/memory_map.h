/* SPDX-License-Identifier: MIT */
/* Lists of physical memory ranges: what the loader reports, made sorted and free of overlaps. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No x86-64 processor has physical addresses from here on (SDM vol. 3, 4.1.4: MAXPHYADDR is at most 52). */
#define MEMORY_ADDRESS_END (1ull << 52)

/* Numbered as in multiboot2 and E820. */
enum memory_type {
    MEMORY_AVAILABLE = 1,
    MEMORY_RESERVED = 2,
    MEMORY_ACPI = 3, /* holds ACPI tables; RAM once they are read */
    MEMORY_NVS = 4,  /* must be kept across sleep */
    MEMORY_BAD = 5,
};

struct memory_range {
    uint64_t base; /* bytes */
    uint64_t size; /* bytes */
    uint32_t type; /* enum memory_type */
    uint32_t reserved;
};

/*
 * Turns `raw` into a list in `out` that is ascending, page-aligned, without overlaps or empty ranges, and whose
 * touching ranges differ in type. Available ranges shrink to whole pages, the others grow. Where ranges overlap the
 * more restrictive type wins: available, ACPI, NVS, reserved, bad, in this order; an unknown type counts as reserved.
 * Ends are cut at MEMORY_ADDRESS_END, and an available range that wraps around the address space is ignored as
 * nonsense.
 *
 * Returns false, *out_count untouched, if the result has more than `out_max` ranges. `raw` and `out` must not overlap.
 * The time is quadratic in raw_count, which is nothing for the hundred ranges of a real machine.
 */
bool memory_map_normalise(const struct memory_range *raw, size_t raw_count, struct memory_range *out, size_t out_max,
                          size_t *out_count);
