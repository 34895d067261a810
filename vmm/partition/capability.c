/* SPDX-License-Identifier: MIT */
/* What WHvGetCapability tells of this machine. */
#include "abi/whv.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/string.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/machine_offer.h"
#include "vmm/partition/partition.h"
#include "vmm/partition/property_check.h"

#define CPUID_7_ECX_LA57 (1u << 16)
#define CODE(name) WHvCapabilityCode##name

static uint64_t platform_features(const struct machine_offer *offer)
{
    WHV_PROCESSOR_XSAVE_FEATURES xsave = {.AsUINT64 = offer->features.set[FEATURES_XSAVE]};
    const WHV_CAPABILITY_FEATURES features = {
        .PartialUnmap = 1,
        .LocalApicEmulation = offer->apic,
        .Xsave = xsave.XsaveSupport,
        .DirtyPageTracking = 1,
    };
    return features.AsUINT64;
}

/* Those of up to 8 bytes. Returns their size, 0: no such capability. */
static uint64_t number(const struct machine_offer *offer, uint64_t code, uint64_t *value)
{
    const struct {
        uint32_t code, size;
        uint64_t value;
    } rows[] = {
        {CODE(HypervisorPresent), 4, 1},
        {CODE(Features), 8, platform_features(offer)},
        {CODE(ExtendedVmExits), 8, offer->extended_exits},
        {CODE(ExceptionExitBitmap), 8, EXCEPTION_EXITS_OFFERED},
        {CODE(X64MsrExitBitmap), 8, MSR_EXITS_OFFERED},
        {CODE(GpaRangePopulateFlags), 4, 0},
        {CODE(SchedulerFeatures), 8, 0},
        {CODE(ProcessorVendor), 4, WHvProcessorVendorIntel},
        {CODE(ProcessorFeatures), 8, offer->features.set[FEATURES_BANK0]},
        {CODE(ProcessorClFlushSize), 1, offer->clflush_size},
        {CODE(ProcessorXsaveFeatures), 8, offer->features.set[FEATURES_XSAVE]},
        {CODE(ProcessorClockFrequency), 8, offer->clock_hz},
        {CODE(InterruptClockFrequency), 8, offer->clock_hz},
        {CODE(ProcessorPerfmonFeatures), 8, 0},
        {CODE(PhysicalAddressWidth), 4, offer->address_width},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].code == code) {
            *value = rows[i].value;
            return rows[i].size;
        }
    }
    return 0;
}

/* Those that are larger, likewise. */
static uint64_t structure(const struct machine_offer *offer, uint64_t code, void *value)
{
    const WHV_PROCESSOR_FEATURES_BANKS banks = {
        .BanksCount = 2,
        .AsUINT64 = {offer->features.set[FEATURES_BANK0], offer->features.set[FEATURES_BANK1]},
    };
    const WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS synthetic = {.BanksCount = 1};
    const struct whb_vmx_capabilities vmx = {
        .basic = vmm.caps.basic,
        .misc = vmm.caps.misc,
        .cr0_fixed0 = vmm.caps.cr0_fixed0,
        .cr0_fixed1 = vmm.caps.cr0_fixed1,
        .cr4_fixed0 = vmm.caps.cr4_fixed0,
        .cr4_fixed1 = vmm.caps.cr4_fixed1,
        .physical_bits = vmm.physical_bits,
        .linear_bits = (cpuid(7, 0).ecx & CPUID_7_ECX_LA57) != 0 ? 57 : 48,
    };
    const WHV_CAPABILITY_PROCESSOR_FREQUENCY_CAP frequency = {.IsSupported = 0};
    switch (code) {
    case CODE(ProcessorFeaturesBanks):
        memcpy(value, &banks, sizeof(banks));
        return sizeof(banks);
    case CODE(SyntheticProcessorFeaturesBanks):
        memcpy(value, &synthetic, sizeof(synthetic));
        return sizeof(synthetic);
    case CODE(ProcessorFrequencyCap):
        memcpy(value, &frequency, sizeof(frequency));
        return sizeof(frequency);
    case WHB_CAPABILITY_VMX:
        memcpy(value, &vmx, sizeof(vmx));
        return sizeof(vmx);
    default:
        return 0;
    }
}

enum whb_status capability_get(uint64_t code, void *value, uint64_t *size)
{
    const struct machine_offer *offer = machine_offer();
    uint64_t n = 0;
    *size = number(offer, code, &n);
    if (*size != 0) {
        memcpy(value, &n, *size);
        return WHB_OK;
    }
    *size = structure(offer, code, value);
    return *size != 0 ? WHB_OK : WHB_ERROR_UNKNOWN_CAPABILITY;
}
