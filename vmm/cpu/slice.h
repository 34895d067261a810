/* SPDX-License-Identifier: MIT */
/*
 * What Bochs needs beyond a processor: a bound on how long a guest runs without an exit, true NMI blocking, and quiet
 * while it delivers virtual interrupts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/cpu.h"
#include "vmm/cpu/vmm_state.h"

#define SLICE_NOT_HELD UINT64_MAX

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

/*
 * Bochs (2.7, and its sources of August 2026) delivers the virtual interrupt that waits in the virtual-APIC page
 * when an interrupt for the host arrives, whatever RFLAGS.IF says: HandleExtInterrupt looks whether one is pending, not
 * whether it is unmasked. Linux then waits for ever for a lock that it holds itself. So there a VP with
 * virtual-interrupt delivery runs with the CPU's own TPR at its highest, which leaves the host's interrupts in the
 * local APIC until the next exit, at the latest the bound's above; and vmm/run/window.c keeps it from entering with IF
 * = 0 and one that waits.
 *
 * Both stand around each VM entry: slice_hold returns what slice_let_go puts back.
 */
static inline uint64_t slice_hold(bool virtual_interrupts)
{
    if (__builtin_expect(!virtual_interrupts || !vmm.hold_interrupts, 1)) {
        return SLICE_NOT_HELD;
    }
    uint64_t tpr = read_cr8();
    write_cr8(15);
    return tpr;
}

static inline void slice_let_go(uint64_t held)
{
    if (__builtin_expect(held != SLICE_NOT_HELD, 0)) {
        write_cr8(held);
    }
}

void slice_unblock_nmi(void);
static inline void slice_correct_nmi(bool may_block)
{
    if (__builtin_expect(!may_block, 0)) {
        slice_unblock_nmi();
    }
}
