/* SPDX-License-Identifier: MIT */
/*
 * What a guest VP's exits cost, for WHvGetVirtualProcessorCounters. Counts are always kept; times
 * only from the first time on that someone asks, since two RDTSC an exit would be paid by everybody else for nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"

struct vp;

/* In the order of WHV_PROCESSOR_INTERCEPT_COUNTERS. */
enum intercept_class {
    INTERCEPT_PAGE_INVALIDATION,
    INTERCEPT_CONTROL_REGISTER,
    INTERCEPT_IO,
    INTERCEPT_HALT,
    INTERCEPT_CPUID,
    INTERCEPT_MSR,
    INTERCEPT_OTHER,
    INTERCEPT_PENDING_INTERRUPT,
    INTERCEPT_EMULATED,
    INTERCEPT_DEBUG_REGISTER,
    INTERCEPT_PAGE_FAULT,
    INTERCEPT_NESTED_PAGE_FAULT,
    INTERCEPT_HYPERCALL,
    INTERCEPT_RDPMC,
    INTERCEPT_CLASSES,
};

struct vp_counters {
    uint64_t exits[INTERCEPT_CLASSES];
    uint64_t ticks[INTERCEPT_CLASSES];            /* TSC ticks from the exit to the next entry or to the root */
    uint64_t run_ticks, hypervisor_ticks;         /* in runs; in the hypervisor */
    uint64_t page_faults, exceptions, interrupts; /* events delivered by injection */
};

/* 1 plus the class of each basic exit reason, 0 for INTERCEPT_OTHER; exceptions stand under PAGE_FAULT. */
#define COUNTED_REASONS 128u
extern const uint8_t counters_class[COUNTED_REASONS];

/* An exit was handled that began at host TSC `since`, which counts if the VP is timed. */
static inline void counters_exit(struct vp_counters *counters, uint32_t reason, bool page_fault, uint64_t ticks)
{
    unsigned class = counters_class[reason & (COUNTED_REASONS - 1)];
    class = class == 0 || (class == 1 + INTERCEPT_PAGE_FAULT && !page_fault) ? INTERCEPT_OTHER : class - 1;
    counters->exits[class]++;
    counters->ticks[class] += ticks;
    counters->hypervisor_ticks += ticks;
}

/* An event with this interruption information was delivered to the guest. */
void counters_event(struct vp_counters *counters, uint32_t info);

/* Fills a WHV counter set, `*size` bytes; the VP is owned by the caller. WHB_ERROR_INVALID_ARGUMENT: no such set. */
enum whb_status counters_get(struct vp *vp, uint64_t set, void *to, uint64_t *size);
#define COUNTERS_MAX 256u
