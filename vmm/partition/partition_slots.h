/* SPDX-License-Identifier: MIT */
/* The handle table, for vmm/partition/partition.c and for the straight way, which takes and gives references in line.
 */
#pragma once

#include "abi/hypercall.h"
#include "vmm/partition/partition.h"

#define SLOT_REFERENCES 0x3fffffffull
#define SLOT_CLOSING (1ull << 30)
#define SLOT_ALIVE (1ull << 31)
#define SLOT_LIFE_SHIFT 30u
#define SLOT_GENERATION_SHIFT 32u

struct partition_slot {
    uint64_t state; /* atomic */
    struct partition *partition;
};

extern struct partition_slot partition_slots[WHB_MAX_PARTITIONS];

/* Every number names some slot, also in speculation; whether it is a handle says the generation. */
#define HANDLE_SLOTS_SHIFT 8u
_Static_assert(WHB_MAX_PARTITIONS == 1u << HANDLE_SLOTS_SHIFT, "a handle's low bits are the slot");

static inline struct partition_slot *partition_find_slot(uint64_t handle, uint64_t *generation)
{
    *generation = handle >> HANDLE_SLOTS_SHIFT;
    return &partition_slots[WHB_HANDLE_SLOT(handle)];
}

static inline bool partition_is_open(uint64_t state, uint64_t generation)
{
    return state >> SLOT_LIFE_SHIFT == (generation << 2 | 2); /* alive, and not closing */
}

static inline struct partition *partition_take(uint64_t handle)
{
    uint64_t generation;
    struct partition_slot *slot = partition_find_slot(handle, &generation);
    uint64_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
    do {
        if (!partition_is_open(state, generation)) {
            return NULL;
        }
    } while (!__atomic_compare_exchange_n(&slot->state, &state, state + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    if (slot->partition == NULL) {
        __builtin_unreachable(); /* it is alive */
    }
    return slot->partition;
}

static inline void partition_give(struct partition *partition)
{
    (void)__atomic_fetch_sub(&partition_slots[partition->slot].state, 1, __ATOMIC_RELEASE);
}
