/* SPDX-License-Identifier: MIT */
/*
 * Instructions that a record is about, which the root finishes by moving RIP: they end as the processor would end them
 * (docs/completion.md). The VP is owned and its VMCS current for all of these.
 */
#pragma once

#include "abi/breakpoints.h"
#include "vmm/vp/completion_decide.h"
#include "vmm/vp/vp.h"

/*
 * The root moves RIP; the VMCS has what it was. If that finishes the instruction of the last record, its shadow and RF
 * end, and what is due behind it becomes a pending debug exception. Returns what was added to those. `flags_given`: the
 * root sets RFLAGS too, which then is as the root says.
 */
uint64_t completion_move(struct vp *vp, uint64_t rip, bool flags_given);

/* Pending debug exceptions for an access that meets a breakpoint that is on, else 0. */
uint64_t completion_hits(const struct vp *vp, enum breakpoint_access access, uint64_t address, uint32_t size);

/* More pending debug exceptions; 0: none. */
void completion_add_pending(uint64_t bits);

/* Before an entry, with PENDING_SETTLE: makes of what the root set one by one a state that can be entered. */
void completion_settle(struct vp *vp);

/* Whether the next entry begins with a debug exception, unless an event is injected. */
bool completion_trap_is_due(void);

/* The same, had the instruction that exited been finished. */
bool completion_ends_in_trap(void);

/* The VP made an access that the hypervisor finishes; called only with PENDING_BREAKPOINTS. */
void completion_watch(struct vp *vp, enum breakpoint_access access, uint64_t address, uint32_t size);
