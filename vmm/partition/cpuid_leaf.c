/* SPDX-License-Identifier: MIT */
#include "vmm/partition/cpuid_leaf.h"

#define COMPONENT_ALIGNED BIT(1)
#define XSAVE_BASE_SIZE 576u /* legacy region and header */
#define XSAVE_ALIGNMENT 64u

uint32_t cpuid_resolve_leaf(cpuid_fn host, uint32_t leaf, uint32_t basic_limit, uint32_t extended_limit)
{
    if (leaf <= 1 || (leaf >= LEAF_HYPERVISOR && leaf < LEAF_HYPERVISOR_END)) {
        return leaf;
    }
    if (leaf >= LEAF_EXTENDED && leaf <= cpuid_minimum(host(LEAF_EXTENDED, 0).eax, extended_limit)) {
        return leaf;
    }
    return cpuid_minimum(leaf, cpuid_minimum(host(0, 0).eax, basic_limit));
}

uint32_t cpuid_with_osxsave(uint32_t ecx, uint64_t cr4)
{
    ecx &= ~LEAF_1_ECX_OSXSAVE;
    bool on = (ecx & LEAF_1_ECX_XSAVE) != 0 && (cr4 & CR4_OSXSAVE) != 0;
    return ecx | (on ? LEAF_1_ECX_OSXSAVE : 0);
}

struct cpuid_result cpuid_component(cpuid_fn host, unsigned number, bool usable)
{
    struct cpuid_result r = usable ? host(0xd, number) : CPUID_NOTHING;
    r.ecx &= COMPONENT_ALIGNED;
    r.edx = 0;
    return r;
}

uint32_t cpuid_image_size(cpuid_fn host, uint64_t components, bool compacted)
{
    uint32_t size = XSAVE_BASE_SIZE;
    for (unsigned i = 2; i <= LEAF_D_LAST; i++) {
        if (((components >> i) & 1) == 0) {
            continue;
        }
        struct cpuid_result c = cpuid_component(host, i, true);
        uint32_t start = c.ebx;
        if (compacted) {
            start = (c.ecx & COMPONENT_ALIGNED) != 0 ? (size + XSAVE_ALIGNMENT - 1) & ~(XSAVE_ALIGNMENT - 1) : size;
        }
        size = start + c.eax > size ? start + c.eax : size;
    }
    return size;
}

struct cpuid_result cpuid_signature(uint32_t highest, const char name[12])
{
    uint32_t word[3] = {0, 0, 0};
    for (unsigned i = 0; i < 12; i++) {
        word[i / 4] |= (uint32_t)(uint8_t)name[i] << (8 * (i % 4));
    }
    return (struct cpuid_result){.eax = highest, .ebx = word[0], .ecx = word[1], .edx = word[2]};
}
