/* SPDX-License-Identifier: MIT */
/* What the next entry of a VP, root's or guest's, delivers. Its VMCS is current. */
#pragma once

#include "arch/cpu/cpu.h"
#include "vmm/vp/vp.h"

/* An exception. Those with an error code get it from `error`; others ignore it. */
void event_inject(struct vp *vp, enum exception_vector vector, uint32_t error);

/* Keeps what was being delivered when the exit came (SDM vol. 3C, 25.9.3). */
void event_requeue(struct vp *vp);

/* Writes vp->event to the VMCS. */
void event_inject_pending(struct vp *vp);

/* The entry did not happen: the event stays in vp->event, and all else is as before event_inject_pending. */
void event_take_back(const struct vp *vp);

/* NMIs are blocked from the next entry on. */
void event_block_nmi(void);

/* What comes next at RIP has met its breakpoint already (SDM vol. 3B, 18.3.1.1). Returns RFLAGS before. */
uint64_t event_set_resume_flag(void);

/* The root writes DeliverabilityNotifications, or a PendingEvent of type ExtInt (bit 31 and the vector; 0: none). */
void event_set_notifications(struct vp *vp, uint64_t value);
void event_set_external(struct vp *vp, uint32_t external);
