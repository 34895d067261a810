/* SPDX-License-Identifier: MIT */
/*
 * The exit record (WHV_RUN_VP_EXIT_CONTEXT). Addresses and lengths in bytes; meaning: docs/exit-records.md.
 */
#pragma once

#include <stdint.h>

#include "abi/whv_base.h"
#include "abi/whv_enums.h"
#include "abi/whv_register_types.h"

typedef union WHV_X64_VP_EXECUTION_STATE {
    struct {
        uint16_t Cpl : 2;
        uint16_t Cr0Pe : 1;
        uint16_t Cr0Am : 1;
        uint16_t EferLma : 1;
        uint16_t DebugActive : 1;
        uint16_t InterruptionPending : 1;
        uint16_t Reserved0 : 5;
        uint16_t InterruptShadow : 1;
        uint16_t Reserved1 : 3;
    };
    uint16_t AsUINT16;
} WHV_X64_VP_EXECUTION_STATE;
_Static_assert(sizeof(WHV_X64_VP_EXECUTION_STATE) == 2, "ABI");

typedef struct WHV_X64_VP_EXIT_CONTEXT {
    WHV_X64_VP_EXECUTION_STATE ExecutionState;
    uint8_t InstructionLength : 4;
    uint8_t Cr8 : 4;
    uint8_t Reserved;
    uint32_t Reserved2;
    WHV_X64_SEGMENT_REGISTER Cs;
    uint64_t Rip;
    uint64_t Rflags;
} WHV_X64_VP_EXIT_CONTEXT;
typedef WHV_X64_VP_EXIT_CONTEXT WHV_VP_EXIT_CONTEXT;
_Static_assert(sizeof(WHV_X64_VP_EXIT_CONTEXT) == 40, "ABI");

typedef struct WHV_SYNIC_SINT_DELIVERABLE_CONTEXT {
    uint16_t DeliverableSints;
    uint16_t Reserved1;
    uint32_t Reserved2;
} WHV_SYNIC_SINT_DELIVERABLE_CONTEXT;
_Static_assert(sizeof(WHV_SYNIC_SINT_DELIVERABLE_CONTEXT) == 8, "ABI");

typedef union WHV_MEMORY_ACCESS_INFO {
    struct {
        uint32_t AccessType : 2;
        uint32_t GpaUnmapped : 1;
        uint32_t GvaValid : 1;
        uint32_t Reserved : 28;
    };
    uint32_t AsUINT32;
} WHV_MEMORY_ACCESS_INFO;
_Static_assert(sizeof(WHV_MEMORY_ACCESS_INFO) == 4, "ABI");

typedef struct WHV_MEMORY_ACCESS_CONTEXT {
    uint8_t InstructionByteCount;
    uint8_t Reserved[3];
    uint8_t InstructionBytes[16];
    WHV_MEMORY_ACCESS_INFO AccessInfo;
    WHV_GUEST_PHYSICAL_ADDRESS Gpa;
    WHV_GUEST_VIRTUAL_ADDRESS Gva;
} WHV_MEMORY_ACCESS_CONTEXT;
_Static_assert(sizeof(WHV_MEMORY_ACCESS_CONTEXT) == 40, "ABI");

typedef union WHV_X64_IO_PORT_ACCESS_INFO {
    struct {
        uint32_t IsWrite : 1;
        uint32_t AccessSize : 3;
        uint32_t StringOp : 1;
        uint32_t RepPrefix : 1;
        uint32_t Reserved : 26;
    };
    uint32_t AsUINT32;
} WHV_X64_IO_PORT_ACCESS_INFO;
_Static_assert(sizeof(WHV_X64_IO_PORT_ACCESS_INFO) == 4, "ABI");

