/* SPDX-License-Identifier: MIT */
#include "vmm/partition/property_check.h"

#include "arch/cpu/string.h"
#include "kernel/memory/page.h"
#include "vmm/partition/msr_actions.h"
#include "vmm/partition/partition_policy.h"

#define EXITS_ALWAYS 0x2full /* CPUID, MSR, exception, RDTSC, hypercall */
#define EXITS_APIC 0x33d0ull /* SMI, INIT and SIPI; writes of LINT0, LINT1, SVR, LDR, DFR */

#define CLFLUSH_SMALLEST 3u /* CPUID counts in units of 8 bytes */

#define CODE(name) WHvPartitionPropertyCode##name

static const struct property_info properties[] = {
    {CODE(ExtendedVmExits), 8, 0, PROPERTY_VALUE, true},
    {CODE(ExceptionExitBitmap), 8, 0, PROPERTY_VALUE, true},
    {CODE(CpuidExitList), sizeof(uint32_t), CPUID_LIST_MAX, PROPERTY_LIST, true},
    {CODE(CpuidResultList), sizeof(WHV_X64_CPUID_RESULT), CPUID_LIST_MAX, PROPERTY_LIST, false},
    {CODE(CpuidResultList2), sizeof(WHV_X64_CPUID_RESULT2), CPUID_LIST_MAX, PROPERTY_LIST, false},
    {CODE(X64MsrExitBitmap), 8, 0, PROPERTY_VALUE, true},
    {CODE(MsrActionList), sizeof(WHV_MSR_ACTION_ENTRY), MSR_ACTION_MAX, PROPERTY_LIST, false},
    {CODE(UnimplementedMsrAction), 4, 0, PROPERTY_VALUE, false},
    {CODE(ProcessorCount), 4, 0, PROPERTY_VALUE, false},
    {CODE(LocalApicEmulationMode), 4, 0, PROPERTY_VALUE, false},
    {CODE(ProcessorFeatures), 8, 0, PROPERTY_VALUE, false},
    {CODE(ProcessorFeaturesBanks), sizeof(WHV_PROCESSOR_FEATURES_BANKS), 0, PROPERTY_VALUE, false},
    {CODE(ProcessorXsaveFeatures), 8, 0, PROPERTY_VALUE, false},
    {CODE(ProcessorClFlushSize), 1, 0, PROPERTY_VALUE, false},
    {CODE(ProcessorClockFrequency), 8, 0, PROPERTY_MACHINE, false},
    {CODE(InterruptClockFrequency), 8, 0, PROPERTY_MACHINE, false},
    {CODE(PhysicalAddressWidth), 4, 0, PROPERTY_MACHINE, false},
    {CODE(ReferenceTime), 8, 0, PROPERTY_READ_ONLY, true},
    {CODE(SyntheticProcessorFeaturesBanks), sizeof(WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS), 0, PROPERTY_VALUE, false},
    {CODE(SeparateSecurityDomain), 4, 0, PROPERTY_DEFAULT, false},
    {CODE(NestedVirtualization), 4, 0, PROPERTY_DEFAULT, false},
    {CODE(PrimaryNumaNode), 2, 0, PROPERTY_DEFAULT, false},
    {CODE(CpuReserve), 4, 0, PROPERTY_DEFAULT, false},
    {CODE(CpuCap), 4, 0, PROPERTY_DEFAULT, false},
    {CODE(CpuWeight), 4, 0, PROPERTY_DEFAULT, false},
    {CODE(CpuGroupId), 8, 0, PROPERTY_DEFAULT, false},
    {CODE(ProcessorFrequencyCap), 4, 0, PROPERTY_DEFAULT, false},
    {CODE(AllowDeviceAssignment), 4, 0, PROPERTY_DEFAULT, false},
    {CODE(DisableSmt), 4, 0, PROPERTY_DEFAULT, false},
    {CODE(ApicRemoteReadSupport), 4, 0, PROPERTY_DEFAULT, false},
    {CODE(ProcessorPerfmonFeatures), 8, 0, PROPERTY_DEFAULT, false},
    {WHB_PROPERTY_HEAP_BOUND, 8, 0, PROPERTY_VALUE, true},
    {WHB_PROPERTY_HEAP_USED, 8, 0, PROPERTY_READ_ONLY, true},
};

const struct property_info *property_find(uint64_t code)
{
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        if (properties[i].code == code) {
            return &properties[i];
        }
    }
    return NULL;
}

uint64_t property_exits_offered(bool apic)
{
    return EXITS_ALWAYS | (apic ? EXITS_APIC : 0);
}

/* The value as a number, for those of up to 8 bytes. */
static uint64_t number(const void *value, uint64_t size)
{
    uint64_t n = 0;
    memcpy(&n, value, size);
    return n;
}

static enum whb_status within(uint64_t value, uint64_t offered)
{
    return (value & ~offered) == 0 ? WHB_OK : WHB_ERROR_NOT_SUPPORTED;
}

static enum whb_status equal(uint64_t value, uint64_t only)
{
    return value == only ? WHB_OK : WHB_ERROR_NOT_SUPPORTED;
}

