/* SPDX-License-Identifier: MIT */
/*
 * Values of WHV registers (WHV_REGISTER_VALUE and its parts).
 */
#pragma once

#include <stdint.h>

#include "abi/language.h"
#include "abi/whv_base.h"
#include "abi/whv_registers.h"

typedef union WHV_UINT128 {
    __extension__ struct {
        uint64_t Low64;
        uint64_t High64;
    };
    uint32_t Dword[4];
} __attribute__((aligned(16))) WHV_UINT128;
WHB_STATIC_ASSERT(sizeof(WHV_UINT128) == 16, "ABI");

typedef union WHV_X64_FP_REGISTER {
    __extension__ struct {
        uint64_t Mantissa;
        uint64_t BiasedExponent : 15;
        uint64_t Sign : 1;
        uint64_t Reserved : 48;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_FP_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_X64_FP_REGISTER) == 16, "ABI");

typedef union WHV_X64_FP_CONTROL_STATUS_REGISTER {
    __extension__ struct {
        uint16_t FpControl;
        uint16_t FpStatus;
        uint8_t FpTag;
        uint8_t Reserved;
        uint16_t LastFpOp;
        __extension__ union {
            uint64_t LastFpRip;
            __extension__ struct {
                uint32_t LastFpEip;
                uint16_t LastFpCs;
                uint16_t Reserved2;
            };
        };
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_FP_CONTROL_STATUS_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_X64_FP_CONTROL_STATUS_REGISTER) == 16, "ABI");

typedef union WHV_X64_XMM_CONTROL_STATUS_REGISTER {
    uint64_t LastFpRdp;
    __extension__ struct {
        uint32_t LastFpDp;
        uint16_t LastFpDs;
        uint16_t Reserved;
        uint32_t XmmStatusControl;
        uint32_t XmmStatusControlMask;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_XMM_CONTROL_STATUS_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_X64_XMM_CONTROL_STATUS_REGISTER) == 16, "ABI");

typedef struct WHV_X64_SEGMENT_REGISTER {
    uint64_t Base;  /* linear address, bytes */
    uint32_t Limit; /* bytes minus 1, whatever Granularity says */
    uint16_t Selector;
    __extension__ union {
        __extension__ struct {
            uint16_t SegmentType : 4;
            uint16_t NonSystemSegment : 1;
            uint16_t DescriptorPrivilegeLevel : 2;
            uint16_t Present : 1; /* 0 also for a segment that is unusable */
            uint16_t Reserved : 4;
            uint16_t Available : 1;
            uint16_t Long : 1;
            uint16_t Default : 1;
            uint16_t Granularity : 1;
        };
        uint16_t Attributes;
    };
} WHV_X64_SEGMENT_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_X64_SEGMENT_REGISTER) == 16, "ABI");

typedef struct WHV_X64_TABLE_REGISTER {
    uint16_t Pad[3];
    uint16_t Limit; /* bytes minus 1 */
    uint64_t Base;  /* linear address, bytes */
} WHV_X64_TABLE_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_X64_TABLE_REGISTER) == 16, "ABI");

typedef union WHV_X64_INTERRUPT_STATE_REGISTER {
    __extension__ struct {
        uint64_t InterruptShadow : 1; /* blocking by STI or MOV SS */
        uint64_t NmiMasked : 1;       /* blocking by NMI */
        uint64_t Reserved : 62;
    };
    uint64_t AsUINT64;
} WHV_X64_INTERRUPT_STATE_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_X64_INTERRUPT_STATE_REGISTER) == 8, "ABI");

typedef union WHV_X64_PENDING_INTERRUPTION_REGISTER {
    __extension__ struct {
        uint32_t InterruptionPending : 1; /* delivered at the next entry, whatever RFLAGS.IF is */
        uint32_t InterruptionType : 3;    /* WHV_X64_PENDING_INTERRUPTION_TYPE, or 4 to 6: software events */
        uint32_t DeliverErrorCode : 1;    /* ErrorCode counts */
        uint32_t InstructionLength : 4;   /* bytes; of a software event's instruction */
        uint32_t NestedEvent : 1;
        uint32_t Reserved : 6;
        uint32_t InterruptionVector : 16;
        uint32_t ErrorCode;
    };
    uint64_t AsUINT64;
} WHV_X64_PENDING_INTERRUPTION_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_INTERRUPTION_REGISTER) == 8, "ABI");

