/* SPDX-License-Identifier: MIT */
/* What becomes of a partition and all its VPs together. */
#pragma once

#include "vmm/partition/partition.h"

enum whb_status partition_delete(uint64_t handle);

/* Every VP as it was created; mappings and properties stay. The caller holds a reference. WHB_ERROR_BUSY: a VP is in
 * use, nothing changed. */
enum whb_status partition_reset(struct partition *p);
