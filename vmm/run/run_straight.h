/* SPDX-License-Identifier: MIT */
/*
 * Run-VP's fast path: the VMCALL of VP_RUN enters the guest right from the root's exit, and an exit that only makes a
 * record enters the root right from the guest's. Where anything needs more, nothing has been changed yet and NULL gives
 * it to the rare path, or run_resume and run_end go on with it.
 */
#pragma once

#include "vmm/vp/vp.h"

/* VMCALL of VP_RUN by the root VP of this CPU, its mode and RAX looked at. The block to enter with, or NULL. */
uint64_t *run_straight_begin(struct cpu *cpu, struct vp *root);

/*
 * Before an entry from the fast path, for a VP whose VMCS is current: whether nothing is pending, or only what the fast
 * path sees to, and now has.
 */
bool run_fast_prepare(struct vp *vp, uint32_t pending);
static inline bool run_fast_may_enter(struct vp *vp)
{
    uint32_t pending = vp_pending(vp, ~0u);
    return __builtin_expect(pending == 0, 1) || run_fast_prepare(vp, pending);
}

/* An exit of a guest with this reason, as the VMCS has it. The block to enter with, or NULL. */
uint64_t *run_straight_exit(struct cpu *cpu, struct vp *vp, uint32_t reason);
