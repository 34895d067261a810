/* SPDX-License-Identifier: MIT */
/*
 * The run page: one 4 KiB page of root memory per VP, shared between the root and the hypervisor.
 *
 * While the VP is not running, the root may read and write all of it. The guest's general registers live here and
 * nowhere else. RIP, RFLAGS and RSP are a copy: `valid` says which of them the hypervisor filled at the last exit, and
 * the root sets the bit in `dirty` for each one that it changed, after the value. What is dirty counts as the VP's
 * value from then on: the next run takes it, and so does any call on the VP's state before. A run that ends without a
 * record makes the copies invalid. While VP_RUN is in progress the root must leave the page alone; what it writes then
 * may or may not reach the guest, and harms nothing else.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/language.h"
#include "abi/posted_write.h"

/* Bit n of `valid` and `dirty` stands for the register whose WHV_REGISTER_NAME is n: 0 RAX ... 15 R15, 16 RIP, 17
 * RFLAGS. */
#define WHB_RUN_RSP (1u << 4)
#define WHB_RUN_RIP (1u << 16)
#define WHB_RUN_RFLAGS (1u << 17)
/* General registers are always valid and always taken, so their dirty bits may be set or not. */
#define WHB_RUN_ALL 0x3ffffu
/* Of `dirty` alone: `notifications`. */
#define WHB_RUN_NOTIFICATIONS (1u << 18)
#define WHB_RUN_DIRTY_ALL (WHB_RUN_ALL | WHB_RUN_NOTIFICATIONS)

#define WHB_RUN_RECORD_OFFSET 256u
#define WHB_RUN_RECORD_SIZE 224u
#define WHB_RUN_POSTED_OFFSET 1024u

struct whb_run_page {
    /*
     * Indexed by WHV_REGISTER_NAME 0 to 15: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 ... R15. The RSP slot follows
     * the rule of `valid` and `dirty`.
     */
    uint64_t gpr[16];
    uint64_t rip;
    uint64_t rflags;
    uint32_t valid; /* written by the hypervisor at each exit: which of RSP, RIP and RFLAGS are current */
    uint32_t dirty; /* set by the root, cleared by the hypervisor when taken, both atomically: which of them to load */
    uint64_t sequence; /* number of records delivered for this VP, starting at 1 with the first */
    uint32_t wanted;   /* written by the root: WHB_RUN_RSP if RSP is to be filled too, at each exit from the next on */
    uint32_t root_own; /* the root's alone: the hypervisor neither reads nor writes it */
    /*
     * WHV_DELIVERABILITY_NOTIFICATIONS_REGISTER as the root sets it, if it does so here; bits that are reserved do not
     * count. The hypervisor does not write it.
     */
    uint64_t notifications;
    uint64_t reserved[10]; /* zero */
    /*
     * WHV_RUN_VP_EXIT_CONTEXT in its 224-byte form; bytes outside the reason's own context are zero, unless the root
     * wrote there: the hypervisor clears them when the reason changes.
     */
    uint8_t record[WHB_RUN_RECORD_SIZE];
    /* The root's alone, as `root_own`: zero at first. */
    uint8_t root_room[WHB_RUN_POSTED_OFFSET - WHB_RUN_RECORD_OFFSET - WHB_RUN_RECORD_SIZE];
    struct whb_posted_ring posted; /* by its own rules, which hold also while VP_RUN is in progress */
};

WHB_STATIC_ASSERT(offsetof(struct whb_run_page, rip) == 128, "ABI");
WHB_STATIC_ASSERT(offsetof(struct whb_run_page, valid) == 144, "ABI");
WHB_STATIC_ASSERT(offsetof(struct whb_run_page, sequence) == 152, "ABI");
WHB_STATIC_ASSERT(offsetof(struct whb_run_page, wanted) == 160, "ABI");
WHB_STATIC_ASSERT(offsetof(struct whb_run_page, record) == WHB_RUN_RECORD_OFFSET, "ABI");
WHB_STATIC_ASSERT(offsetof(struct whb_run_page, posted) == WHB_RUN_POSTED_OFFSET, "ABI");
WHB_STATIC_ASSERT(sizeof(struct whb_run_page) == 4096, "ABI");
