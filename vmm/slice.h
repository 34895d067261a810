/* SPDX-License-Identifier: MIT */
/* A bound on how long a guest runs without an exit, for machines that miss interrupts. */
#pragma once

struct boot_info;

/*
 * Once at boot, after the features are known: on Bochs guests get the VMX preemption timer. Bochs 2.7 forgets to unmask
 * interrupts at a VM entry from RFLAGS.IF = 0 to a guest with IF = 0 (it sets RFLAGS before it is in VMX non-root
 * operation, and only a change of IF makes it look), so that such a guest could run for ever. Real processors need no
 * bound.
 */
void slice_init(const struct boot_info *info);
