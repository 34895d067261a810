/* SPDX-License-Identifier: MIT */
/*
 * Doorbells: writes of a guest, to unmapped or read-only memory or to a port, that signal an event of the root and do
 * not exit. Exit handlers read the table without a lock; what is removed is used again only when every CPU that ran the
 * partition has left its handler.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "abi/whv.h"

struct partition;
struct vp;

/*
 * `data` is the hypervisor's own copy, `event` the address of a struct whb_event in RAM of the root, which must be
 * good until the doorbell is removed or the partition deleted. WHB_ERROR_INVALID_ARGUMENT: not a possible write, or
 * there is such a doorbell; WHB_ERROR_INVALID_STATE: not set up; WHB_ERROR_OUT_OF_MEMORY: heap, or WHB_MAX_DOORBELLS.
 */
enum whb_status doorbell_add(struct partition *p, const WHV_DOORBELL_MATCH_DATA *data, uint64_t event);

/* When it returns, the event is signalled no more. WHB_ERROR_NOT_FOUND. */
enum whb_status doorbell_remove(struct partition *p, const WHV_DOORBELL_MATCH_DATA *data);

/*
 * For exits of the VP whose VMCS is current. True: the write matched; every matching doorbell's event is signalled and
 * the VP is past the instruction.
 */
bool doorbell_memory_write(struct vp *vp, uint64_t gpa, uint64_t qualification);
bool doorbell_port_write(struct vp *vp);
