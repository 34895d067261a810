/* SPDX-License-Identifier: MIT */
/* A VP's registers by WHV name: their kinds and the checks of values, which are pure, and reading and writing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "abi/whv.h"
#include "vmm/vp/vp.h"

/* Short names for what vp_registers.c picks out of the kinds. */
enum {
    REG_RSP = WHvX64RegisterRsp,
    REG_ES = WHvX64RegisterEs,
    REG_IDTR = WHvX64RegisterIdtr,
    REG_CR0 = WHvX64RegisterCr0,
    REG_CR2 = WHvX64RegisterCr2,
    REG_CR3 = WHvX64RegisterCr3,
    REG_CR4 = WHvX64RegisterCr4,
    REG_CR8 = WHvX64RegisterCr8,
    REG_DR0 = WHvX64RegisterDr0,
    REG_DR6 = WHvX64RegisterDr6,
    REG_DR7 = WHvX64RegisterDr7,
    REG_XCR0 = WHvX64RegisterXCr0,
    REG_XMM0 = WHvX64RegisterXmm0,
    REG_FP_MMX0 = WHvX64RegisterFpMmx0,
    REG_FP_CONTROL = WHvX64RegisterFpControlStatus,
    REG_XMM_CONTROL = WHvX64RegisterXmmControlStatus,
    REG_TSC = WHvX64RegisterTsc,
    REG_EFER = WHvX64RegisterEfer,
    REG_KERNEL_GS_BASE = WHvX64RegisterKernelGsBase,
    REG_APIC_BASE = WHvX64RegisterApicBase,
    REG_PAT = WHvX64RegisterPat,
    REG_SYSENTER_CS = WHvX64RegisterSysenterCs,
    REG_SYSENTER_EIP = WHvX64RegisterSysenterEip,
    REG_SYSENTER_ESP = WHvX64RegisterSysenterEsp,
    REG_STAR = WHvX64RegisterStar, /* then LSTAR, CSTAR, SFMASK, in the order of enum switched_msr */
    REG_MTRR_CAP = WHvX64RegisterMsrMtrrCap,
    REG_MTRR_DEF_TYPE = WHvX64RegisterMsrMtrrDefType,
    REG_MTRR_BASE0 = WHvX64RegisterMsrMtrrPhysBase0,
    REG_MTRR_MASK0 = WHvX64RegisterMsrMtrrPhysMask0,
    REG_MTRR_FIX0 = WHvX64RegisterMsrMtrrFix64k00000,
    REG_INITIAL_APIC_ID = WHvX64RegisterInitialApicId,
    REG_SPEC_CTRL = WHvX64RegisterSpecCtrl,
    REG_PRED_CMD = WHvX64RegisterPredCmd,
    REG_TSC_OFFSET = WHvX64RegisterTscVirtualOffset,
    REG_TSC_AUX = WHvX64RegisterTscAux,
    REG_TSC_ADJUST = WHvX64RegisterTscAdjust,
    REG_PENDING_INTERRUPTION = WHvRegisterPendingInterruption,
    REG_INTERRUPT_STATE = WHvRegisterInterruptState,
    REG_PENDING_EVENT = WHvRegisterPendingEvent,
    REG_NOTIFICATIONS = WHvRegisterDeliverabilityNotifications,
    REG_ACTIVITY = WHvRegisterInternalActivityState,
    REG_PENDING_DEBUG = WHvX64RegisterPendingDebugException,
    REG_EXCEPTION_EXITS = WHB_REGISTER_EXCEPTION_EXITS,
    REG_UNDELIVERED = WHB_REGISTER_UNDELIVERED,
};

/* The guest's IA32_MTRRCAP: 8 variable, fixed, write-combining. */
#define GUEST_MTRR_CAP (GUEST_MTRR_VARIABLE | (1ull << 8) | (1ull << 10))

/* WHV_REGISTER_VALUE as two words. */
struct register_value {
    uint64_t low, high;
};

enum register_kind {
    REGISTER_UNKNOWN,
    REGISTER_GPR,
    REGISTER_RIP,
    REGISTER_RFLAGS,
    REGISTER_SEGMENT,
    REGISTER_TABLE,
    REGISTER_CONTROL, /* CR, DR, XCR0 */
    REGISTER_LEGACY,  /* x87 and SSE */
    REGISTER_MSR,
    REGISTER_MTRR,    /* variable and fixed */
    REGISTER_SPECIAL, /* PendingInterruption, InterruptState, DeliverabilityNotifications, InternalActivityState,
                         PendingDebugException, EXCEPTION_EXITS, UNDELIVERED */
    REGISTER_EVENT,   /* PendingEvent */
    REGISTER_APIC,    /* of a VP with a local APIC */
};

enum register_kind register_kind(uint32_t name);

/* Whether vmm/vp/completion.c must look at the VP before its next entry. */
bool register_is_settled(uint32_t name);

/* What a value's validity depends on. */
struct register_limits {
    uint64_t xcr0;       /* XCR0 bits the machine has */
    uint64_t cr4_hidden; /* CR4 bits that no guest may set */
    uint32_t vp_index;
    uint8_t physical_bits;
    bool tsc_aux; /* the CPU has IA32_TSC_AUX */
    bool apic;    /* the VP has a local APIC */
    bool x2apic;  /* that may be in x2APIC mode */
};

/* WHB_ERROR_UNKNOWN_REGISTER, or WHB_ERROR_INVALID_REGISTER for a value that would fault in the hypervisor or never
 * run. */
enum whb_status register_check(const struct register_limits *limits, uint32_t name, const struct register_value *v);

/* WHV_X64_PENDING_INTERRUPTION_REGISTER and WHV_X64_PENDING_EXCEPTION_EVENT to and from the VMCS's form. */
uint64_t register_from_event(const struct pending_event *event);
struct pending_event register_to_event(uint64_t value);
struct register_value register_from_exception(const struct pending_event *event, uint64_t cr2);
struct pending_event register_to_exception(const struct register_value *v);

/* WHV_X64_PENDING_EXT_INT_EVENT: interruption information of the external interrupt, 0 if `v` is not of that type. */
uint32_t register_to_external(const struct register_value *v);
struct register_value register_from_external(uint32_t info);

/* The VP is owned, its VMCS current; `values` are 16 bytes each. */
enum whb_status vp_registers_get(struct vp *vp, const uint32_t *names, void *values, uint32_t count);
enum whb_status vp_registers_set(struct vp *vp, const uint32_t *names, const void *values, uint32_t count);
