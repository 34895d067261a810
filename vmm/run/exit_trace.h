/* SPDX-License-Identifier: MIT */
/*
 * The exit trace's hooks on the path of a run. `traced` is a constant of the function that they are compiled into on
 * the short ways (see below), where it is false they are nothing; the usual way (vmm/run/run.c) has it as a
 * variable. docs/exit-trace.md has their price.
 */
#pragma once

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/run/trace_ring.h"
#include "vmm/vp/vp.h"

/*
 * The short ways are compiled twice, with the hooks and without: by vmm/run/run_straight_traced.c and
 * vmm/run/exit_fast_traced.c. So a trace that is off costs them one test at an exit.
 */
#ifndef TRACED
#define TRACED false
#endif

/* The root called VP_RUN at `tsc`. */
static inline void exit_trace_returned(struct cpu *cpu, bool traced, uint64_t tsc)
{
    if (traced) {
        cpu->trace.current->returned = tsc;
    }
}

static inline void exit_trace_returned_now(struct cpu *cpu, bool traced)
{
    if (traced) {
        rdtsc_to(&cpu->trace.current->returned);
    }
}

/* The guest is about to be entered. */
static inline void exit_trace_entered(struct cpu *cpu, bool traced)
{
    if (traced) {
        rdtsc_to(&cpu->trace.current->entered);
    }
}

/* An exit came; the VP's VMCS is current. */
static inline void exit_trace_exit(struct cpu *cpu, bool traced, const struct vp *vp, uint32_t reason)
{
    if (traced) {
        struct trace_raw *entry = trace_ring_next(&cpu->trace);
        trace_ring_commit(&cpu->trace, entry);
        rdtsc_to(&entry->tsc);
        entry->vp = vp->trace_name;
        entry->reason = reason;
        vmcs_readnw_to(VMCS_EXIT_QUALIFICATION, &entry->qualification);
    }
}

/*
 * The same in two steps, where the usual way may still take the exit over and tell of it itself. The entry that the
 * first returns is for the others; NULL if not traced.
 */
static inline struct trace_raw *exit_trace_arrived(struct cpu *cpu, bool traced, uint32_t reason)
{
    struct trace_raw *entry = NULL;
    if (traced) {
        entry = trace_ring_next(&cpu->trace);
        rdtsc_to(&entry->tsc);
        entry->reason = reason;
    }
    return entry;
}

/* That entry once more, where it would be in the way until then. */
static inline struct trace_raw *exit_trace_entry(struct cpu *cpu, bool traced)
{
    return traced ? trace_ring_next(&cpu->trace) : NULL;
}

/* Between the two, by who does not need the qualification. Who reads it stores what it read. */
static inline void exit_trace_qualification(bool traced, struct trace_raw *entry)
{
    if (traced) {
        vmcs_readnw_to(VMCS_EXIT_QUALIFICATION, &entry->qualification);
    }
}

static inline void exit_trace_taken(struct cpu *cpu, bool traced, struct trace_raw *entry, const struct vp *vp)
{
    if (traced) {
        trace_ring_commit(&cpu->trace, entry);
        entry->vp = vp->trace_name;
    }
}

/* The hypervisor has something to do about the VP that no exit told. */
void exit_trace_write_no_exit(struct cpu *cpu, const struct vp *vp);

static inline void exit_trace_no_exit(struct cpu *cpu, bool traced, const struct vp *vp)
{
    if (traced) {
        exit_trace_write_no_exit(cpu, vp);
    }
}

/* The run is over, and the root goes on at `tsc`. */
static inline void exit_trace_left(struct cpu *cpu, bool traced, uint64_t tsc)
{
    if (traced) {
        cpu->trace.current->left = tsc;
    }
}

static inline void exit_trace_left_now(struct cpu *cpu, bool traced)
{
    if (traced) {
        rdtsc_to(&cpu->trace.current->left);
    }
}
