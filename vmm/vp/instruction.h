/* SPDX-License-Identifier: MIT */
/* The instruction that made the last exit of the VP, root's or guest's, whose VMCS is current. */
#pragma once

#include "vmm/vp/vp.h"

/* The VP is in 64-bit mode. In legacy mode a code segment's L bit means nothing. */
bool instruction_code64(void);

/* Moves RIP past the instruction and ends the shadow of STI and MOV SS. */
void advance_rip(void);

/* The same for an exit that does not report the instruction's length: 1 to 15 bytes. */
void advance_rip_by(uint32_t length);

/* A general register by its number in instructions. */
uint64_t instruction_register(const struct vp *vp, unsigned number);
