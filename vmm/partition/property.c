/* SPDX-License-Identifier: MIT */
/* Partition properties. Values are checked in the hypervisor's own copy. */
#include "abi/whv.h"
#include "arch/cpu/string.h"
#include "vmm/partition/msr_actions.h"
#include "vmm/partition/msr_policy.h"
#include "vmm/partition/partition.h"
#include "vmm/partition/partition_time.h"
#include "vmm/partition/property_check.h"

static void set_cpuid_exits(struct partition_policy *policy, const void *value, uint64_t size)
{
    memcpy(policy->cpuid_exit_leaves, value, size);
    policy->cpuid_exit_count = (uint32_t)(size / sizeof(uint32_t));
}

static void set_cpuid_results(struct partition_policy *policy, const void *value, uint64_t size)
{
    uint64_t count = size / sizeof(WHV_X64_CPUID_RESULT);
    for (uint64_t i = 0; i < count; i++) {
        WHV_X64_CPUID_RESULT r;
        memcpy(&r, (const uint8_t *)value + i * sizeof(r), sizeof(r));
        policy->cpuid_overrides[i] = (WHV_X64_CPUID_RESULT2){
            .Function = r.Function,
            .Output = {r.Eax, r.Ebx, r.Ecx, r.Edx},
            .Mask = {~0u, ~0u, ~0u, ~0u},
        };
    }
    policy->cpuid_override_count = (uint32_t)count;
}

static void set_cpuid_results2(struct partition_policy *policy, const void *value, uint64_t size)
{
    memcpy(policy->cpuid_overrides, value, size);
    policy->cpuid_override_count = (uint32_t)(size / sizeof(WHV_X64_CPUID_RESULT2));
}

static void keep_features(struct partition *p, const struct machine_offer *offer, enum feature_set set, uint64_t value)
{
    p->policy->hidden.set[set] = offer->features.set[set] & ~value;
}

static void set_banks(struct partition *p, const struct machine_offer *offer, const void *value)
{
    WHV_PROCESSOR_FEATURES_BANKS banks;
    memcpy(&banks, value, sizeof(banks));
    keep_features(p, offer, FEATURES_BANK0, banks.AsUINT64[0]);
    if (banks.BanksCount > 1) {
        keep_features(p, offer, FEATURES_BANK1, banks.AsUINT64[1]);
    }
}

/* A value that property_check lets pass; those that may only be set to what they are need nothing. */
static void store(struct partition *p, const struct machine_offer *offer, const struct property_info *info,
                  const void *value, uint64_t size)
{
    uint64_t number = 0;
    memcpy(&number, value, info->size <= sizeof(number) && size >= info->size ? info->size : 0);
    switch (info->code) {
    case WHvPartitionPropertyCodeExtendedVmExits:
        p->policy->extended_exits = number;
        break;
    case WHvPartitionPropertyCodeExceptionExitBitmap:
        p->policy->exception_exits = number;
        break;
    case WHvPartitionPropertyCodeX64MsrExitBitmap:
        p->policy->msr_exits = number;
        break;
    case WHvPartitionPropertyCodeUnimplementedMsrAction:
        p->policy->unimplemented_msr = (uint32_t)number;
        break;
    case WHvPartitionPropertyCodeMsrActionList:
        memcpy(p->policy->msr_actions, value, size);
        p->policy->msr_action_count = (uint32_t)(size / sizeof(p->policy->msr_actions[0]));
        break;
    case WHvPartitionPropertyCodeProcessorCount:
        p->processor_count = (uint32_t)number;
        break;
    case WHvPartitionPropertyCodeLocalApicEmulationMode:
        p->policy->apic_mode = (uint32_t)number;
        break;
    case WHvPartitionPropertyCodeProcessorFeatures:
        keep_features(p, offer, FEATURES_BANK0, number);
        break;
    case WHvPartitionPropertyCodeProcessorXsaveFeatures:
        keep_features(p, offer, FEATURES_XSAVE, number);
        break;
    case WHvPartitionPropertyCodeProcessorFeaturesBanks:
        set_banks(p, offer, value);
        break;
    case WHvPartitionPropertyCodeProcessorClFlushSize:
        p->policy->clflush_units = (uint8_t)((1u << number) / 8);
        break;
    case WHB_PROPERTY_HEAP_BOUND:
        page_account_set_bound(partition_account(p), number == 0 ? PAGE_NO_BOUND : number / PAGE_SIZE);
        break;
    case WHvPartitionPropertyCodeCpuidExitList:
        set_cpuid_exits(p->policy, value, size);
        break;
    case WHvPartitionPropertyCodeCpuidResultList:
        set_cpuid_results(p->policy, value, size);
        break;
    case WHvPartitionPropertyCodeCpuidResultList2:
        set_cpuid_results2(p->policy, value, size);
        break;
    default:
        break;
    }
}

/*
 * The properties about MSRs may need a bitmap of the partition's own; it is made before anything changes, and stays.
 * VPs take it up at their next run, and what changes in it later at once.
 */
