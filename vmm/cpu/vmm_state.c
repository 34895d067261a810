/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/vmm_state.h"

struct vmm_state vmm;

struct cpuid_result vmm_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r = cpuid(leaf, subleaf);
    if (leaf == 0x80000008) {
        r.eax = (r.eax & ~0xffu) | vmm.physical_bits;
    }
    return r;
}

uint8_t vmm_memory_type(void *context, uint64_t hpa, uint64_t size)
{
    (void)context;
    return mtrr_map_type(&vmm.memory_types, &vmm.mtrrs, hpa, size);
}
