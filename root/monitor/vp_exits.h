/* SPDX-License-Identifier: MIT */
/* What the machine does about a record. */
#pragma once

#include "root/monitor/machine.h"

/* Does what vp->record asks for, so that the VP can run on, or ends the machine. */
enum statistics_row vp_exit(struct machine_vp *vp);

/* An Exception record of #MF. */
void vp_x87_error(struct machine_vp *vp);

/* Finishes the instruction of a MemoryAccess or string port record by libwhv's emulator. */
void vp_emulate_memory(struct machine_vp *vp);
void vp_emulate_port(struct machine_vp *vp);
/* On the VP's emulator handle. False: no memory. */
bool vp_create_emulator(struct machine_vp *vp);