typedef union WHV_X64_PENDING_EXCEPTION_EVENT {
    __extension__ struct {
        uint32_t EventPending : 1;
        uint32_t EventType : 3; /* WHvX64PendingEventException */
        uint32_t Reserved0 : 4;
        uint32_t DeliverErrorCode : 1; /* ErrorCode counts */
        uint32_t Reserved1 : 7;
        uint32_t Vector : 16;
        uint32_t ErrorCode;
        uint64_t ExceptionParameter; /* #PF: goes to CR2; #DB: to DR6 */
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_PENDING_EXCEPTION_EVENT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_EXCEPTION_EVENT) == 16, "ABI");

typedef union WHV_X64_PENDING_EXT_INT_EVENT {
    __extension__ struct {
        uint64_t EventPending : 1;
        uint64_t EventType : 3; /* WHvX64PendingEventExtInt */
        uint64_t Reserved0 : 4;
        uint64_t Vector : 8;
        uint64_t Reserved1 : 48;
        uint64_t Reserved2;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_PENDING_EXT_INT_EVENT;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_EXT_INT_EVENT) == 16, "ABI");

typedef union WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT0 {
    __extension__ struct {
        uint64_t EventPending : 1;
        uint64_t EventType : 4;
        uint64_t Reserved0 : 3;
        uint64_t InstructionBytesValid : 1;
        uint64_t Reserved1 : 55;
        uint64_t ExitCode;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT0;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT0) == 16, "ABI");

typedef union WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT1 {
    __extension__ struct {
        uint64_t ExitInfo1;
        uint64_t ExitInfo2;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT1;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT1) == 16, "ABI");

typedef union WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT2 {
    __extension__ struct {
        uint64_t NextRip;
        uint8_t InstructionBytesFetchedCount;
        uint8_t InstructionBytes[7];
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT2;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT2) == 16, "ABI");

typedef union WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT3 {
    __extension__ struct {
        uint8_t InstructionBytes[8];
        uint64_t Reserved2;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT3;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT3) == 16, "ABI");

typedef union WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT0 {
    __extension__ struct {
        uint32_t EventPending : 1;
        uint32_t EventType : 4;
        uint32_t Reserved0 : 27;
        uint32_t ExitReason;
        uint64_t ExitQualification;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT0;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT0) == 16, "ABI");

typedef union WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT1 {
    __extension__ struct {
        uint32_t InstructionLength;
        uint32_t InstructionInfo;
        uint32_t ExitInterruptionInfo;
        uint32_t ExitExceptionErrorCode;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT1;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT1) == 16, "ABI");

typedef union WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT2 {
    __extension__ struct {
        uint64_t GuestLinearAddress;
        uint64_t GuestPhysicalAddress;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT2;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT2) == 16, "ABI");

typedef union WHV_X64_NESTED_INVEPT_REGISTER {
    __extension__ struct {
        uint8_t Type;
        uint8_t Reserved[7];
        uint64_t Eptp;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_NESTED_INVEPT_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_X64_NESTED_INVEPT_REGISTER) == 16, "ABI");

typedef union WHV_X64_NESTED_INVVPID_REGISTER {
    __extension__ struct {
        uint8_t Type;
        uint8_t Reserved[3];
        uint32_t Vpid;
        uint64_t LinearAddress;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_NESTED_INVVPID_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_X64_NESTED_INVVPID_REGISTER) == 16, "ABI");

typedef union WHV_X64_NESTED_GUEST_STATE {
    __extension__ struct {
        uint64_t NestedVirtActive : 1;
        uint64_t NestedGuestMode : 1;
        uint64_t VmEntryPending : 1;
        uint64_t Reserved0 : 61;
        uint64_t Reserved1;
    };
    WHV_UINT128 AsUINT128;
} __attribute__((aligned(16))) WHV_X64_NESTED_GUEST_STATE;
WHB_STATIC_ASSERT(sizeof(WHV_X64_NESTED_GUEST_STATE) == 16, "ABI");

