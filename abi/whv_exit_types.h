/* SPDX-License-Identifier: MIT */
/*
 * The exit record (WHV_RUN_VP_EXIT_CONTEXT); more on each reason: docs/exit-records.md. All registers are those before
 * the instruction, but for X64Halt. Reserved fields, and those that the reason does not use, are 0.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/language.h"
#include "abi/whv_base.h"
#include "abi/whv_enums.h"
#include "abi/whv_register_types.h"

typedef union WHV_X64_VP_EXECUTION_STATE {
    __extension__ struct {
        uint16_t Cpl : 2;                 /* current privilege level: 0 in real mode, 3 in virtual-8086 mode */
        uint16_t Cr0Pe : 1;               /* CR0.PE */
        uint16_t Cr0Am : 1;               /* CR0.AM */
        uint16_t EferLma : 1;             /* EFER.LMA */
        uint16_t DebugActive : 1;         /* DR7 enables a breakpoint */
        uint16_t InterruptionPending : 1; /* an event was being delivered: it is in PendingInterruption */
        uint16_t Reserved0 : 5;
        uint16_t InterruptShadow : 1; /* blocking by STI or MOV SS */
        uint16_t Reserved1 : 3;
    };
    uint16_t AsUINT16;
} WHV_X64_VP_EXECUTION_STATE;
WHB_STATIC_ASSERT(sizeof(WHV_X64_VP_EXECUTION_STATE) == 2, "ABI");

/* The VP at the exit: filled whatever the reason. */
typedef struct WHV_X64_VP_EXIT_CONTEXT {
    WHV_X64_VP_EXECUTION_STATE ExecutionState;
    uint8_t InstructionLength : 4; /* bytes, for X64IoPortAccess, X64MsrAccess, X64Cpuid; otherwise 0 */
    uint8_t Cr8 : 4;               /* CR8, the task priority class */
    uint8_t Reserved;
    uint32_t Reserved2;
    WHV_X64_SEGMENT_REGISTER Cs;
    uint64_t Rip; /* of the instruction that caused the exit; X64Halt: of the next one */
    uint64_t Rflags;
} WHV_X64_VP_EXIT_CONTEXT;
typedef WHV_X64_VP_EXIT_CONTEXT WHV_VP_EXIT_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_VP_EXIT_CONTEXT) == 40, "ABI");

typedef struct WHV_SYNIC_SINT_DELIVERABLE_CONTEXT {
    uint16_t DeliverableSints; /* bit n: SINT n can be delivered */
    uint16_t Reserved1;
    uint32_t Reserved2;
} WHV_SYNIC_SINT_DELIVERABLE_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_SYNIC_SINT_DELIVERABLE_CONTEXT) == 8, "ABI");

typedef union WHV_MEMORY_ACCESS_INFO {
    __extension__ struct {
        uint32_t AccessType : 2;  /* WHV_MEMORY_ACCESS_TYPE; Write if it was a read-modify-write */
        uint32_t GpaUnmapped : 1; /* 1: nothing is mapped at Gpa; 0: the right is missing */
        uint32_t GvaValid : 1;    /* 0: a walk of the guest's page tables made the access */
        uint32_t Reserved : 28;
    };
    uint32_t AsUINT32;
} WHV_MEMORY_ACCESS_INFO;
WHB_STATIC_ASSERT(sizeof(WHV_MEMORY_ACCESS_INFO) == 4, "ABI");

typedef struct WHV_MEMORY_ACCESS_CONTEXT {
    uint8_t InstructionByteCount; /* valid bytes of InstructionBytes, 0 to 16 */
    uint8_t Reserved[3];
    uint8_t InstructionBytes[16]; /* from CS:RIP */
    WHV_MEMORY_ACCESS_INFO AccessInfo;
    WHV_GUEST_PHYSICAL_ADDRESS Gpa; /* first byte that faulted, not rounded to a page */
    WHV_GUEST_VIRTUAL_ADDRESS Gva;  /* linear address of the access if GvaValid, otherwise 0 */
} WHV_MEMORY_ACCESS_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_MEMORY_ACCESS_CONTEXT) == 40, "ABI");

typedef union WHV_X64_IO_PORT_ACCESS_INFO {
    __extension__ struct {
        uint32_t IsWrite : 1;    /* 0: IN, INS; 1: OUT, OUTS */
        uint32_t AccessSize : 3; /* bytes: 1, 2 or 4 */
        uint32_t StringOp : 1;   /* INS or OUTS */
        uint32_t RepPrefix : 1;  /* with a REP prefix: the count is in Rcx */
        uint32_t Reserved : 26;
    };
    uint32_t AsUINT32;
} WHV_X64_IO_PORT_ACCESS_INFO;
WHB_STATIC_ASSERT(sizeof(WHV_X64_IO_PORT_ACCESS_INFO) == 4, "ABI");

