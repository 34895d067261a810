/* SPDX-License-Identifier: MIT */
#include "vmm/vp/guest_cpuid.h"

#include "abi/whv.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/cpuid_answer.h"
#include "vmm/partition/partition.h"
#include "vmm/vp/switch.h"

uint64_t guest_cpuid_xcr0(const struct vp *vp)
{
    uint64_t supported = switch_xcr0_supported();
    return vp->is_root ? supported : processor_features_xcr0(&vp->partition->policy->hidden, supported);
}

struct cpuid_result guest_cpuid(const struct vp *vp, uint32_t leaf, uint32_t subleaf, uint32_t *shown)
{
    const struct partition *p = vp->partition;
    uint64_t mask = vmcs_readnw(VMCS_CR4_MASK);
    struct cpuid_guest state = {
        .vp_index = vp->index,
        .vp_count = p->processor_count,
        .cr4 = (vmcs_readnw(VMCS_GUEST_CR4) & ~mask) | (vmcs_readnw(VMCS_CR4_SHADOW) & mask),
        .xcr0 = vp->xcr0,
        .rdtscp = (vp->controls.cpu2 & CPU2_RDTSCP) != 0,
        .invpcid = (vp->controls.cpu2 & CPU2_INVPCID) != 0,
        .xcr0_supported = guest_cpuid_xcr0(vp),
        .apic = vp->apic_on,
        .apic_off = vp->apic_on && vp->apic.mode == APIC_DISABLED,
        .x2apic = p->policy->apic_mode == WHvX64LocalApicEmulationModeX2Apic,
        .clflush_units = p->policy->clflush_units,
        .hidden = p->policy->hidden,
    };
    return cpuid_answer(&state, vmm_cpuid, p->policy->cpuid_overrides, p->policy->cpuid_override_count, leaf, subleaf,
                        shown);
}

void guest_cpuid_remember(struct vp *vp, uint32_t leaf, uint32_t subleaf, const struct cpuid_result *r, bool wanted)
{
    bool osxsave = (vmcs_readnw(VMCS_GUEST_CR4) & CR4_OSXSAVE) != 0;
    struct cpuid_cache *cache = &vp->cpuid;
    cache->osxsave = leaf == 1 ? osxsave : cache->osxsave;
    cache->answers[cpuid_cache_slot(leaf, subleaf)] =
        (struct cpuid_answer){cpuid_cache_key(leaf, subleaf), r->eax, r->ebx, r->ecx, r->edx, wanted};
}

bool guest_cpuid_exits(const struct partition *p, uint32_t leaf)
{
    WHV_EXTENDED_VM_EXITS exits = {.AsUINT64 = p->policy->extended_exits};
    if (exits.X64CpuidExit == 0) {
        return false;
    }
    for (uint32_t i = 0; i < p->policy->cpuid_exit_count; i++) {
        if (p->policy->cpuid_exit_leaves[i] == leaf) {
            return true;
        }
    }
    return p->policy->cpuid_exit_count == 0;
}
