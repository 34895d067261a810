/* SPDX-License-Identifier: MIT */
/*
 * APICv for guests in x2APIC mode (SDM vol. 3C, 30.1 to 30.5): the processor itself delivers what is in the APIC page's
 * IRR, ends services, and answers reads of registers. Without it, and in xAPIC mode, vmm/run/window.c and
 * vmm/run/apic_exit.c do the same by exits.
 */
#pragma once

#include "kernel/boot/options.h"
#include "vmm/vp/vp.h"

/* Whether this machine has it and its owner wants it; once at boot. */
void apicv_init(const struct boot_options *options);

/*
 * Before each entry of a VP with an APIC, between apic_before_entry and window_before_entry: turns the controls on or
 * off, and tells the processor what is pending and in service.
 */
void apicv_before_entry(struct vp *vp);
