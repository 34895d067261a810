/* SPDX-License-Identifier: MIT */
/* Why a VP's last record was InvalidVpRegisterValue (struct whb_vp_diagnostics). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/run/entry_check.h"
#include "vmm/vp/vp.h"

/* The VP's VMCS is current for all of these, and no event is in its VM-entry fields: it is in vp->event. */

/*
 * Reads what the entry checks look at. `refused`: the processor has refused this state, so that checks count which only
 * some processors make.
 */
void entry_state_read(const struct vp *vp, bool refused, struct entry_state *s);

/*
 * After the root changed registers: false if an entry would fail. With entry-check=off it is always true, and the check
 * that fails is in the diagnostics of the next record, whatever that is: so a test compares the processor with it.
 */
bool diagnostics_may_enter(struct vp *vp);

/*
 * Whether RIP or RFLAGS, which the root changes by way of the run page, can be what an entry refuses. False positives
 * are only slow.
 */
static inline bool diagnostics_suspects(uint64_t rip, uint64_t rflags)
{
    const uint64_t fixed = 2u, ever_set = 0x3f7fd7u;
    return (rip + (1ull << 47)) >> 48 != 0 || (rflags & fixed) == 0 || (rflags & ~ever_set) != 0;
}

/* The VP gets an InvalidVpRegisterValue record next. `qualification`: the processor's, 0 if it was not asked. */
void diagnostics_invalid(struct vp *vp, uint64_t qualification);

/* Starts the diagnostics of the VP's next record, all else zero. */
struct whb_vp_diagnostics *diagnostics_begin(struct vp *vp, uint32_t exit_reason);
