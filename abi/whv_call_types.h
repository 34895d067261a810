/* SPDX-License-Identifier: MIT */
/*
 * Arguments and results of the other WHv functions.
 */
#pragma once

#include <stdint.h>

#include "abi/language.h"
#include "abi/whv_base.h"
#include "abi/whv_enums.h"
#include "abi/whv_register_types.h"

typedef struct WHV_INTERRUPT_CONTROL {
    uint64_t Type : 8;            /* WHV_INTERRUPT_TYPE */
    uint64_t DestinationMode : 4; /* WHV_INTERRUPT_DESTINATION_MODE */
    uint64_t TriggerMode : 4;     /* WHV_INTERRUPT_TRIGGER_MODE */
    uint64_t TargetVtl : 8;
    uint64_t Reserved : 40;
    uint32_t Destination; /* APIC ID, or logical destination */
    uint32_t Vector;
} WHV_INTERRUPT_CONTROL;
WHB_STATIC_ASSERT(sizeof(WHV_INTERRUPT_CONTROL) == 16, "ABI");

typedef struct WHV_DOORBELL_MATCH_DATA {
    WHV_GUEST_PHYSICAL_ADDRESS GuestAddress;
    uint64_t Value;  /* counts if MatchOnValue */
    uint32_t Length; /* bytes; counts if MatchOnLength */
    uint32_t MatchOnValue : 1;
    uint32_t MatchOnLength : 1;
    uint32_t Reserved : 30;
} WHV_DOORBELL_MATCH_DATA;
WHB_STATIC_ASSERT(sizeof(WHV_DOORBELL_MATCH_DATA) == 24, "ABI");

typedef struct WHV_PARTITION_MEMORY_COUNTERS {
    uint64_t Mapped4KPageCount;
    uint64_t Mapped2MPageCount;
    uint64_t Mapped1GPageCount;
} WHV_PARTITION_MEMORY_COUNTERS;
WHB_STATIC_ASSERT(sizeof(WHV_PARTITION_MEMORY_COUNTERS) == 24, "ABI");

typedef struct WHV_PROCESSOR_RUNTIME_COUNTERS {
    uint64_t TotalRuntime100ns;
    uint64_t HypervisorRuntime100ns;
} WHV_PROCESSOR_RUNTIME_COUNTERS;
WHB_STATIC_ASSERT(sizeof(WHV_PROCESSOR_RUNTIME_COUNTERS) == 16, "ABI");

typedef struct WHV_PROCESSOR_INTERCEPT_COUNTER {
    uint64_t Count;
    uint64_t Time100ns;
} WHV_PROCESSOR_INTERCEPT_COUNTER;
WHB_STATIC_ASSERT(sizeof(WHV_PROCESSOR_INTERCEPT_COUNTER) == 16, "ABI");

typedef struct WHV_PROCESSOR_INTERCEPT_COUNTERS {
    WHV_PROCESSOR_INTERCEPT_COUNTER PageInvalidations;
    WHV_PROCESSOR_INTERCEPT_COUNTER ControlRegisterAccesses;
    WHV_PROCESSOR_INTERCEPT_COUNTER IoInstructions;
    WHV_PROCESSOR_INTERCEPT_COUNTER HaltInstructions;
    WHV_PROCESSOR_INTERCEPT_COUNTER CpuidInstructions;
    WHV_PROCESSOR_INTERCEPT_COUNTER MsrAccesses;
    WHV_PROCESSOR_INTERCEPT_COUNTER OtherIntercepts;
    WHV_PROCESSOR_INTERCEPT_COUNTER PendingInterrupts;
    WHV_PROCESSOR_INTERCEPT_COUNTER EmulatedInstructions;
    WHV_PROCESSOR_INTERCEPT_COUNTER DebugRegisterAccesses;
    WHV_PROCESSOR_INTERCEPT_COUNTER PageFaultIntercepts;
    WHV_PROCESSOR_INTERCEPT_COUNTER NestedPageFaultIntercepts;
    WHV_PROCESSOR_INTERCEPT_COUNTER Hypercalls;
    WHV_PROCESSOR_INTERCEPT_COUNTER RdpmcInstructions;
} WHV_PROCESSOR_INTERCEPT_COUNTERS;
WHB_STATIC_ASSERT(sizeof(WHV_PROCESSOR_INTERCEPT_COUNTERS) == 224, "ABI");