static enum whb_status check_apic_mode(const struct machine_offer *offer, uint64_t mode)
{
    if (mode > WHvX64LocalApicEmulationModeX2Apic) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    return mode == WHvX64LocalApicEmulationModeNone || offer->apic ? WHB_OK : WHB_ERROR_NOT_SUPPORTED;
}

/* A smaller line only makes the guest flush more often; with a larger one it would skip lines. */
static enum whb_status check_clflush(const struct machine_offer *offer, uint64_t size)
{
    return size >= CLFLUSH_SMALLEST && size <= offer->clflush_size ? WHB_OK : WHB_ERROR_NOT_SUPPORTED;
}

static enum whb_status check_banks(const struct machine_offer *offer, const void *value)
{
    WHV_PROCESSOR_FEATURES_BANKS banks;
    memcpy(&banks, value, sizeof(banks));
    if (banks.BanksCount == 0 || banks.BanksCount > 2 || banks.Reserved0 != 0) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum whb_status status = within(banks.AsUINT64[0], offer->features.set[FEATURES_BANK0]);
    if (status != WHB_OK || banks.BanksCount == 1) {
        return status;
    }
    return within(banks.AsUINT64[1], offer->features.set[FEATURES_BANK1]);
}

static enum whb_status check_synthetic(const void *value)
{
    WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS banks;
    memcpy(&banks, value, sizeof(banks));
    if (banks.BanksCount > 1 || banks.Reserved0 != 0) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    return equal(banks.AsUINT64[0], 0);
}

static enum whb_status check_value(const struct property_info *info, const struct machine_offer *offer,
                                   const void *value)
{
    uint64_t n = info->size <= sizeof(n) ? number(value, info->size) : 0;
    switch (info->code) {
    case CODE(ExtendedVmExits):
        return within(n, offer->extended_exits);
    case CODE(ExceptionExitBitmap):
        return within(n, EXCEPTION_EXITS_OFFERED);
    case CODE(X64MsrExitBitmap):
        return within(n, MSR_EXITS_OFFERED);
    case CODE(UnimplementedMsrAction):
        return n <= WHvMsrActionExit ? WHB_OK : WHB_ERROR_INVALID_ARGUMENT;
    case CODE(ProcessorCount):
        return n != 0 && n <= WHB_MAX_VPS ? WHB_OK : WHB_ERROR_INVALID_ARGUMENT;
    case CODE(LocalApicEmulationMode):
        return check_apic_mode(offer, n);
    case CODE(ProcessorFeatures):
        return within(n, offer->features.set[FEATURES_BANK0]);
    case CODE(ProcessorXsaveFeatures):
        return within(n, offer->features.set[FEATURES_XSAVE]);
    case CODE(ProcessorFeaturesBanks):
        return check_banks(offer, value);
    case CODE(SyntheticProcessorFeaturesBanks):
        return check_synthetic(value);
    case CODE(ProcessorClFlushSize):
        return check_clflush(offer, n);
    case CODE(ProcessorClockFrequency):
    case CODE(InterruptClockFrequency):
        return equal(n, offer->clock_hz);
    case CODE(PhysicalAddressWidth):
        return equal(n, offer->address_width);
    case WHB_PROPERTY_HEAP_BOUND:
        return n % PAGE_SIZE == 0 ? WHB_OK : WHB_ERROR_INVALID_ARGUMENT;
    default: /* PROPERTY_DEFAULT */
        return equal(n, 0);
    }
}

static bool check_msr_actions(const void *value, uint64_t size)
{
    WHV_MSR_ACTION_ENTRY entries[MSR_ACTION_MAX];
    memcpy(entries, value, size);
    return msr_actions_check(entries, (uint32_t)(size / sizeof(entries[0])));
}

static enum whb_status check_list(const struct property_info *info, const void *value, uint64_t size)
{
    const uint32_t known = WHvX64CpuidResult2FlagSubleafSpecific | WHvX64CpuidResult2FlagVpSpecific;
    if (info->code == CODE(MsrActionList) && !check_msr_actions(value, size)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    for (uint64_t at = 0; info->code == CODE(CpuidResultList2) && at < size; at += info->size) {
        WHV_X64_CPUID_RESULT2 r;
        memcpy(&r, (const uint8_t *)value + at, sizeof(r));
        bool vp_wrong = ((uint32_t)r.Flags & WHvX64CpuidResult2FlagVpSpecific) != 0 && r.VpIndex >= WHB_MAX_VPS;
        if (((uint32_t)r.Flags & ~known) != 0 || vp_wrong) {
            return WHB_ERROR_INVALID_ARGUMENT;
        }
    }
    return WHB_OK;
}

enum whb_status property_check(const struct property_info *info, const struct machine_offer *offer, bool set_up,
                               const void *value, uint64_t size)
{
    bool is_list = info->kind == PROPERTY_LIST;
    if (is_list ? size % info->size != 0 || size / info->size > info->most : size < info->size) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    if (info->kind == PROPERTY_READ_ONLY) {
        return WHB_ERROR_NOT_SUPPORTED;
    }
    if (set_up && !info->changeable) {
        return WHB_ERROR_INVALID_STATE;
    }
    return is_list ? check_list(info, value, size) : check_value(info, offer, value);
}
