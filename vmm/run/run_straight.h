/* SPDX-License-Identifier: MIT */
/*
 * Run-VP's straight way: the VMCALL of VP_RUN enters the guest right from the root's exit stub, and an exit that only
 * makes a record enters the root right from the guest's. It is for a VP about which nothing is special; where anything
 * is, nothing has been changed yet and the usual way begins, or takes over what began (call_take_over).
 *
 * While the straight way runs a guest, cpu->straight is that VP, and the frame of the hypervisor below is that of the
 * root's vmx_enter.
 */
#pragma once

#include "vmm/vp/vp.h"

/* VMCALL of VP_RUN by the root VP of this CPU, its mode and RAX looked at. The block to enter with, or NULL. */
uint64_t *run_straight_begin(struct cpu *cpu, struct vp *root);

/*
 * Before an entry from the fast path, for a VP whose VMCS is current: whether nothing is pending, or only what the fast
 * path sees to, and now has.
 */
bool run_fast_prepare(struct vp *vp);
static inline bool run_fast_may_enter(struct vp *vp)
{
    return __builtin_expect(vp_pending(vp, ~0u) == 0, 1) || run_fast_prepare(vp);
}

/* An exit of cpu->straight with this reason, as the VMCS has it. The block to enter with, or NULL. */
uint64_t *run_straight_exit(struct cpu *cpu, uint32_t reason);
