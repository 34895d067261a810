/* SPDX-License-Identifier: MIT */
/* CPUID results that a partition's result lists change. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/whv.h"
#include "arch/cpu/cpu.h"

/* Those entries that match are applied in their order: of two that name the same bit the later one is right. */
void cpuid_override(const WHV_X64_CPUID_RESULT2 *list, uint32_t count, uint32_t vp_index, uint32_t leaf,
                    uint32_t subleaf, struct cpuid_result *r);

/* Whether any entry matches. */
bool cpuid_is_overridden(const WHV_X64_CPUID_RESULT2 *list, uint32_t count, uint32_t vp_index, uint32_t leaf,
                         uint32_t subleaf);