static enum whb_status reserve_bitmap(struct partition *p, uint32_t code, const void *value, uint64_t size)
{
    bool needed = code == WHvPartitionPropertyCodeMsrActionList && size != 0;
    if (code == WHvPartitionPropertyCodeX64MsrExitBitmap) {
        WHV_X64_MSR_EXIT_BITMAP classes;
        memcpy(&classes, value, sizeof(classes));
        needed = classes.TscMsrRead != 0; /* the other classes' accesses exit anyway */
    }
    if (p->msr_bitmap != NULL || !needed) {
        return WHB_OK;
    }
    uint8_t *bitmap = page_alloc_for(partition_account(p), PAGE_USE_PARTITION);
    if (bitmap == NULL) {
        return WHB_ERROR_OUT_OF_MEMORY;
    }
    msr_bitmap_guest(bitmap);
    __atomic_store_n(&p->msr_bitmap, bitmap, __ATOMIC_RELEASE);
    return WHB_OK;
}

enum whb_status property_set(struct partition *p, uint64_t code, const void *value, uint64_t size)
{
    const struct property_info *info = property_find(code);
    const struct machine_offer *offer = machine_offer();
    if (info == NULL) {
        return WHB_ERROR_UNKNOWN_PROPERTY;
    }
    spin_lock(&p->lock);
    enum whb_status status = property_check(info, offer, p->set_up, value, size);
    if (status == WHB_OK) {
        status = reserve_bitmap(p, info->code, value, size);
    }
    if (status == WHB_OK) {
        store(p, offer, info, value, size);
        if (p->msr_bitmap != NULL) {
            msr_actions_apply(p->policy, p->msr_bitmap);
        }
    }
    spin_unlock(&p->lock);
    return status;
}

static uint64_t features(const struct partition *p, const struct machine_offer *offer, enum feature_set set)
{
    return offer->features.set[set] & ~p->policy->hidden.set[set];
}

static uint64_t clflush_size(const struct partition *p, const struct machine_offer *offer)
{
    uint32_t units = p->policy->clflush_units;
    return units == 0 ? offer->clflush_size : 3u + (uint32_t)__builtin_ctz(units);
}

static uint64_t heap_bound(const struct partition *p)
{
    uint64_t pages = page_account_bound(partition_account(p));
    return pages == PAGE_NO_BOUND ? 0 : pages * PAGE_SIZE;
}

/* Those of up to 8 bytes. */
static uint64_t get_number(struct partition *p, const struct machine_offer *offer, uint32_t code)
{
    switch (code) {
    case WHvPartitionPropertyCodeExtendedVmExits:
        return p->policy->extended_exits;
    case WHvPartitionPropertyCodeExceptionExitBitmap:
        return p->policy->exception_exits;
    case WHvPartitionPropertyCodeX64MsrExitBitmap:
        return p->policy->msr_exits;
    case WHvPartitionPropertyCodeUnimplementedMsrAction:
        return p->policy->unimplemented_msr;
    case WHvPartitionPropertyCodeProcessorCount:
        return p->processor_count;
    case WHvPartitionPropertyCodeLocalApicEmulationMode:
        return p->policy->apic_mode;
    case WHvPartitionPropertyCodeProcessorFeatures:
        return features(p, offer, FEATURES_BANK0);
    case WHvPartitionPropertyCodeProcessorXsaveFeatures:
        return features(p, offer, FEATURES_XSAVE);
    case WHvPartitionPropertyCodeProcessorClFlushSize:
        return clflush_size(p, offer);
    case WHvPartitionPropertyCodeProcessorClockFrequency:
    case WHvPartitionPropertyCodeInterruptClockFrequency:
        return offer->clock_hz;
    case WHvPartitionPropertyCodePhysicalAddressWidth:
        return offer->address_width;
    case WHvPartitionPropertyCodeReferenceTime:
        return p->set_up ? partition_time_reference(p) : 0;
    case WHB_PROPERTY_HEAP_BOUND:
        return heap_bound(p);
    case WHB_PROPERTY_HEAP_USED:
        return page_account_used(partition_account(p)) * PAGE_SIZE;
    default: /* PROPERTY_DEFAULT */
        return 0;
    }
}

enum whb_status property_get(struct partition *p, uint64_t code, void *value, uint64_t *size)
{
    const struct property_info *info = property_find(code);
    const struct machine_offer *offer = machine_offer();
    if (info == NULL) {
        return WHB_ERROR_UNKNOWN_PROPERTY;
    }
    if (info->kind == PROPERTY_LIST) {
        return WHB_ERROR_NOT_SUPPORTED; /* as WHP: ERROR_NOT_SUPPORTED */
    }
    *size = info->size;
    if (code == WHvPartitionPropertyCodeProcessorFeaturesBanks) {
        const WHV_PROCESSOR_FEATURES_BANKS banks = {
            .BanksCount = 2,
            .AsUINT64 = {features(p, offer, FEATURES_BANK0), features(p, offer, FEATURES_BANK1)},
        };
        memcpy(value, &banks, sizeof(banks));
    } else if (code == WHvPartitionPropertyCodeSyntheticProcessorFeaturesBanks) {
        const WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS none = {.BanksCount = 1};
        memcpy(value, &none, sizeof(none));
    } else {
        uint64_t number = get_number(p, offer, info->code);
        memcpy(value, &number, info->size);
    }
    return WHB_OK;
}
