/* SPDX-License-Identifier: MIT */
/* Making, resetting and deleting guest VPs. */
#pragma once

#include "vmm/vp/vp.h"

/* Creation and deletion; the caller holds a reference of `p`. */
enum whb_status vp_create(struct partition *p, uint64_t index, uint64_t run_page_pa);
enum whb_status vp_delete(struct partition *p, uint64_t index);

/* Makes an owned VP what vp_create makes; its partition's lock is held. */
void vp_reset(struct vp *vp);

/* Frees all of a VP whose partition goes; no other CPU can reach it any more. */
void vp_destroy(struct vp *vp);
