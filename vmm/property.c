/* SPDX-License-Identifier: MIT */
/* Partition properties and host capabilities. Values are checked in the hypervisor's own copy. */
#include "abi/whv.h"
#include "kernel/string.h"
#include "vmm/apic.h"
#include "vmm/partition.h"

#define EXTENDED_EXITS_OFFERED 0x33ffull /* CPUID, MSR, exception, RDTSC, hypercall, and those of local APICs */

/* The vectors that exceptions have. NMI is none, and machine checks are the machine's. */
#define EXCEPTION_EXITS_OFFERED 0x2b7dfbull

static enum whb_status set_extended_exits(struct partition *p, const void *value)
{
    uint64_t exits;
    memcpy(&exits, value, sizeof(exits));
    if ((exits & ~EXTENDED_EXITS_OFFERED) != 0) {
        return WHB_ERROR_NOT_SUPPORTED;
    }
    p->policy->extended_exits = exits;
    return WHB_OK;
}

static enum whb_status set_exception_exits(struct partition *p, const void *value)
{
    uint64_t exceptions;
    memcpy(&exceptions, value, sizeof(exceptions));
    if ((exceptions & ~EXCEPTION_EXITS_OFFERED) != 0) {
        return WHB_ERROR_NOT_SUPPORTED;
    }
    p->policy->exception_exits = exceptions;
    return WHB_OK;
}

static enum whb_status set_processor_count(struct partition *p, const void *value)
{
    uint32_t count;
    memcpy(&count, value, sizeof(count));
    if (count == 0 || count > WHB_MAX_VPS) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    p->processor_count = count;
    return WHB_OK;
}

static enum whb_status set_cpuid_exits(struct partition *p, const void *value, uint64_t size)
{
    if (size % sizeof(uint32_t) != 0 || size / sizeof(uint32_t) > CPUID_LIST_MAX) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    memcpy(p->policy->cpuid_exit_leaves, value, size);
    p->policy->cpuid_exit_count = (uint32_t)(size / sizeof(uint32_t));
    return WHB_OK;
}

static enum whb_status set_cpuid_results(struct partition *p, const void *value, uint64_t size)
{
    uint64_t count = size / sizeof(WHV_X64_CPUID_RESULT);
    if (size % sizeof(WHV_X64_CPUID_RESULT) != 0 || count > CPUID_LIST_MAX) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    for (uint64_t i = 0; i < count; i++) {
        WHV_X64_CPUID_RESULT r;
        memcpy(&r, (const uint8_t *)value + i * sizeof(r), sizeof(r));
        p->policy->cpuid_overrides[i] = (WHV_X64_CPUID_RESULT2){
            .Function = r.Function,
            .Output = {r.Eax, r.Ebx, r.Ecx, r.Edx},
            .Mask = {~0u, ~0u, ~0u, ~0u},
        };
    }
    p->policy->cpuid_override_count = (uint32_t)count;
    return WHB_OK;
}

static enum whb_status set_apic_mode(struct partition *p, const void *value)
{
    uint32_t mode;
    memcpy(&mode, value, sizeof(mode));
    if (mode > WHvX64LocalApicEmulationModeX2Apic) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    if (mode != WHvX64LocalApicEmulationModeNone && !apic_available()) {
        return WHB_ERROR_NOT_SUPPORTED;
    }
    p->policy->apic_mode = mode;
    return WHB_OK;
}

/* Bytes that a property's value has; lists have any number. 0: unknown property. */
static uint64_t value_size(uint64_t code)
{
    switch (code) {
    case WHvPartitionPropertyCodeExtendedVmExits:
    case WHvPartitionPropertyCodeExceptionExitBitmap:
        return 8;
    case WHvPartitionPropertyCodeProcessorCount:
    case WHvPartitionPropertyCodeLocalApicEmulationMode:
        return 4;
    case WHvPartitionPropertyCodeCpuidExitList:
    case WHvPartitionPropertyCodeCpuidResultList:
        return 1;
    default:
        return 0;
    }
}

