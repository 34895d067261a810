/* SPDX-License-Identifier: MIT */
/*
 * Capabilities and partition properties.
 */
#pragma once

#include <stdint.h>

#include "abi/language.h"
#include "abi/whv_base.h"
#include "abi/whv_codes.h"
#include "abi/whv_enums.h"
#include "abi/whv_feature_types.h"

typedef union WHV_X64_MSR_EXIT_BITMAP {
    uint64_t AsUINT64;
    __extension__ struct {
        uint64_t UnhandledMsrs : 1;
        uint64_t TscMsrWrite : 1;
        uint64_t TscMsrRead : 1;
        uint64_t ApicBaseMsrWrite : 1;
        uint64_t MiscEnableMsrRead : 1;
        uint64_t McUpdatePatchLevelMsrRead : 1;
        uint64_t Reserved : 58;
    };
} WHV_X64_MSR_EXIT_BITMAP;
WHB_STATIC_ASSERT(sizeof(WHV_X64_MSR_EXIT_BITMAP) == 8, "ABI");

typedef union WHV_TRANSLATE_GVA_2_FLAGS {
    __extension__ struct {
        uint64_t ValidateRead : 1;
        uint64_t ValidateWrite : 1;
        uint64_t ValidateExecute : 1;
        uint64_t PrivilegeExempt : 1;
        uint64_t SetPageTableBits : 1;
        uint64_t Reserved1 : 3;
        uint64_t EnforceSmap : 1;
        uint64_t OverrideSmap : 1;
        uint64_t Reserved4 : 46;
        uint64_t InputVtl : 8;
    };
    uint64_t AsUINT64;
} WHV_TRANSLATE_GVA_2_FLAGS;
WHB_STATIC_ASSERT(sizeof(WHV_TRANSLATE_GVA_2_FLAGS) == 8, "ABI");

typedef struct WHV_TRANSLATE_GVA_RESULT {
    WHV_TRANSLATE_GVA_RESULT_CODE ResultCode;
    uint32_t Reserved;
} WHV_TRANSLATE_GVA_RESULT;
WHB_STATIC_ASSERT(sizeof(WHV_TRANSLATE_GVA_RESULT) == 8, "ABI");

typedef struct WHV_MEMORY_RANGE_ENTRY {
    uint64_t GuestAddress; /* guest physical address, bytes, page aligned */
    uint64_t SizeInBytes;  /* page aligned */
} WHV_MEMORY_RANGE_ENTRY;
WHB_STATIC_ASSERT(sizeof(WHV_MEMORY_RANGE_ENTRY) == 16, "ABI");

typedef union WHV_ADVISE_GPA_RANGE_POPULATE_FLAGS {
    uint32_t AsUINT32;
    __extension__ struct {
        uint32_t Prefetch : 1;
        uint32_t AvoidHardFaults : 1;
        uint32_t Reserved : 30;
    };
} WHV_ADVISE_GPA_RANGE_POPULATE_FLAGS;
WHB_STATIC_ASSERT(sizeof(WHV_ADVISE_GPA_RANGE_POPULATE_FLAGS) == 4, "ABI");

typedef struct WHV_ADVISE_GPA_RANGE_POPULATE {
    WHV_ADVISE_GPA_RANGE_POPULATE_FLAGS Flags;
    WHV_MEMORY_ACCESS_TYPE AccessType;
} WHV_ADVISE_GPA_RANGE_POPULATE;
WHB_STATIC_ASSERT(sizeof(WHV_ADVISE_GPA_RANGE_POPULATE) == 8, "ABI");

typedef union WHV_ADVISE_GPA_RANGE {
    WHV_ADVISE_GPA_RANGE_POPULATE Populate;
} WHV_ADVISE_GPA_RANGE;
WHB_STATIC_ASSERT(sizeof(WHV_ADVISE_GPA_RANGE) == 8, "ABI");

typedef union WHV_ACCESS_GPA_CONTROLS {
    uint64_t AsUINT64;
    __extension__ struct {
        WHV_CACHE_TYPE CacheType;
        WHV_INPUT_VTL InputVtl;
        uint8_t Reserved;
        uint16_t Reserved1;
    };
} WHV_ACCESS_GPA_CONTROLS;
WHB_STATIC_ASSERT(sizeof(WHV_ACCESS_GPA_CONTROLS) == 8, "ABI");

typedef struct WHV_CAPABILITY_PROCESSOR_FREQUENCY_CAP {
    uint32_t IsSupported : 1;
    uint32_t Reserved : 31;
    uint32_t HighestFrequencyMhz;
    uint32_t NominalFrequencyMhz;
    uint32_t LowestFrequencyMhz;
    uint32_t FrequencyStepMhz;
} WHV_CAPABILITY_PROCESSOR_FREQUENCY_CAP;
WHB_STATIC_ASSERT(sizeof(WHV_CAPABILITY_PROCESSOR_FREQUENCY_CAP) == 20, "ABI");

typedef union WHV_SCHEDULER_FEATURES {
    __extension__ struct {
        uint64_t CpuReserve : 1;
        uint64_t CpuCap : 1;
        uint64_t CpuWeight : 1;
        uint64_t CpuGroupId : 1;
        uint64_t DisableSmt : 1;
        uint64_t Reserved : 59;
    };
    uint64_t AsUINT64;
} WHV_SCHEDULER_FEATURES;
WHB_STATIC_ASSERT(sizeof(WHV_SCHEDULER_FEATURES) == 8, "ABI");

