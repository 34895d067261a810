/* SPDX-License-Identifier: MIT */
/* Arithmetic of the emulator with its flags, after the SDM's vol. 1, 3.4.3 and vol. 2. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "root/libwhv/emulator_decode.h"

#define EMULATOR_CF 0x1u
#define EMULATOR_PF 0x4u
#define EMULATOR_AF 0x10u
#define EMULATOR_ZF 0x40u
#define EMULATOR_SF 0x80u
#define EMULATOR_DF 0x400u
#define EMULATOR_OF 0x800u
#define EMULATOR_TF 0x100u
#define EMULATOR_RF 0x10000u

/* All bits of `size` bytes (1, 2, 4, 8). */
static inline uint64_t emulator_mask(unsigned size)
{
    return size >= 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

/* `value` of `size` bytes, sign-extended to 64 bits. */
uint64_t emulator_sign_extend(uint64_t value, unsigned size);

/*
 * `a` operation `b` in `size` bytes: ADD to TEST, INC, DEC, NEG, NOT (these ignore `b`), SHL to RCR (`b` is the count).
 * Returns the result; CMP and TEST return what they throw away. Flags that the SDM leaves undefined stay as they were,
 * but AF after logic and shifts, which becomes 0.
 */
uint64_t emulator_calculate(enum emulator_operation operation, unsigned size, uint64_t a, uint64_t b, uint64_t *rflags);

/* SHLD (`left`) and SHRD: `a` shifted, filled up from `b`. Flags as above. */
uint64_t emulator_double_shift(bool left, unsigned size, uint64_t a, uint64_t b, uint64_t count, uint64_t *rflags);

/* Condition `code` (0 to 15, as in Jcc). */
bool emulator_condition(unsigned code, uint64_t rflags);
