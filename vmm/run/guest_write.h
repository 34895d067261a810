/* SPDX-License-Identifier: MIT */
/*
 * Writes of a guest that are finished without an exit to the root: doorbells (vmm/io_event/doorbell.h) and posted
 * writes (vmm/io_event/posted.h). Both are for plain writes alone: OUT, and stores by MOV to memory that is not mapped
 * writable.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vp;

/*
 * For exits of the VP whose VMCS is current. True: a doorbell rang or the write is posted, and the VP is past the
 * instruction. False: nothing happened.
 */
bool guest_write_memory(struct vp *vp, uint64_t gpa, uint64_t qualification);
bool guest_write_port(struct vp *vp);

/* The same for vmm/run/exit_fast.c: where nothing but RIP has to change. */
bool guest_write_port_plain(struct vp *vp);
