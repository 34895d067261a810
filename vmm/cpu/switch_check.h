/* SPDX-License-Identifier: MIT */
/* Pure checks of what a VP may put in registers that the hypervisor loads by itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/cpu/switched_msr.h"

/* XCR0 bits a VP may set; PKRU is not among them, it would act while the registers are another VP's. */
#define XCR0_X87 (1ull << 0)
#define XCR0_SSE (1ull << 1)
#define XCR0_AVX (1ull << 2)
#define XCR0_AVX512 (7ull << 5)

/* WRMSR of this value would not fault. */
bool switch_msr_valid(enum switched_msr which, uint64_t value);

/* XSETBV of this value would not fault on a CPU that supports `supported`. */
bool switch_xcr0_valid(uint64_t value, uint64_t supported);
