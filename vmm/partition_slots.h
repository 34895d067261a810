/* SPDX-License-Identifier: MIT */
/* The handle table, for vmm/partition.c and for the straight way, which takes and gives references in line. */
#pragma once

#include "abi/hypercall.h"
#include "vmm/partition.h"

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

static inline struct partition_slot *partition_find_slot(uint64_t handle, uint64_t *generation)
{
    uint64_t number = handle & 0xffffu;
    if (number == 0 || number > WHB_MAX_PARTITIONS) {
        return NULL;
    }
    *generation = handle >> 16;
    return &partition_slots[number - 1];
}

static inline bool partition_is_open(uint64_t state, uint64_t generation)
{
    return state >> SLOT_LIFE_SHIFT == (generation << 2 | 2); /* alive, and not closing */
}

static inline struct partition *partition_take(uint64_t handle)
{
    uint64_t generation;
    struct partition_slot *slot = partition_find_slot(handle, &generation);
    if (slot == NULL) {
        return NULL;
    }
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
