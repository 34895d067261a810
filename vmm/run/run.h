/* SPDX-License-Identifier: MIT */
/*
 * Run-VP's rare path: what world_switch.S calls where the fast path (vmm/run/run_straight.h) returned NULL, or an entry
 * did not come about. Each function returns the register block of the VP to enter next, whose VMCS is current.
 */
#pragma once

#include "vmm/vp/vp.h"

/* How a run ended, for the root. */
enum run_result {
    RUN_RECORD,   /* the record is in the run page */
    RUN_EMULATE,  /* the same, for WHB_ERROR_APIC_ACCESS */
    RUN_RESTART,  /* a physical interrupt or NMI is the root's: let it take it, then run again */
    RUN_INIT,     /* another root CPU sent INIT to this one */
    RUN_BAD_PAGE, /* the run page's dirty mask has unknown bits; nothing happened */
};

/* The root's part (vmm/root/root_run.c): each makes the root VP, whose VMCS is current, ready and returns its block. */
struct run_client {
    uint64_t *(*exit)(struct cpu *cpu, struct vp *root);  /* an exit that the fast path left alone */
    uint64_t *(*enter)(struct cpu *cpu, struct vp *root); /* nothing but a kick, which is served */
    uint64_t *(*run_ended)(struct cpu *cpu, struct vp *root, enum run_result result);
    void (*refused)(const struct vp *root); /* the processor refused to enter it; does not return */
};

/* Once at boot. */
void run_init(const struct run_client *given);

/* VP_RUN of a VP that the caller has acquired, with a reference of its partition; the run's end gives both back. */
uint64_t *run_begin(struct cpu *cpu, struct vp *vp);

/* For the fast path: goes on with a run whose last exit is dealt with, or ends one whose record is made. */
uint64_t *run_resume(struct cpu *cpu, struct vp *vp);
uint64_t *run_end(struct cpu *cpu, struct vp *vp, enum run_result result);

/* For world_switch.S. */
uint64_t *exit_root_rare(void);
uint64_t *exit_guest_rare(void);
uint64_t *entry_kicked(void);
uint64_t *entry_refused(void);
