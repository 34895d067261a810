/* SPDX-License-Identifier: MIT */
/*
 * The exit trace's hooks on the path of a run (vmm/vp_run.c). `trace` is NULL, as a constant of the function that they
 * are compiled into, where the CPU's trace is off: then they are nothing. docs/exit-trace.md has their price.
 */
#pragma once

#include "arch/cpu.h"
#include "arch/vmcs.h"
#include "vmm/trace_ring.h"
#include "vmm/vp.h"

/* The root called VP_RUN at `tsc`. */
static inline void exit_trace_returned(struct exit_trace *trace, uint64_t tsc)
{
    if (trace != NULL) {
        trace->current->returned = tsc;
    }
}

/* The guest is about to be entered. */
static inline void exit_trace_entered(struct exit_trace *trace)
{
    if (trace != NULL) {
        rdtsc_to(&trace->current->entered);
    }
}

/* An exit came; the VP's VMCS is current. */
static inline void exit_trace_exit(struct exit_trace *trace, const struct vp *vp, uint32_t reason)
{
    if (trace != NULL) {
        struct trace_raw *entry = trace_ring_next(trace);
        rdtsc_to(&entry->tsc);
        entry->vp = vp->trace_name;
        entry->reason = reason;
        entry->qualification = vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    }
}

/* The hypervisor has something to do about the VP that no exit told. */
static inline void exit_trace_no_exit(struct exit_trace *trace, const struct vp *vp)
{
    if (trace != NULL) {
        struct trace_raw *entry = trace_ring_next(trace);
        rdtsc_to(&entry->tsc);
        entry->vp = vp->trace_name;
        entry->reason = WHB_TRACE_NO_EXIT;
        entry->qualification = 0;
    }
}

/* The run is over, and the root goes on at `tsc`. */
static inline void exit_trace_left(struct exit_trace *trace, uint64_t tsc)
{
    if (trace != NULL) {
        trace->current->left = tsc;
    }
}