typedef struct WHV_X64_IO_PORT_ACCESS_CONTEXT {
    uint8_t InstructionByteCount; /* valid bytes of InstructionBytes; 0 unless StringOp */
    uint8_t Reserved[3];
    uint8_t InstructionBytes[16]; /* from CS:RIP */
    WHV_X64_IO_PORT_ACCESS_INFO AccessInfo;
    uint16_t PortNumber;
    uint16_t Reserved2[3];
    uint64_t Rax; /* all 64 bits, whatever AccessSize is */
    uint64_t Rcx; /* this and what follows: 0 unless StringOp */
    uint64_t Rsi;
    uint64_t Rdi;
    WHV_X64_SEGMENT_REGISTER Ds; /* DS itself, whatever segment prefix there is */
    WHV_X64_SEGMENT_REGISTER Es;
} WHV_X64_IO_PORT_ACCESS_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_IO_PORT_ACCESS_CONTEXT) == 96, "ABI");

typedef union WHV_X64_MSR_ACCESS_INFO {
    __extension__ struct {
        uint32_t IsWrite : 1; /* 0: RDMSR, 1: WRMSR */
        uint32_t Reserved : 31;
    };
    uint32_t AsUINT32;
} WHV_X64_MSR_ACCESS_INFO;
WHB_STATIC_ASSERT(sizeof(WHV_X64_MSR_ACCESS_INFO) == 4, "ABI");

typedef struct WHV_X64_MSR_ACCESS_CONTEXT {
    WHV_X64_MSR_ACCESS_INFO AccessInfo;
    uint32_t MsrNumber; /* ECX */
    uint64_t Rax;       /* all 64 bits; WRMSR takes the low 32 */
    uint64_t Rdx;       /* all 64 bits; WRMSR takes the low 32 */
} WHV_X64_MSR_ACCESS_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_MSR_ACCESS_CONTEXT) == 24, "ABI");

typedef struct WHV_X64_CPUID_ACCESS_CONTEXT {
    uint64_t Rax; /* registers at the exit; EAX is the leaf, ECX the subleaf */
    uint64_t Rcx;
    uint64_t Rdx;
    uint64_t Rbx;
    uint64_t DefaultResultRax; /* what CPUID would give without the exit; bits 63:32 are 0 */
    uint64_t DefaultResultRcx;
    uint64_t DefaultResultRdx;
    uint64_t DefaultResultRbx;
} WHV_X64_CPUID_ACCESS_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_CPUID_ACCESS_CONTEXT) == 64, "ABI");

typedef union WHV_VP_EXCEPTION_INFO {
    __extension__ struct {
        uint32_t ErrorCodeValid : 1;    /* ErrorCode counts */
        uint32_t SoftwareException : 1; /* raised by INT3, INTO or INT1 */
        uint32_t Reserved : 30;
    };
    uint32_t AsUINT32;
} WHV_VP_EXCEPTION_INFO;
WHB_STATIC_ASSERT(sizeof(WHV_VP_EXCEPTION_INFO) == 4, "ABI");

/* The exception is not delivered yet: CR2 and DR6 are unchanged. */
typedef struct WHV_VP_EXCEPTION_CONTEXT {
    uint8_t InstructionByteCount; /* valid bytes of InstructionBytes, 0 to 16 */
    uint8_t Reserved[3];
    uint8_t InstructionBytes[16]; /* from CS:RIP */
    WHV_VP_EXCEPTION_INFO ExceptionInfo;
    uint8_t ExceptionType; /* vector */
    uint8_t Reserved2[3];
    uint32_t ErrorCode;
    uint64_t ExceptionParameter; /* #PF: linear address for CR2; #DB: bits for DR6; otherwise 0 */
} WHV_VP_EXCEPTION_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_VP_EXCEPTION_CONTEXT) == 40, "ABI");

typedef struct WHV_X64_UNSUPPORTED_FEATURE_CONTEXT {
    WHV_X64_UNSUPPORTED_FEATURE_CODE FeatureCode;
    uint32_t Reserved;
    uint64_t FeatureParameter; /* depends on FeatureCode: the intercept, or the task switch */
} WHV_X64_UNSUPPORTED_FEATURE_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_UNSUPPORTED_FEATURE_CONTEXT) == 16, "ABI");

typedef struct WHV_RUN_VP_CANCELED_CONTEXT {
    WHV_RUN_VP_CANCEL_REASON CancelReason;
} WHV_RUN_VP_CANCELED_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_RUN_VP_CANCELED_CONTEXT) == 4, "ABI");

typedef struct WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT {
    WHV_X64_PENDING_INTERRUPTION_TYPE DeliverableType; /* interrupt or NMI */
} WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT) == 4, "ABI");

typedef struct WHV_X64_APIC_EOI_CONTEXT {
    uint32_t InterruptVector; /* a level-triggered one */
} WHV_X64_APIC_EOI_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_APIC_EOI_CONTEXT) == 4, "ABI");

