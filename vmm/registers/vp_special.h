/* SPDX-License-Identifier: MIT */
/* WHV's registers for events and interruptibility. The VP is owned, its VMCS current, values are checked. */
#pragma once

#include "vmm/registers/vp_registers.h"
#include "vmm/vp/vp.h"

/* Names of REGISTER_SPECIAL. */
uint64_t vp_special_get(const struct vp *vp, uint32_t name);
void vp_special_set(struct vp *vp, uint32_t name, uint64_t value);

/* PendingEvent. */
struct register_value vp_event_get(const struct vp *vp);
void vp_event_set(struct vp *vp, const struct register_value *v);
