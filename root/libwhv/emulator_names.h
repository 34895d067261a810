/* SPDX-License-Identifier: MIT */
/* What capstone's numbers stand for. `id` is an x86_insn or an x86_reg; the names of both stay behind the decoder. */
#pragma once

#include "root/libwhv/emulator_decode.h"

/* enum emulator_operation; EMULATOR_UNSUPPORTED: none that the emulator knows by its number. */
uint8_t emulator_operation_of(unsigned id);

/* Whether the vector move faults on an address that is not a multiple of 16. */
bool emulator_wants_alignment(unsigned id);

/* Kind, number and size of a register operand. False: one that the emulator has no use for. */
bool emulator_take_register(unsigned id, struct emulator_operand *operand);
