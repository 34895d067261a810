/* SPDX-License-Identifier: MIT */
/*
 * A partition's doorbells and posted ranges. Exit handlers read the table without a lock; what is removed is used again
 * only when every CPU that ran the partition has left its handler. Each `active` is atomic, the other members of its
 * struct are constant while it is set.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "vmm/io_event/doorbell_match.h"
#include "vmm/io_event/posted_range.h"

struct partition;

struct doorbell {
    struct doorbell_match match;
    uint64_t event; /* root physical address */
    bool active;
};

struct posted_entry {
    struct posted_range range;
    bool active;
};

struct write_table {
    uint32_t doorbell_end, posted_end; /* atomic, and only grow: no entry from here on was ever active */
    struct doorbell doorbells[WHB_MAX_DOORBELLS];
    struct posted_entry posted[WHB_MAX_POSTED_RANGES];
};

_Static_assert(sizeof(struct write_table) <= 4096, "a partition's table is one page");

/*
 * The partition's table, made with the first call; its lock is held. NULL: out of memory. A table without entries
 * changes nothing.
 */
struct write_table *write_table_get(struct partition *p);

static inline uint32_t write_table_end(const uint32_t *end)
{
    return __atomic_load_n(end, __ATOMIC_ACQUIRE);
}

/* Entry `index` has become active; the partition's lock is held. */
static inline void write_table_grow(uint32_t *end, uint32_t index)
{
    if (index >= *end) {
        __atomic_store_n(end, index + 1, __ATOMIC_RELEASE);
    }
}