typedef struct WHV_PROCESSOR_EVENT_COUNTERS {
    uint64_t PageFaultCount;
    uint64_t ExceptionCount;
    uint64_t InterruptCount;
} WHV_PROCESSOR_EVENT_COUNTERS;
WHB_STATIC_ASSERT(sizeof(WHV_PROCESSOR_EVENT_COUNTERS) == 24, "ABI");

typedef struct WHV_PROCESSOR_APIC_COUNTERS {
    uint64_t MmioAccessCount;
    uint64_t EoiAccessCount;
    uint64_t TprAccessCount;
    uint64_t SentIpiCount;
    uint64_t SelfIpiCount;
} WHV_PROCESSOR_APIC_COUNTERS;
WHB_STATIC_ASSERT(sizeof(WHV_PROCESSOR_APIC_COUNTERS) == 40, "ABI");

typedef struct WHV_PROCESSOR_SYNTHETIC_FEATURES_COUNTERS {
    uint64_t SyntheticInterruptsCount;
    uint64_t LongSpinWaitHypercallsCount;
    uint64_t OtherHypercallsCount;
    uint64_t SyntheticInterruptHypercallsCount;
    uint64_t VirtualInterruptHypercallsCount;
    uint64_t VirtualMmuHypercallsCount;
} WHV_PROCESSOR_SYNTHETIC_FEATURES_COUNTERS;
WHB_STATIC_ASSERT(sizeof(WHV_PROCESSOR_SYNTHETIC_FEATURES_COUNTERS) == 48, "ABI");

typedef union WHV_VTL_PERMISSION_SET {
    uint32_t AsUINT32;
    uint16_t VtlPermissionFrom1[2];
} WHV_VTL_PERMISSION_SET;
WHB_STATIC_ASSERT(sizeof(WHV_VTL_PERMISSION_SET) == 4, "ABI");

typedef struct WHV_NESTED_ENLIGHTENMENTS_CONTROL {
    union {
        uint32_t AsUINT32;
        __extension__ struct {
            uint32_t DirectHypercall : 1;
            uint32_t VirtualizationException : 1;
            uint32_t Reserved : 30;
        };
    } Features;
    union {
        uint32_t AsUINT32;
        __extension__ struct {
            uint32_t InterPartitionCommunication : 1;
            uint32_t Reserved : 31;
        };
    } HypercallControls;
} WHV_NESTED_ENLIGHTENMENTS_CONTROL;
WHB_STATIC_ASSERT(sizeof(WHV_NESTED_ENLIGHTENMENTS_CONTROL) == 8, "ABI");

typedef struct WHV_SYNIC_EVENT_PARAMETERS {
    uint32_t VpIndex;
    uint8_t TargetSint;
    WHV_VTL TargetVtl;
    uint16_t FlagNumber;
} WHV_SYNIC_EVENT_PARAMETERS;
WHB_STATIC_ASSERT(sizeof(WHV_SYNIC_EVENT_PARAMETERS) == 8, "ABI");

typedef struct WHV_VIRTUAL_PROCESSOR_PROPERTY {
    WHV_VIRTUAL_PROCESSOR_PROPERTY_CODE PropertyCode;
    uint32_t Reserved;
    __extension__ union {
        uint16_t NumaNode;
        uint64_t Padding;
    };
} WHV_VIRTUAL_PROCESSOR_PROPERTY;
WHB_STATIC_ASSERT(sizeof(WHV_VIRTUAL_PROCESSOR_PROPERTY) == 16, "ABI");

/* Older names of the same types. */
typedef WHV_PROCESSOR_INTERCEPT_COUNTERS WHV_PROCESSOR_ACTIVITY_COUNTERS;
typedef WHV_PROCESSOR_EVENT_COUNTERS WHV_PROCESSOR_GUEST_EVENT_COUNTERS;
