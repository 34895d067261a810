/* SPDX-License-Identifier: MIT */
/*
 * The ring of the exit trace: what a CPU writes for each exit, and what the root reads of it. Pure: nothing here knows
 * where time or memory come from. One CPU alone uses a ring.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "arch/cpu/percpu.h"

/*
 * One exit, as it is written: points in time instead of durations, which are formed when somebody reads. A point before
 * `tsc` is one of the entry that was here before: it has not come for this one.
 */
struct trace_raw {
    uint64_t tsc;
    uint64_t vp;
    uint64_t qualification;
    uint64_t left;          /* the hypervisor is done with the exit, and leaves to the root */
    uint64_t returned;      /* the root's next VP_RUN */
    uint64_t entered;       /* the next entry of a guest */
    struct trace_raw *next; /* the entry after it: a ring of links needs no test for its end */
    uint32_t reason;
};

/* A ring of `count` zeroed entries, at least one. */
void trace_ring_start(struct exit_trace *trace, struct trace_raw *entries, uint32_t count);

/* The entry to be written next: the oldest. */
static inline struct trace_raw *trace_ring_next(const struct exit_trace *trace)
{
    return trace->current->next;
}

/* What was written into `entry`, which trace_ring_next gave, is the newest entry. */
static inline void trace_ring_commit(struct exit_trace *trace, struct trace_raw *entry)
{
    trace->current = entry;
    trace->written++;
}

/*
 * What a reader that has all before `position` and room for `room` entries gets: fills `head`, and returns how many
 * entries follow from head->position on. A position beyond the end gets none, and the end's.
 */
uint32_t trace_ring_range(const struct exit_trace *trace, uint64_t position, uint32_t room,
                          struct whb_trace_read *head);

/* The entry at a position from trace_ring_range, for the root. */
void trace_ring_entry(const struct exit_trace *trace, uint64_t position, struct whb_trace_entry *to);
