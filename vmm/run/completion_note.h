/* SPDX-License-Identifier: MIT */
/* What a record leaves unfinished: vmm/vp/completion.h. */
#pragma once

#include "vmm/run/exit_decode.h"
#include "vmm/vp/vp.h"

/*
 * At each record, before it is made, with the common group and what its reason's row names. RF leaves RFLAGS, also in
 * the snapshot, where nothing needs it.
 */
void completion_note(struct vp *vp, struct exit_snapshot *snapshot);