typedef struct WHV_X64_IO_PORT_ACCESS_CONTEXT {
    uint8_t InstructionByteCount;
    uint8_t Reserved[3];
    uint8_t InstructionBytes[16];
    WHV_X64_IO_PORT_ACCESS_INFO AccessInfo;
    uint16_t PortNumber;
    uint16_t Reserved2[3];
    uint64_t Rax;
    uint64_t Rcx;
    uint64_t Rsi;
    uint64_t Rdi;
    WHV_X64_SEGMENT_REGISTER Ds;
    WHV_X64_SEGMENT_REGISTER Es;
} WHV_X64_IO_PORT_ACCESS_CONTEXT;
_Static_assert(sizeof(WHV_X64_IO_PORT_ACCESS_CONTEXT) == 96, "ABI");

typedef union WHV_X64_MSR_ACCESS_INFO {
    struct {
        uint32_t IsWrite : 1;
        uint32_t Reserved : 31;
    };
    uint32_t AsUINT32;
} WHV_X64_MSR_ACCESS_INFO;
_Static_assert(sizeof(WHV_X64_MSR_ACCESS_INFO) == 4, "ABI");

typedef struct WHV_X64_MSR_ACCESS_CONTEXT {
    WHV_X64_MSR_ACCESS_INFO AccessInfo;
    uint32_t MsrNumber;
    uint64_t Rax;
    uint64_t Rdx;
} WHV_X64_MSR_ACCESS_CONTEXT;
_Static_assert(sizeof(WHV_X64_MSR_ACCESS_CONTEXT) == 24, "ABI");

typedef struct WHV_X64_CPUID_ACCESS_CONTEXT {
    uint64_t Rax;
    uint64_t Rcx;
    uint64_t Rdx;
    uint64_t Rbx;
    uint64_t DefaultResultRax;
    uint64_t DefaultResultRcx;
    uint64_t DefaultResultRdx;
    uint64_t DefaultResultRbx;
} WHV_X64_CPUID_ACCESS_CONTEXT;
_Static_assert(sizeof(WHV_X64_CPUID_ACCESS_CONTEXT) == 64, "ABI");

typedef union WHV_VP_EXCEPTION_INFO {
    struct {
        uint32_t ErrorCodeValid : 1;
        uint32_t SoftwareException : 1;
        uint32_t Reserved : 30;
    };
    uint32_t AsUINT32;
} WHV_VP_EXCEPTION_INFO;
_Static_assert(sizeof(WHV_VP_EXCEPTION_INFO) == 4, "ABI");

typedef struct WHV_VP_EXCEPTION_CONTEXT {
    uint8_t InstructionByteCount;
    uint8_t Reserved[3];
    uint8_t InstructionBytes[16];
    WHV_VP_EXCEPTION_INFO ExceptionInfo;
    uint8_t ExceptionType;
    uint8_t Reserved2[3];
    uint32_t ErrorCode;
    uint64_t ExceptionParameter;
} WHV_VP_EXCEPTION_CONTEXT;
_Static_assert(sizeof(WHV_VP_EXCEPTION_CONTEXT) == 40, "ABI");

typedef struct WHV_X64_UNSUPPORTED_FEATURE_CONTEXT {
    WHV_X64_UNSUPPORTED_FEATURE_CODE FeatureCode;
    uint32_t Reserved;
    uint64_t FeatureParameter;
} WHV_X64_UNSUPPORTED_FEATURE_CONTEXT;
_Static_assert(sizeof(WHV_X64_UNSUPPORTED_FEATURE_CONTEXT) == 16, "ABI");

typedef struct WHV_RUN_VP_CANCELED_CONTEXT {
    WHV_RUN_VP_CANCEL_REASON CancelReason;
} WHV_RUN_VP_CANCELED_CONTEXT;
_Static_assert(sizeof(WHV_RUN_VP_CANCELED_CONTEXT) == 4, "ABI");

typedef struct WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT {
    WHV_X64_PENDING_INTERRUPTION_TYPE DeliverableType;
} WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT;
_Static_assert(sizeof(WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT) == 4, "ABI");

typedef struct WHV_X64_APIC_EOI_CONTEXT {
    uint32_t InterruptVector;
} WHV_X64_APIC_EOI_CONTEXT;
_Static_assert(sizeof(WHV_X64_APIC_EOI_CONTEXT) == 4, "ABI");

