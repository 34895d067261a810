/* SPDX-License-Identifier: MIT */
/* What Bochs needs beyond a processor: a bound on how long a guest runs without an exit, and true NMI blocking. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/vmm_state.h"

struct boot_info;
struct vp;

/*
 * Once at boot, after the features are known: on Bochs guests get the VMX preemption timer. Bochs 2.7 forgets to unmask
 * interrupts at a VM entry from RFLAGS.IF = 0 to a guest with IF = 0 (it sets RFLAGS before it is in VMX non-root
 * operation, and only a change of IF makes it look), so that such a guest could run for ever. Real processors need no
 * bound.
 */
void slice_init(const struct boot_info *info);

/*
 * After an exit that was dealt with, with the number of those before it in the same run: every entry starts the timer
 * anew, so a guest that exits again and again would never see it expire.
 */
bool slice_is_over(uint32_t resumed);

/*
 * Bochs 2.7 never unblocks virtual NMIs at an entry, so that a VP which exited in its NMI handler leaves them blocked
 * for all other VPs of the CPU until one of these executes IRET, and their exits report it. A VP's NMIs can only be
 * blocked after an exit if they were at the entry or if that injected an NMI. Until the first time that anything blocks
 * NMIs there is nothing to correct.
 *
 * slice_note_nmi: the current VMCS gets an NMI to inject, or blocking by NMI. The other two stand around each VM entry.
 */
static inline void slice_note_nmi(void)
{
    vmm.nmi_blocked_once |= vmm.correct_nmi;
}

bool slice_vp_may_block_nmi(const struct vp *vp);
static inline bool slice_may_block_nmi(const struct vp *vp)
{
    return __builtin_expect(!vmm.nmi_blocked_once, 1) || slice_vp_may_block_nmi(vp);
}

void slice_unblock_nmi(void);
static inline void slice_correct_nmi(bool may_block)
{
    if (__builtin_expect(!may_block, 0)) {
        slice_unblock_nmi();
    }
}
