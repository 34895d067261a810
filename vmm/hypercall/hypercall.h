/* SPDX-License-Identifier: MIT */
/* Hypercalls of the root (docs/hypercalls.md). */
#pragma once

#include "vmm/run/run.h"

/* What the root VP's exit loop does after a hypercall. */
enum hypercall_next {
    HYPERCALL_DONE,    /* RAX and RDX are set: go past the VMCALL */
    HYPERCALL_AGAIN,   /* the root takes an interrupt first, then executes the VMCALL again */
    HYPERCALL_REFUSED, /* not a hypercall at all: #UD */
    HYPERCALL_INIT,    /* INIT arrived for this CPU */
    HYPERCALL_RUN,     /* VP_RUN: run_begin */
};

/* Once for each CPU, before its first call. False: the heap has no memory for it. */
bool hypercall_init_cpu(struct cpu *cpu);

/* VMCALL by the root VP of this CPU, whose VMCS is current. `run`: for HYPERCALL_RUN, the VP, which is acquired. */
enum hypercall_next hypercall_handle(struct cpu *cpu, struct vp *root, struct vp **run);

/* The end of what the last VP_RUN began. */
enum hypercall_next hypercall_run_ended(struct cpu *cpu, struct vp *root, enum run_result result);
