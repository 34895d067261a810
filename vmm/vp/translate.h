/* SPDX-License-Identifier: MIT */
/* Guest-virtual addresses of a guest VP that the caller owns and whose VMCS is current. */
#pragma once

#include "abi/hypercall.h"
#include "vmm/memory/gva_walk.h"
#include "vmm/vp/vp.h"

/* The VP's paging state, to walk its tables as its own code would at this moment; sets no bits in them. */
void translate_state(const struct vp *vp, struct gva_walk_state *w);

/* The PDPTEs that the next entry will load for a new CR3. False: they are not in guest memory. */
bool translate_new_pdptes(const struct vp *vp, uint64_t cr3, uint64_t pdpte[4]);

/*
 * WHvTranslateGva. `flags`: WHV_TRANSLATE_GVA_FLAGS; WHB_ERROR_INVALID_ARGUMENT if others are set. With no access named
 * none is checked. The codes about GPAs are about the page tables and, once those allow the access, about the page:
 * then the answer has its address all the same, since it may be a device's.
 */
enum whb_status translate_gva(const struct vp *vp, uint64_t gva, uint64_t flags, struct whb_translation *out);
