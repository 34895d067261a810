/* SPDX-License-Identifier: MIT */
/* Guest-virtual addresses of a guest VP that the caller owns and whose VMCS is current. */
#pragma once

#include "abi/hypercall.h"
#include "vmm/gva_walk.h"
#include "vmm/vp.h"

/* The VP's paging state, to walk its tables as its own code would at this moment; sets no bits in them. */
void translate_state(const struct vp *vp, struct gva_walk_state *w);

/*
 * WHvTranslateGva. `flags`: WHV_TRANSLATE_GVA_FLAGS; WHB_ERROR_INVALID_ARGUMENT if others are set. With no access named
 * none is checked. The codes about GPAs are about the page tables; whether the page itself is mapped is not looked at,
 * since the address may be that of a device.
 */
enum whb_status translate_gva(const struct vp *vp, uint64_t gva, uint64_t flags, struct whb_translation *out);
