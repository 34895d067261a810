/* SPDX-License-Identifier: MIT */
#include "vmm/io_event/posted_range.h"

#define PORTS 0x10000u

bool posted_range_read(uint64_t address, uint64_t size, uint64_t limit, struct posted_range *out)
{
    uint64_t end = (address & WHB_POSTED_PORT) != 0 ? WHB_POSTED_PORT + PORTS : limit;
    if (size == 0 || address >= end || size > end - address) {
        return false;
    }
    *out = (struct posted_range){address, address + (size - 1)};
    return true;
}

bool posted_range_overlaps(const struct posted_range *a, const struct posted_range *b)
{
    return a->first <= b->last && b->first <= a->last;
}

bool posted_range_holds(const struct posted_range *range, uint64_t address, uint32_t size)
{
    return address >= range->first && address <= range->last && range->last - address >= size - 1;
}
