/* SPDX-License-Identifier: MIT */
/* What the machine does about a record. */
#pragma once

#include "root/monitor/machine.h"

/* Does what vp->record asks for, so that the VP can run on, or ends the machine. */
enum statistics_row vp_exit(struct machine_vp *vp);

/* An UnsupportedFeature record of a task switch. */
void vp_task_switch(struct machine_vp *vp);

/* An Exception record of #MF. */
void vp_x87_error(struct machine_vp *vp);

/*
 * MemoryAccess records that are writes to ROM of the processor's own: true, and the VP can run on. vp_rom_step_end
 * comes first at each exit and ends what this began; true: a single step that is not the guest's own has come to its
 * end, and vp_debug_exception, for Exception records of #DB, does not give that cause to the guest.
 */
bool vp_rom_write(struct machine_vp *vp);
bool vp_rom_step_end(struct machine_vp *vp);
void vp_debug_exception(struct machine_vp *vp, bool stepped);

/* Finishes the instruction of a MemoryAccess or string port record by libwhv's emulator. */
void vp_emulate_memory(struct machine_vp *vp);
void vp_emulate_port(struct machine_vp *vp);
/* On the VP's emulator handle. False: no memory. */
bool vp_create_emulator(struct machine_vp *vp);
