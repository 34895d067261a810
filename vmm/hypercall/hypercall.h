/* SPDX-License-Identifier: MIT */
/* Hypercalls of the root (docs/hypercalls.md). */
#pragma once

#include "vmm/vp/vp.h"

/* What the root VP's exit loop does after a hypercall. */
enum hypercall_next {
    HYPERCALL_DONE,    /* RAX and RDX are set: go past the VMCALL */
    HYPERCALL_AGAIN,   /* the root takes an interrupt first, then executes the VMCALL again */
    HYPERCALL_REFUSED, /* not a hypercall at all: #UD */
    HYPERCALL_INIT,    /* INIT arrived for this CPU */
};

/* Once for each CPU, before its first call. False: the heap has no memory for it. */
bool hypercall_init_cpu(struct cpu *cpu);

/* The usual way gets the VP_RUN that vmm/run/run_straight.c began, after what its last entry came to. */
enum hypercall_next hypercall_take_over(struct cpu *cpu, struct vp *root, enum vmx_entry_result entry);

/* VMCALL by the root VP of this CPU, whose VMCS is current. */
enum hypercall_next hypercall_handle(struct cpu *cpu, struct vp *root);
