/* SPDX-License-Identifier: MIT */
/* Which values the switched registers can hold without a fault. Pure. */
#include "vmm/cpu/switch_check.h"

static bool is_canonical(uint64_t address)
{
    int64_t sign = (int64_t)(address << 16) >> 16;
    return (uint64_t)sign == address;
}

bool switch_msr_valid(enum switched_msr which, uint64_t value)
{
    switch (which) {
    case SWITCHED_LSTAR:
    case SWITCHED_CSTAR:
        return is_canonical(value);
    case SWITCHED_FMASK:
    case SWITCHED_TSC_AUX:
        return value >> 32 == 0;
    default:
        return true;
    }
}

bool switch_xcr0_valid(uint64_t value, uint64_t supported)
{
    bool avx512 = (value & XCR0_AVX512) != 0;
    if ((value & XCR0_X87) == 0 || (value & ~supported) != 0) {
        return false;
    }
    if ((value & XCR0_AVX) != 0 && (value & XCR0_SSE) == 0) {
        return false;
    }
    return !avx512 || ((value & XCR0_AVX512) == XCR0_AVX512 && (value & XCR0_AVX) != 0);
}
