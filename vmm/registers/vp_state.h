/* SPDX-License-Identifier: MIT */
/* Blocks of a guest VP's state (WHV_VIRTUAL_PROCESSOR_STATE_TYPE). The VP is owned by this CPU, its VMCS current. */
#pragma once

#include "abi/hypercall.h"
#include "vmm/vp/vp.h"

#define VP_STATE_MAX 4096u

/* Learns the machine's XSAVE format; once at boot, after switch_init. */
void vp_state_init(void);

/*
 * `block` is VP_STATE_MAX bytes of the hypervisor's own; get fills `*size` of them. `image` is as many, for set alone.
 * WHB_ERROR_NOT_SUPPORTED: the VP has no such state; WHB_ERROR_INVALID_ARGUMENT: no such type, or a block that cannot
 * be (nothing changed).
 */
enum whb_status vp_state_get(struct vp *vp, uint64_t type, void *block, uint64_t *size);
enum whb_status vp_state_set(struct vp *vp, uint64_t type, const void *block, uint64_t size, uint8_t *image);