typedef union WHV_X64_RDTSC_INFO {
    struct {
        uint64_t IsRdtscp : 1;
        uint64_t Reserved : 63;
    };
    uint64_t AsUINT64;
} WHV_X64_RDTSC_INFO;
_Static_assert(sizeof(WHV_X64_RDTSC_INFO) == 8, "ABI");

typedef struct WHV_X64_RDTSC_CONTEXT {
    uint64_t TscAux;
    uint64_t VirtualOffset;
    uint64_t Tsc;
    uint64_t ReferenceTime;
    WHV_X64_RDTSC_INFO RdtscInfo;
} WHV_X64_RDTSC_CONTEXT;
_Static_assert(sizeof(WHV_X64_RDTSC_CONTEXT) == 40, "ABI");

typedef struct WHV_X64_APIC_SMI_CONTEXT {
    uint64_t ApicIcr;
} WHV_X64_APIC_SMI_CONTEXT;
_Static_assert(sizeof(WHV_X64_APIC_SMI_CONTEXT) == 8, "ABI");

typedef struct WHV_X64_HYPERCALL_CONTEXT {
    uint64_t Rax;
    uint64_t Rbx;
    uint64_t Rcx;
    uint64_t Rdx;
    uint64_t R8;
    uint64_t Rsi;
    uint64_t Rdi;
    uint64_t Reserved0;
    WHV_UINT128 XmmRegisters[6];
    uint64_t Reserved1[2];
} __attribute__((aligned(16))) WHV_X64_HYPERCALL_CONTEXT;
typedef WHV_X64_HYPERCALL_CONTEXT WHV_HYPERCALL_CONTEXT;
_Static_assert(sizeof(WHV_X64_HYPERCALL_CONTEXT) == 176, "ABI");

typedef struct WHV_X64_APIC_INIT_SIPI_CONTEXT {
    uint64_t ApicIcr;
} WHV_X64_APIC_INIT_SIPI_CONTEXT;
_Static_assert(sizeof(WHV_X64_APIC_INIT_SIPI_CONTEXT) == 8, "ABI");

typedef struct WHV_X64_APIC_WRITE_CONTEXT {
    WHV_X64_APIC_WRITE_TYPE Type;
    uint32_t Reserved;
    uint64_t WriteValue;
} WHV_X64_APIC_WRITE_CONTEXT;
_Static_assert(sizeof(WHV_X64_APIC_WRITE_CONTEXT) == 16, "ABI");

typedef struct WHV_RUN_VP_EXIT_CONTEXT {
    WHV_RUN_VP_EXIT_REASON ExitReason;
    uint32_t Reserved;
    WHV_VP_EXIT_CONTEXT VpContext;
    union {
        WHV_MEMORY_ACCESS_CONTEXT MemoryAccess;
        WHV_RUN_VP_CANCELED_CONTEXT CancelReason;
        WHV_HYPERCALL_CONTEXT Hypercall;
        WHV_SYNIC_SINT_DELIVERABLE_CONTEXT SynicSintDeliverable;
        WHV_X64_IO_PORT_ACCESS_CONTEXT IoPortAccess;
        WHV_X64_MSR_ACCESS_CONTEXT MsrAccess;
        WHV_X64_CPUID_ACCESS_CONTEXT CpuidAccess;
        WHV_VP_EXCEPTION_CONTEXT VpException;
        WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT InterruptWindow;
        WHV_X64_UNSUPPORTED_FEATURE_CONTEXT UnsupportedFeature;
        WHV_X64_APIC_EOI_CONTEXT ApicEoi;
        WHV_X64_RDTSC_CONTEXT ReadTsc;
        WHV_X64_APIC_SMI_CONTEXT ApicSmi;
        WHV_X64_APIC_INIT_SIPI_CONTEXT ApicInitSipi;
        WHV_X64_APIC_WRITE_CONTEXT ApicWrite;
        uint64_t AsUINT64[22];
    };
} __attribute__((aligned(16))) WHV_RUN_VP_EXIT_CONTEXT;
_Static_assert(sizeof(WHV_RUN_VP_EXIT_CONTEXT) == 224, "ABI");
