/* SPDX-License-Identifier: MIT */
/*
 * The width of physical addresses that name memory. With memory encryption by several keys (TME-MK, and TDX on top of
 * it) the upper bits of what CPUID counts are a KeyID: addresses that differ in them alone are the same memory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Pure. `width` is MAXPHYADDR by CPUID; `activate` is IA32_TME_ACTIVATE, 0 on a processor without it (SDM vol. 4,
 * MSR 982H). TDX's bits are among those of the KeyID.
 */
uint8_t physical_width_decide(uint8_t width, uint64_t activate);

/* This processor's, as if `simulated_keyid_bits` more were a KeyID's (for tests). At least 32. */
uint8_t physical_width_read(uint8_t simulated_keyid_bits);
