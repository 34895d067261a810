/* SPDX-License-Identifier: MIT */
/*
 * Posted writes: writes of a guest to ports and addresses that the client named (POSTED_ADD), kept in a ring until the
 * client takes them, while the VP goes on. Every VP has a ring, in its run page; docs/posted-writes.md has the rules.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/language.h"

/* Ranges of a partition. */
#define WHB_MAX_POSTED_RANGES 16u
/* In the address of a range or a write, as in that of a doorbell: bits 15:0 are an I/O port. Else it is guest-physical.
 */
#define WHB_POSTED_PORT (1ull << 63)

struct whb_posted_write {
    uint64_t address; /* guest-physical, or WHB_POSTED_PORT and the port */
    uint64_t value;   /* zero-extended */
    uint64_t tsc;     /* of the host when it was kept: by it the writes of several VPs can be put in order */
    uint32_t size;    /* bytes: 1, 2, 4, or 8 for memory */
    uint32_t reserved;
};

/* One slot stays empty, so that a full ring differs from an empty one. */
#define WHB_POSTED_SLOTS 92u

/*
 * `head` is the slot of the oldest write that waits, `tail` the one that the next will get; they are equal if none
 * waits. The hypervisor stores `tail`, with release, after it has filled the slot; one consumer at a time stores
 * `head`, with release, after it has read the slot, also while the VP runs. A `head` that is no slot harms the client
 * alone: the ring is never full then, and what waits is overwritten.
 */
struct whb_posted_ring {
    uint32_t tail;
    uint32_t reserved[15];
    uint32_t head; /* in another cache line than what the hypervisor writes */
    uint32_t reserved2[15];
    struct whb_posted_write writes[WHB_POSTED_SLOTS];
};

WHB_STATIC_ASSERT(sizeof(struct whb_posted_write) == 32, "ABI");
WHB_STATIC_ASSERT(offsetof(struct whb_posted_ring, head) == 64, "ABI");
WHB_STATIC_ASSERT(offsetof(struct whb_posted_ring, writes) == 128, "ABI");
WHB_STATIC_ASSERT(sizeof(struct whb_posted_ring) == 3072, "ABI");