static enum whb_status set_locked(struct partition *p, uint64_t code, const void *value, uint64_t size)
{
    /* WHP from 1903 on lets these two change while the partition lives; the others are frozen by setup. */
    bool changeable = code == WHvPartitionPropertyCodeExtendedVmExits ||
                      code == WHvPartitionPropertyCodeExceptionExitBitmap ||
                      code == WHvPartitionPropertyCodeCpuidExitList;
    if (p->set_up && !changeable) {
        return WHB_ERROR_INVALID_STATE;
    }
    switch (code) {
    case WHvPartitionPropertyCodeExtendedVmExits:
        return set_extended_exits(p, value);
    case WHvPartitionPropertyCodeExceptionExitBitmap:
        return set_exception_exits(p, value);
    case WHvPartitionPropertyCodeProcessorCount:
        return set_processor_count(p, value);
    case WHvPartitionPropertyCodeLocalApicEmulationMode:
        return set_apic_mode(p, value);
    case WHvPartitionPropertyCodeCpuidExitList:
        return set_cpuid_exits(p, value, size);
    default:
        return set_cpuid_results(p, value, size);
    }
}

enum whb_status property_set(struct partition *p, uint64_t code, const void *value, uint64_t size)
{
    if (value_size(code) == 0) {
        return WHB_ERROR_UNKNOWN_PROPERTY;
    }
    bool is_list = code == WHvPartitionPropertyCodeCpuidExitList || code == WHvPartitionPropertyCodeCpuidResultList;
    if (!is_list && size < value_size(code)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    spin_lock(&p->lock);
    enum whb_status status = set_locked(p, code, value, size);
    if (status == WHB_OK) {
        (void)__atomic_fetch_add(&p->policy->generation, 1, __ATOMIC_RELEASE);
    }
    spin_unlock(&p->lock);
    return status;
}

enum whb_status property_get(const struct partition *p, uint64_t code, void *value, uint64_t *size)
{
    const uint32_t apic_mode = p->policy->apic_mode;
    *size = value_size(code);
    switch (code) {
    case WHvPartitionPropertyCodeExtendedVmExits:
        memcpy(value, &p->policy->extended_exits, sizeof(p->policy->extended_exits));
        return WHB_OK;
    case WHvPartitionPropertyCodeExceptionExitBitmap:
        memcpy(value, &p->policy->exception_exits, sizeof(p->policy->exception_exits));
        return WHB_OK;
    case WHvPartitionPropertyCodeProcessorCount:
        memcpy(value, &p->processor_count, sizeof(p->processor_count));
        return WHB_OK;
    case WHvPartitionPropertyCodeLocalApicEmulationMode:
        memcpy(value, &apic_mode, sizeof(apic_mode));
        return WHB_OK;
    case WHvPartitionPropertyCodeCpuidExitList:
    case WHvPartitionPropertyCodeCpuidResultList:
        *size = 0;
        return WHB_ERROR_NOT_SUPPORTED; /* as WHP: ERROR_NOT_SUPPORTED */
    default:
        return WHB_ERROR_UNKNOWN_PROPERTY;
    }
}

enum whb_status capability_get(uint64_t code, void *value, uint64_t *size)
{
    const uint32_t present = 1, vendor = WHvProcessorVendorIntel;
    const uint64_t partial_unmap = 1, exits = EXTENDED_EXITS_OFFERED, exceptions = EXCEPTION_EXITS_OFFERED;
    const uint8_t line = 6; /* log2 of 64 bytes */
    const struct {
        uint64_t code;
        const void *value;
        uint64_t size;
    } rows[] = {
        {WHvCapabilityCodeHypervisorPresent, &present, sizeof(present)},
        {WHvCapabilityCodeFeatures, &partial_unmap, sizeof(partial_unmap)},
        {WHvCapabilityCodeExtendedVmExits, &exits, sizeof(exits)},
        {WHvCapabilityCodeExceptionExitBitmap, &exceptions, sizeof(exceptions)},
        {WHvCapabilityCodeProcessorVendor, &vendor, sizeof(vendor)},
        {WHvCapabilityCodeProcessorClFlushSize, &line, sizeof(line)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].code == code) {
            memcpy(value, rows[i].value, rows[i].size);
            *size = rows[i].size;
            return WHB_OK;
        }
    }
    return WHB_ERROR_UNKNOWN_CAPABILITY;
}
