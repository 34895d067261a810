/* SPDX-License-Identifier: MIT */
#include "vmm/partition/machine_offer.h"

#include "arch/cpu/cpu.h"
#include "kernel/core/clock.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/cpuid_policy.h"
#include "vmm/partition/property_check.h"

static struct machine_offer machine;

const struct machine_offer *machine_offer(void)
{
    return &machine;
}

/* log2 of a cache line's size in bytes, from leaf 1's EBX; 64 bytes if it does not say. */
static uint8_t line_size(uint32_t ebx)
{
    uint32_t bytes = ((ebx >> 8) & 0xff) * 8;
    uint8_t log2 = 6;
    while (bytes != 0 && (1u << log2) > bytes) {
        log2--;
    }
    while (bytes != 0 && (2u << log2) <= bytes) {
        log2++;
    }
    return log2;
}

void machine_offer_init(bool apic, uint64_t xcr0)
{
    struct machine_offer *offer = &machine;
    const struct cpuid_guest best = {
        .vp_count = 1,
        .rdtscp = (vmm.guest_controls.cpu2 & CPU2_RDTSCP) != 0,
        .invpcid = (vmm.guest_controls.cpu2 & CPU2_INVPCID) != 0,
        .xcr0_supported = xcr0,
        .apic = apic,
        .x2apic = apic,
    };
    uint32_t leaf, subleaf;
    for (unsigned i = 0; processor_features_leaf(i, &leaf, &subleaf); i++) {
        if (leaf <= vmm_cpuid(leaf & 0x80000000u, 0).eax) {
            struct cpuid_result r = cpuid_for_guest(&best, vmm_cpuid, leaf, subleaf);
            processor_features_collect(&offer->features, leaf, subleaf, &r);
        }
    }
    offer->extended_exits = property_exits_offered(apic);
    offer->clock_hz = kernel_tsc_khz * 1000ull;
    offer->address_width = vmm.physical_bits;
    offer->clflush_size = line_size(vmm_cpuid(1, 0).ebx);
    offer->apic = apic;
}
