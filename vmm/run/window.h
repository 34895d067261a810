/* SPDX-License-Identifier: MIT */
/* Interrupt and NMI windows of a guest VP: vmm/vp/window_decide.h on the current VMCS. */
#pragma once

#include "vmm/run/guest_exit.h"

/*
 * Before an entry of a VP with PENDING_WINDOWS. EXIT_RESUME: enter. EXIT_DELIVER: the root waited for this, and
 * the record is made. May put the external interrupt that waits into vp->event.
 */
enum exit_action window_before_entry(struct vp *vp);

/* The exits for windows. EXIT_RESUME lets window_before_entry look again. */
enum exit_action window_exit(struct vp *vp, uint32_t reason);
