/* SPDX-License-Identifier: MIT */
#include "vmm/partition/cpuid_override.h"

#include <stdbool.h>

static bool matches(const WHV_X64_CPUID_RESULT2 *o, uint32_t vp_index, uint32_t leaf, uint32_t subleaf)
{
    if (o->Function != leaf) {
        return false;
    }
    if (((uint32_t)o->Flags & WHvX64CpuidResult2FlagSubleafSpecific) != 0 && o->Index != subleaf) {
        return false;
    }
    return ((uint32_t)o->Flags & WHvX64CpuidResult2FlagVpSpecific) == 0 || o->VpIndex == vp_index;
}

static uint32_t merge(uint32_t value, uint32_t output, uint32_t mask)
{
    return (value & ~mask) | (output & mask);
}

void cpuid_override(const WHV_X64_CPUID_RESULT2 *list, uint32_t count, uint32_t vp_index, uint32_t leaf,
                    uint32_t subleaf, struct cpuid_result *r)
{
    for (uint32_t i = 0; i < count; i++) {
        const WHV_X64_CPUID_RESULT2 *o = &list[i];
        if (matches(o, vp_index, leaf, subleaf)) {
            r->eax = merge(r->eax, o->Output.Eax, o->Mask.Eax);
            r->ebx = merge(r->ebx, o->Output.Ebx, o->Mask.Ebx);
            r->ecx = merge(r->ecx, o->Output.Ecx, o->Mask.Ecx);
            r->edx = merge(r->edx, o->Output.Edx, o->Mask.Edx);
        }
    }
}

bool cpuid_is_overridden(const WHV_X64_CPUID_RESULT2 *list, uint32_t count, uint32_t vp_index, uint32_t leaf,
                         uint32_t subleaf)
{
    for (uint32_t i = 0; i < count; i++) {
        if (matches(&list[i], vp_index, leaf, subleaf)) {
            return true;
        }
    }
    return false;
}
