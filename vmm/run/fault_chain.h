/* SPDX-License-Identifier: MIT */
/* The exceptions that led to a triple fault, found by replaying it (vmm/run/fault_chain.c). */
#pragma once

#include "vmm/run/guest_exit.h"

/*
 * The VP exited with a triple fault. EXIT_DELIVER: that is the record, its chain is in vp->diagnostics. Otherwise the
 * triple fault did not come again, or must be found anew after the root took an interrupt.
 */
enum exit_action fault_chain(struct cpu *cpu, struct vp *vp, struct exit_snapshot *snapshot);
