/* SPDX-License-Identifier: MIT */
/*
 * What Bochs needs beyond a processor: a bound on how long a guest runs without an exit, true NMI blocking, and quiet
 * while it delivers virtual interrupts. Other machines pay two tests of `vmm` a run for it, and nothing an entry.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/cpu.h"
#include "vmm/cpu/vmm_state.h"

struct boot_info;
struct cpu;
struct vp;

/*
 * Once at boot, after the features are known: on Bochs guests get the VMX preemption timer. Bochs 2.7 forgets to unmask
 * interrupts at a VM entry from RFLAGS.IF = 0 to a guest with IF = 0 (it sets RFLAGS before it is in VMX non-root
 * operation, and only a change of IF makes it look), so that such a guest could run for ever. Real processors need no
 * bound.
 */
void quirks_init(const struct boot_info *info);

/*
 * Bochs 2.7 never unblocks virtual NMIs at an entry, so that a VP which exited in its NMI handler leaves them blocked
 * for all other VPs of the CPU until one of these executes IRET, and their exits report it. A VP's NMIs can only be
 * blocked after an exit if they were at the entry or if that injected an NMI. Until the first time that anything blocks
 * NMIs there is nothing to correct.
 *
 * quirk_note_nmi: the current VMCS gets an NMI to inject, or blocking by NMI. The other two stand around each VM entry.
 */
static inline void quirk_note_nmi(void)
{
    vmm.nmi_blocked_once |= vmm.correct_nmi;
}

bool quirk_vp_may_block_nmi(const struct vp *vp);
static inline bool quirk_may_block_nmi(const struct vp *vp)
{
    return __builtin_expect(!vmm.nmi_blocked_once, 1) || quirk_vp_may_block_nmi(vp);
}

/*
 * Bochs (2.7, and its sources of August 2026) delivers the virtual interrupt that waits in the virtual-APIC page
 * when an interrupt for the host arrives, whatever RFLAGS.IF says: HandleExtInterrupt looks whether one is pending, not
 * whether it is unmasked. Linux then waits for ever for a lock that it holds itself. So there a VP with
 * virtual-interrupt delivery runs with the CPU's own TPR at its highest, which leaves the host's interrupts in the
 * local APIC until the root runs again, at the latest when the bound above ends the run; and vmm/run/window.c keeps it
 * from entering with IF = 0 and one that waits.
 *
 * Such a VP has PENDING_QUIRK. The TPR is set once a run, before the first entry, and put back with the root's other
 * state (AWAY_TPR). False: an interrupt waits, and the entry is one for window.c. The VP's VMCS is current.
 */
bool quirk_mask_interrupts(struct cpu *cpu);

void quirk_unblock_nmi(void);
static inline void quirk_correct_nmi(bool may_block)
{
    if (__builtin_expect(!may_block, 0)) {
        quirk_unblock_nmi();
    }
}