typedef union WHV_CAPABILITY {
    int32_t HypervisorPresent; /* 0 or 1 */
    WHV_CAPABILITY_FEATURES Features;
    WHV_EXTENDED_VM_EXITS ExtendedVmExits;
    WHV_PROCESSOR_VENDOR ProcessorVendor;
    WHV_PROCESSOR_FEATURES ProcessorFeatures;
    WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS SyntheticProcessorFeaturesBanks;
    uint8_t ProcessorClFlushSize;     /* log2 of bytes */
    uint64_t ProcessorClockFrequency; /* Hz */
    WHV_PROCESSOR_FEATURES_BANKS ProcessorFeaturesBanks;
    WHV_ADVISE_GPA_RANGE_POPULATE_FLAGS GpaRangePopulateFlags;
    WHV_CAPABILITY_PROCESSOR_FREQUENCY_CAP ProcessorFrequencyCap;
    WHV_SCHEDULER_FEATURES SchedulerFeatures;
    uint32_t PhysicalAddressWidth;  /* bits */
    uint64_t NestedFeatureRegister; /* value of the VMX capability MSR that was asked for */
    WHV_PROCESSOR_XSAVE_FEATURES ProcessorXsaveFeatures;
    uint64_t InterruptClockFrequency; /* Hz */
    WHV_PROCESSOR_PERFMON_FEATURES ProcessorPerfmonFeatures;
    WHV_X64_MSR_EXIT_BITMAP X64MsrExitBitmap;
    uint64_t ExceptionExitBitmap; /* bit n: exception n can exit */
} WHV_CAPABILITY;
WHB_STATIC_ASSERT(sizeof(WHV_CAPABILITY) == 24, "ABI");

typedef struct WHV_X64_CPUID_RESULT {
    uint32_t Function; /* EAX of CPUID: the leaf */
    uint32_t Reserved[3];
    uint32_t Eax;
    uint32_t Ebx;
    uint32_t Ecx;
    uint32_t Edx;
} WHV_X64_CPUID_RESULT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_CPUID_RESULT) == 32, "ABI");

typedef struct WHV_CPUID_OUTPUT {
    uint32_t Eax;
    uint32_t Ebx;
    uint32_t Ecx;
    uint32_t Edx;
} WHV_CPUID_OUTPUT;
WHB_STATIC_ASSERT(sizeof(WHV_CPUID_OUTPUT) == 16, "ABI");

typedef struct WHV_X64_CPUID_RESULT2 {
    uint32_t Function; /* EAX of CPUID: the leaf */
    uint32_t Index;    /* ECX of CPUID, if FlagSubleafSpecific */
    uint32_t VpIndex;  /* if FlagVpSpecific */
    WHV_X64_CPUID_RESULT2_FLAGS Flags;
    WHV_CPUID_OUTPUT Output;
    WHV_CPUID_OUTPUT Mask; /* 1 bits: take from Output; 0 bits: leave as they are */
} WHV_X64_CPUID_RESULT2;
WHB_STATIC_ASSERT(sizeof(WHV_X64_CPUID_RESULT2) == 48, "ABI");

typedef struct WHV_MSR_ACTION_ENTRY {
    uint32_t Index;      /* MSR number */
    uint8_t ReadAction;  /* WHV_MSR_ACTION */
    uint8_t WriteAction; /* WHV_MSR_ACTION */
    uint16_t Reserved;
} WHV_MSR_ACTION_ENTRY;
WHB_STATIC_ASSERT(sizeof(WHV_MSR_ACTION_ENTRY) == 8, "ABI");

typedef union WHV_PARTITION_PROPERTY {
    WHV_EXTENDED_VM_EXITS ExtendedVmExits;
    WHV_PROCESSOR_FEATURES ProcessorFeatures;
    WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS SyntheticProcessorFeaturesBanks;
    uint8_t ProcessorClFlushSize; /* log2 of bytes */
    uint32_t ProcessorCount;
    int32_t SeparateSecurityDomain;
    int32_t NestedVirtualization;
    uint64_t ProcessorClockFrequency; /* Hz */
    WHV_PROCESSOR_FEATURES_BANKS ProcessorFeaturesBanks;
    uint64_t ReferenceTime; /* 100 ns units */
    uint16_t PrimaryNumaNode;
    uint32_t CpuReserve;
    uint32_t CpuCap;
    uint32_t CpuWeight;
    uint64_t CpuGroupId;
    uint32_t ProcessorFrequencyCap;
    int32_t AllowDeviceAssignment;
    int32_t DisableSmt;
    uint32_t PhysicalAddressWidth; /* bits */
    WHV_PROCESSOR_XSAVE_FEATURES ProcessorXsaveFeatures;
    uint32_t CpuidExitList[1];    /* leaves; as many as the size argument says */
    uint64_t ExceptionExitBitmap; /* bit n: exception n exits */
    int32_t ApicRemoteRead;
    WHV_X64_MSR_EXIT_BITMAP X64MsrExitBitmap;
    WHV_PROCESSOR_PERFMON_FEATURES ProcessorPerfmonFeatures;
    uint64_t InterruptClockFrequency;          /* Hz */
    WHV_X64_CPUID_RESULT CpuidResultList[1];   /* as many as the size argument says */
    WHV_X64_CPUID_RESULT2 CpuidResultList2[1]; /* likewise */
    WHV_MSR_ACTION_ENTRY MsrActionList[1];     /* likewise */
    WHV_MSR_ACTION UnimplementedMsrAction;
    WHV_X64_LOCAL_APIC_EMULATION_MODE LocalApicEmulationMode;
} WHV_PARTITION_PROPERTY;
WHB_STATIC_ASSERT(sizeof(WHV_PARTITION_PROPERTY) == 48, "ABI");
