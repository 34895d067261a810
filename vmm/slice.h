/* SPDX-License-Identifier: MIT */
/* What Bochs needs beyond a processor: a bound on how long a guest runs without an exit, and true NMI blocking. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

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
 * Around each VM entry, with the VP's VMCS current. Bochs 2.7 never unblocks virtual NMIs at an entry, so that a VP
 * which exited in its NMI handler leaves them blocked for all other VPs of the CPU until one of these executes IRET,
 * and their exits report it. A VP's NMIs can only be blocked after an exit if they were at the entry or if that
 * injected an NMI.
 */
bool slice_may_block_nmi(const struct vp *vp);
void slice_correct_nmi(bool may_block);
