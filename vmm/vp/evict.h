/* SPDX-License-Identifier: MIT */
/* A VP whose VMCS and extended state another CPU still has. */
#pragma once

#include "vmm/vp/vp.h"

/* Gets `vp`, owned by the caller, off the CPU that has it loaded, and waits for that. */
void vp_evict(struct vp *vp);

/* Gives away what another CPU wants from this one. */
void evict_serve(struct cpu *cpu);