typedef union WHV_X64_RDTSC_INFO {
    __extension__ struct {
        uint64_t IsRdtscp : 1; /* 0: RDTSC, 1: RDTSCP */
        uint64_t Reserved : 63;
    };
    uint64_t AsUINT64;
} WHV_X64_RDTSC_INFO;
WHB_STATIC_ASSERT(sizeof(WHV_X64_RDTSC_INFO) == 8, "ABI");

typedef struct WHV_X64_RDTSC_CONTEXT {
    uint64_t TscAux;        /* what RDTSCP puts into RCX */
    uint64_t VirtualOffset; /* guest's TSC minus the host's, ticks */
    uint64_t Tsc;           /* what the guest would read, ticks */
    uint64_t ReferenceTime; /* of the partition, 100 ns units */
    WHV_X64_RDTSC_INFO RdtscInfo;
} WHV_X64_RDTSC_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_RDTSC_CONTEXT) == 40, "ABI");

typedef struct WHV_X64_APIC_SMI_CONTEXT {
    uint64_t ApicIcr; /* value written to the ICR */
} WHV_X64_APIC_SMI_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_APIC_SMI_CONTEXT) == 8, "ABI");

typedef struct WHV_X64_HYPERCALL_CONTEXT {
    uint64_t Rax;
    uint64_t Rbx;
    uint64_t Rcx;
    uint64_t Rdx;
    uint64_t R8;
    uint64_t Rsi;
    uint64_t Rdi;
    uint64_t Reserved0;
    WHV_UINT128 XmmRegisters[WHV_HYPERCALL_CONTEXT_MAX_XMM_REGISTERS];
    uint64_t Reserved1[2];
} __attribute__((aligned(16))) WHV_X64_HYPERCALL_CONTEXT;
typedef WHV_X64_HYPERCALL_CONTEXT WHV_HYPERCALL_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_HYPERCALL_CONTEXT) == 176, "ABI");

typedef struct WHV_X64_APIC_INIT_SIPI_CONTEXT {
    uint64_t ApicIcr; /* value written to the ICR */
} WHV_X64_APIC_INIT_SIPI_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_APIC_INIT_SIPI_CONTEXT) == 8, "ABI");

typedef struct WHV_X64_APIC_WRITE_CONTEXT {
    WHV_X64_APIC_WRITE_TYPE Type; /* offset of the register in the APIC page, bytes */
    uint32_t Reserved;
    uint64_t WriteValue;
} WHV_X64_APIC_WRITE_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_APIC_WRITE_CONTEXT) == 16, "ABI");

typedef struct WHV_RUN_VP_EXIT_CONTEXT {
    WHV_RUN_VP_EXIT_REASON ExitReason; /* says which member of the union counts, if any */
    uint32_t Reserved;
    WHV_VP_EXIT_CONTEXT VpContext;
    __extension__ union {
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
WHB_STATIC_ASSERT(sizeof(WHV_RUN_VP_EXIT_CONTEXT) == 224, "ABI");
WHB_STATIC_ASSERT(WHB_ALIGNOF(WHV_RUN_VP_EXIT_CONTEXT) == 16, "ABI");

WHB_STATIC_ASSERT(offsetof(WHV_RUN_VP_EXIT_CONTEXT, VpContext) == 8, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_RUN_VP_EXIT_CONTEXT, MemoryAccess) == 48, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_VP_EXIT_CONTEXT, Cs) == 8, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_VP_EXIT_CONTEXT, Rip) == 24, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_VP_EXIT_CONTEXT, Rflags) == 32, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_MEMORY_ACCESS_CONTEXT, InstructionBytes) == 4, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_MEMORY_ACCESS_CONTEXT, AccessInfo) == 20, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_MEMORY_ACCESS_CONTEXT, Gpa) == 24, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_MEMORY_ACCESS_CONTEXT, Gva) == 32, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_IO_PORT_ACCESS_CONTEXT, AccessInfo) == 20, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_IO_PORT_ACCESS_CONTEXT, PortNumber) == 24, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_IO_PORT_ACCESS_CONTEXT, Rax) == 32, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_IO_PORT_ACCESS_CONTEXT, Ds) == 64, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_IO_PORT_ACCESS_CONTEXT, Es) == 80, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_MSR_ACCESS_CONTEXT, MsrNumber) == 4, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_MSR_ACCESS_CONTEXT, Rax) == 8, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_MSR_ACCESS_CONTEXT, Rdx) == 16, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_CPUID_ACCESS_CONTEXT, DefaultResultRax) == 32, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_VP_EXCEPTION_CONTEXT, ExceptionInfo) == 20, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_VP_EXCEPTION_CONTEXT, ExceptionType) == 24, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_VP_EXCEPTION_CONTEXT, ErrorCode) == 28, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_VP_EXCEPTION_CONTEXT, ExceptionParameter) == 32, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_X64_UNSUPPORTED_FEATURE_CONTEXT, FeatureParameter) == 8, "ABI");
