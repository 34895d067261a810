/* SPDX-License-Identifier: MIT */
/*
 * The instructions of mitigations (docs/mitigations.md). A build for measurements (FORCE_MITIGATIONS=1) has every
 * mitigation on, whatever the processor says of itself, and executes as many NOPs in their place: Bochs' models lack
 * most.
 */
#pragma once

#include "arch/cpu/cpu.h"
#include "arch/cpu/gdt.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef FORCE_MITIGATIONS
#define MITIGATIONS_FORCED true

static inline uint64_t mitigation_rdmsr(uint32_t msr)
{
    uint32_t low = 0, high = 0;
    __asm__ volatile("nop" : "+a"(low), "+d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void mitigation_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("nop" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline void mitigation_verw(void)
{
    __asm__ volatile("nop" : : : "cc", "memory");
}
#else
#define MITIGATIONS_FORCED false

static inline uint64_t mitigation_rdmsr(uint32_t msr)
{
    return rdmsr(msr);
}

static inline void mitigation_wrmsr(uint32_t msr, uint64_t value)
{
    wrmsr(msr, value);
}

/* Only the form with a memory operand empties the buffers, whatever the selector is. */
static inline void mitigation_verw(void)
{
    static const uint16_t selector = HOST_DS;
    __asm__ volatile("verw %0" : : "m"(selector) : "cc", "memory");
}
#endif
