/* SPDX-License-Identifier: MIT */
/* Ranges of addresses or ports whose writes are posted. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/posted_write.h"

/* Both inclusive, both with WHB_POSTED_PORT or both without. */
struct posted_range {
    uint64_t first, last;
};

/*
 * False: no bytes, or some that no write reaches. `limit`: first guest-physical address that cannot be, at most
 * WHB_POSTED_PORT.
 */
bool posted_range_read(uint64_t address, uint64_t size, uint64_t limit, struct posted_range *out);

bool posted_range_overlaps(const struct posted_range *a, const struct posted_range *b);

/* All of the `size` bytes at `address`, 1 to 8, lie in the range. */
bool posted_range_holds(const struct posted_range *range, uint64_t address, uint32_t size);
