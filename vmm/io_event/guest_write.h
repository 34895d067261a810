/* SPDX-License-Identifier: MIT */
/*
 * Writes of a guest that are finished without an exit to the root: doorbells (vmm/io_event/doorbell.h) and posted
 * writes (vmm/io_event/posted.h). Both are for plain writes alone: OUT, and stores by MOV to memory that is not mapped
 * writable.
 *
 * Exit handlers read the table without a lock; what is removed is used again only when every CPU that ran the partition
 * has left its handler. Each `active` is atomic, the other members of its struct are constant while it is set.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "vmm/io_event/doorbell_match.h"
#include "vmm/io_event/posted_range.h"

struct partition;
struct vp;

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

/*
 * For exits of the VP whose VMCS is current. True: a doorbell rang or the write is posted, and the VP is past the
 * instruction. False: nothing happened.
 */
bool guest_write_memory(struct vp *vp, uint64_t gpa, uint64_t qualification);
bool guest_write_port(struct vp *vp);

/* The same for vmm/run/exit_fast.c: where nothing but RIP has to change. */
bool guest_write_port_plain(struct vp *vp);
