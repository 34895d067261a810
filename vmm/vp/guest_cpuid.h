/* SPDX-License-Identifier: MIT */
/* What CPUID tells a guest VP. */
#pragma once

#include "arch/cpu/cpu.h"
#include "vmm/vp/vp.h"

/*
 * CPUID's answer for the VP as it is now, its partition's result lists applied. `shown`: the leaf whose data it is, the
 * highest basic one if this one does not exist. The VP is owned, its VMCS current.
 */
struct cpuid_result guest_cpuid(const struct vp *vp, uint32_t leaf, uint32_t subleaf, uint32_t *shown);

/* Keeps such an answer for vmm/vp/cpuid_cache.h, of a leaf that shows its own data. `wanted`: guest_cpuid_exits. */
void guest_cpuid_remember(struct vp *vp, uint32_t leaf, uint32_t subleaf, const struct cpuid_result *r, bool wanted);

/* If CPUID with this leaf in EAX is the root's to answer. */
bool guest_cpuid_exits(const struct partition *p, uint32_t leaf);

/* XCR0 bits that a VP may set, the root's or a guest's; 0: it has no XSAVE. */
uint64_t guest_cpuid_xcr0(const struct vp *vp);
