/* SPDX-License-Identifier: MIT */
/* XSAVE images that the root gives: checked, and brought into the standard form (SDM vol. 1, 13.4). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define XSAVE_IMAGE_MAX 4096u
#define XSAVE_LEGACY_SIZE 576u /* legacy region and header */

struct xsave_component {
    uint32_t size, offset; /* bytes; offset in the standard form */
    bool align64;          /* in the compacted form it starts at a multiple of 64 */
};

/* What the CPU's XSAVE has (CPUID leaf 0DH). */
struct xsave_format {
    uint64_t components; /* XCR0 bits; x87 and SSE always */
    uint32_t size;       /* of a standard image of all of them, 576 to XSAVE_IMAGE_MAX bytes */
    uint32_t mxcsr_mask;
    struct xsave_component component[64]; /* from 2 on */
};

/*
 * Checks `size` bytes and writes the standard image of format->size bytes to `to` (XSAVE_IMAGE_MAX bytes, all written).
 * The compacted form is taken too (XCOMP_BV bit 63). False: it is too short, names components that there are not, or
 * loading it would fault. `from` must not change meanwhile.
 */
bool xsave_image_take(const struct xsave_format *format, const uint8_t *from, uint64_t size, uint8_t *to);