/* Cleared by the X64InterruptWindow exit that it asks for. */
typedef union WHV_DELIVERABILITY_NOTIFICATIONS_REGISTER {
    __extension__ struct {
        uint64_t NmiNotification : 1;       /* exit once an NMI can be delivered */
        uint64_t InterruptNotification : 1; /* exit once an interrupt can be delivered */
        uint64_t InterruptPriority : 4;     /* class (vector >> 4) that CR8 must let pass; 0: any */
        uint64_t Reserved : 42;
        uint64_t Sint : 16; /* bit n: exit once SINT n can be delivered */
    };
    uint64_t AsUINT64;
} WHV_DELIVERABILITY_NOTIFICATIONS_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_DELIVERABILITY_NOTIFICATIONS_REGISTER) == 8, "ABI");

typedef union WHV_INTERNAL_ACTIVITY_REGISTER {
    __extension__ struct {
        uint64_t StartupSuspend : 1; /* waits for SIPI */
        uint64_t HaltSuspend : 1;    /* in HLT */
        uint64_t IdleSuspend : 1;    /* in the guest idle state */
        uint64_t Reserved : 61;
    };
    uint64_t AsUINT64;
} WHV_INTERNAL_ACTIVITY_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_INTERNAL_ACTIVITY_REGISTER) == 8, "ABI");

typedef union WHV_X64_PENDING_DEBUG_EXCEPTION {
    uint64_t AsUINT64;
    __extension__ struct {
        uint64_t Breakpoint0 : 1;
        uint64_t Breakpoint1 : 1;
        uint64_t Breakpoint2 : 1;
        uint64_t Breakpoint3 : 1;
        uint64_t SingleStep : 1;
        uint64_t Reserved0 : 59;
    };
} WHV_X64_PENDING_DEBUG_EXCEPTION;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PENDING_DEBUG_EXCEPTION) == 8, "ABI");

/* Which member counts depends on the register's name. A register narrower than its member has the rest 0. */
typedef union WHV_REGISTER_VALUE {
    WHV_UINT128 Reg128;
    uint64_t Reg64;
    uint32_t Reg32;
    uint16_t Reg16;
    uint8_t Reg8;
    WHV_INTERNAL_ACTIVITY_REGISTER InternalActivity;
    WHV_DELIVERABILITY_NOTIFICATIONS_REGISTER DeliverabilityNotifications;
    WHV_X64_FP_REGISTER Fp;
    WHV_X64_FP_CONTROL_STATUS_REGISTER FpControlStatus;
    WHV_X64_XMM_CONTROL_STATUS_REGISTER XmmControlStatus;
    WHV_X64_SEGMENT_REGISTER Segment;
    WHV_X64_TABLE_REGISTER Table;
    WHV_X64_INTERRUPT_STATE_REGISTER InterruptState;
    WHV_X64_PENDING_INTERRUPTION_REGISTER PendingInterruption;
    WHV_X64_PENDING_EXCEPTION_EVENT ExceptionEvent;
    WHV_X64_PENDING_EXT_INT_EVENT ExtIntEvent;
    WHV_X64_PENDING_DEBUG_EXCEPTION PendingDebugException;
    WHV_X64_NESTED_GUEST_STATE NestedState;
    WHV_X64_NESTED_INVEPT_REGISTER InvEpt;
    WHV_X64_NESTED_INVVPID_REGISTER InvVpid;
    WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT0 SvmNestedExit0;
    WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT1 SvmNestedExit1;
    WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT2 SvmNestedExit2;
    WHV_X64_PENDING_SVM_NESTED_EXIT_EVENT3 SvmNestedExit3;
    WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT0 VmxNestedExit0;
    WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT1 VmxNestedExit1;
    WHV_X64_PENDING_VMX_NESTED_EXIT_EVENT2 VmxNestedExit2;
} __attribute__((aligned(16))) WHV_REGISTER_VALUE;
WHB_STATIC_ASSERT(sizeof(WHV_REGISTER_VALUE) == 16, "ABI");
WHB_STATIC_ASSERT(WHB_ALIGNOF(WHV_REGISTER_VALUE) == 16, "ABI");

/* The older name of the same type. */
typedef WHV_DELIVERABILITY_NOTIFICATIONS_REGISTER WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER;
