/* SPDX-License-Identifier: MIT */
#include "arch/cpu/physical_width.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"

#define WIDTH_SMALLEST 32u
#define WIDTH_WITHOUT_LEAF 36u /* SDM vol. 2A, CPUID: of processors with PAE that lack leaf 80000008H */
#define CPUID_7_0_ECX_TME (1u << 13)

#define ACTIVATE_LOCKED 1u
#define ACTIVATE_ENABLED 2u
#define ACTIVATE_KEYID_SHIFT 32u
#define ACTIVATE_TDX_SHIFT 36u
#define ACTIVATE_BITS 15u

uint8_t physical_width_decide(uint8_t width, uint64_t activate)
{
    const uint64_t on = ACTIVATE_LOCKED | ACTIVATE_ENABLED;
    unsigned keyid = activate >> ACTIVATE_KEYID_SHIFT & ACTIVATE_BITS;
    unsigned tdx = activate >> ACTIVATE_TDX_SHIFT & ACTIVATE_BITS;
    keyid = tdx > keyid ? tdx : keyid;
    if ((activate & on) != on) {
        return width;
    }
    return (uint8_t)(width < WIDTH_SMALLEST + keyid ? WIDTH_SMALLEST : width - keyid);
}

#if !__STDC_HOSTED__
uint8_t physical_width_read(uint8_t simulated_keyid_bits)
{
    uint8_t width = WIDTH_WITHOUT_LEAF;
    uint64_t activate = 0;
    if (cpuid(0x80000000, 0).eax >= 0x80000008) {
        width = (uint8_t)cpuid(0x80000008, 0).eax;
    }
    if (cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ecx & CPUID_7_0_ECX_TME) != 0) {
        activate = rdmsr(MSR_IA32_TME_ACTIVATE);
    }
    width = physical_width_decide(width, activate);
    const uint64_t on = ACTIVATE_LOCKED | ACTIVATE_ENABLED;
    return physical_width_decide(width, on | (uint64_t)simulated_keyid_bits << ACTIVATE_KEYID_SHIFT);
}
#endif
