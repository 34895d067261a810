/* SPDX-License-Identifier: MIT */
/*
 * Enumerations of the Windows Hypervisor Platform. All are 4 bytes.
 */
#pragma once

#include <stdint.h>

#include "abi/language.h"

typedef enum WHV_X64_PENDING_EVENT_TYPE {
    WHvX64PendingEventException = 0,
    WHvX64PendingEventExtInt = 5,
    WHvX64PendingEventSvmNestedExit = 7,
    WHvX64PendingEventVmxNestedExit = 8,
} WHV_X64_PENDING_EVENT_TYPE;

typedef enum WHV_PROCESSOR_VENDOR {
    WHvProcessorVendorAmd = 0,
    WHvProcessorVendorIntel = 1,
    WHvProcessorVendorHygon = 2,
    WHvProcessorVendorArm = 0x10,
} WHV_PROCESSOR_VENDOR;

typedef enum WHV_MAP_GPA_RANGE_FLAGS WHB_FLAGS {
    WHvMapGpaRangeFlagNone = 0,
    WHvMapGpaRangeFlagRead = 1,
    WHvMapGpaRangeFlagWrite = 2,
    WHvMapGpaRangeFlagExecute = 4,
    WHvMapGpaRangeFlagTrackDirtyPages = 8,
} WHV_MAP_GPA_RANGE_FLAGS;
DEFINE_ENUM_FLAG_OPERATORS(WHV_MAP_GPA_RANGE_FLAGS)

typedef enum WHV_TRANSLATE_GVA_FLAGS WHB_FLAGS {
    WHvTranslateGvaFlagNone = 0,
    WHvTranslateGvaFlagValidateRead = 1,
    WHvTranslateGvaFlagValidateWrite = 2,
    WHvTranslateGvaFlagValidateExecute = 4,
    WHvTranslateGvaFlagPrivilegeExempt = 8,
    WHvTranslateGvaFlagSetPageTableBits = 0x10,
    WHvTranslateGvaFlagEnforceSmap = 0x100,
    WHvTranslateGvaFlagOverrideSmap = 0x200,
} WHV_TRANSLATE_GVA_FLAGS;
DEFINE_ENUM_FLAG_OPERATORS(WHV_TRANSLATE_GVA_FLAGS)

typedef enum WHV_TRANSLATE_GVA_RESULT_CODE {
    WHvTranslateGvaResultSuccess = 0,
    WHvTranslateGvaResultPageNotPresent = 1,
    WHvTranslateGvaResultPrivilegeViolation = 2,
    WHvTranslateGvaResultInvalidPageTableFlags = 3,
    WHvTranslateGvaResultGpaUnmapped = 4,
    WHvTranslateGvaResultGpaNoReadAccess = 5,
    WHvTranslateGvaResultGpaNoWriteAccess = 6,
    WHvTranslateGvaResultGpaIllegalOverlayAccess = 7,
    WHvTranslateGvaResultIntercept = 8,
} WHV_TRANSLATE_GVA_RESULT_CODE;

typedef enum WHV_MEMORY_ACCESS_TYPE {
    WHvMemoryAccessRead = 0,
    WHvMemoryAccessWrite = 1,
    WHvMemoryAccessExecute = 2,
} WHV_MEMORY_ACCESS_TYPE;

typedef enum WHV_CACHE_TYPE {
    WHvCacheTypeUncached = 0,
    WHvCacheTypeWriteCombining = 1,
    WHvCacheTypeWriteThrough = 4,
    WHvCacheTypeWriteProtected = 5,
    WHvCacheTypeWriteBack = 6,
} WHV_CACHE_TYPE;

typedef enum WHV_X64_CPUID_RESULT2_FLAGS WHB_FLAGS {
    WHvX64CpuidResult2FlagSubleafSpecific = 1,
    WHvX64CpuidResult2FlagVpSpecific = 2,
} WHV_X64_CPUID_RESULT2_FLAGS;
DEFINE_ENUM_FLAG_OPERATORS(WHV_X64_CPUID_RESULT2_FLAGS)

typedef enum WHV_MSR_ACTION {
    WHvMsrActionArchitectureDefault = 0,
    WHvMsrActionIgnoreWriteReadZero = 1,
    WHvMsrActionExit = 2,
} WHV_MSR_ACTION;

typedef enum WHV_EXCEPTION_TYPE {
    WHvX64ExceptionTypeDivideErrorFault = 0,
    WHvX64ExceptionTypeDebugTrapOrFault = 1,
    WHvX64ExceptionTypeBreakpointTrap = 3,
    WHvX64ExceptionTypeOverflowTrap = 4,
    WHvX64ExceptionTypeBoundRangeFault = 5,
    WHvX64ExceptionTypeInvalidOpcodeFault = 6,
    WHvX64ExceptionTypeDeviceNotAvailableFault = 7,
    WHvX64ExceptionTypeDoubleFaultAbort = 8,
    WHvX64ExceptionTypeInvalidTaskStateSegmentFault = 0xa,
    WHvX64ExceptionTypeSegmentNotPresentFault = 0xb,
    WHvX64ExceptionTypeStackFault = 0xc,
    WHvX64ExceptionTypeGeneralProtectionFault = 0xd,
    WHvX64ExceptionTypePageFault = 0xe,
    WHvX64ExceptionTypeFloatingPointErrorFault = 0x10,
    WHvX64ExceptionTypeAlignmentCheckFault = 0x11,
    WHvX64ExceptionTypeMachineCheckAbort = 0x12,
    WHvX64ExceptionTypeSimdFloatingPointFault = 0x13,
    WHvX64ExceptionTypeControlProtectionFault = 0x15,
} WHV_EXCEPTION_TYPE;

typedef enum WHV_X64_LOCAL_APIC_EMULATION_MODE {
    WHvX64LocalApicEmulationModeNone = 0,
    WHvX64LocalApicEmulationModeXApic = 1,
    WHvX64LocalApicEmulationModeX2Apic = 2,
} WHV_X64_LOCAL_APIC_EMULATION_MODE;

typedef enum WHV_RUN_VP_EXIT_REASON {
    WHvRunVpExitReasonNone = 0,
    WHvRunVpExitReasonMemoryAccess = 1,
    WHvRunVpExitReasonX64IoPortAccess = 2,
    WHvRunVpExitReasonUnrecoverableException = 4,
    WHvRunVpExitReasonInvalidVpRegisterValue = 5,
    WHvRunVpExitReasonUnsupportedFeature = 6,
    WHvRunVpExitReasonX64InterruptWindow = 7,
    WHvRunVpExitReasonX64Halt = 8,
    WHvRunVpExitReasonX64ApicEoi = 9,
    WHvRunVpExitReasonSynicSintDeliverable = 0xa,
    WHvRunVpExitReasonX64MsrAccess = 0x1000,
    WHvRunVpExitReasonX64Cpuid = 0x1001,
    WHvRunVpExitReasonException = 0x1002,
    WHvRunVpExitReasonX64Rdtsc = 0x1003,
    WHvRunVpExitReasonX64ApicSmiTrap = 0x1004,
    WHvRunVpExitReasonHypercall = 0x1005,
    WHvRunVpExitReasonX64ApicInitSipiTrap = 0x1006,
    WHvRunVpExitReasonX64ApicWriteTrap = 0x1007,
    WHvRunVpExitReasonCanceled = 0x2001,
} WHV_RUN_VP_EXIT_REASON;

typedef enum WHV_X64_UNSUPPORTED_FEATURE_CODE {
    WHvUnsupportedFeatureIntercept = 1,
    WHvUnsupportedFeatureTaskSwitchTss = 2,
} WHV_X64_UNSUPPORTED_FEATURE_CODE;

typedef enum WHV_RUN_VP_CANCEL_REASON {
    WHvRunVpCancelReasonUser = 0,
    WhvRunVpCancelReasonUser = 0, /* as SDKs up to Windows 11 21H2 spell it */
} WHV_RUN_VP_CANCEL_REASON;

typedef enum WHV_X64_PENDING_INTERRUPTION_TYPE {
    WHvX64PendingInterrupt = 0,
    WHvX64PendingNmi = 2,
    WHvX64PendingException = 3,
} WHV_X64_PENDING_INTERRUPTION_TYPE;

typedef enum WHV_X64_APIC_WRITE_TYPE {
    WHvX64ApicWriteTypeLdr = 0xd0,
    WHvX64ApicWriteTypeDfr = 0xe0,
    WHvX64ApicWriteTypeSvr = 0xf0,
    WHvX64ApicWriteTypeLint0 = 0x350,
    WHvX64ApicWriteTypeLint1 = 0x360,
} WHV_X64_APIC_WRITE_TYPE;

typedef enum WHV_INTERRUPT_TYPE {
    WHvX64InterruptTypeFixed = 0,
    WHvX64InterruptTypeLowestPriority = 1,
    WHvX64InterruptTypeNmi = 4,
    WHvX64InterruptTypeInit = 5,
    WHvX64InterruptTypeSipi = 6,
    WHvX64InterruptTypeLocalInt1 = 9,
} WHV_INTERRUPT_TYPE;

typedef enum WHV_INTERRUPT_DESTINATION_MODE {
    WHvX64InterruptDestinationModePhysical = 0,
    WHvX64InterruptDestinationModeLogical = 1,
} WHV_INTERRUPT_DESTINATION_MODE;

typedef enum WHV_INTERRUPT_TRIGGER_MODE {
    WHvX64InterruptTriggerModeEdge = 0,
    WHvX64InterruptTriggerModeLevel = 1,
} WHV_INTERRUPT_TRIGGER_MODE;

typedef enum WHV_PARTITION_COUNTER_SET {
    WHvPartitionCounterSetMemory = 0,
} WHV_PARTITION_COUNTER_SET;

typedef enum WHV_PROCESSOR_COUNTER_SET {
    WHvProcessorCounterSetRuntime = 0,
    WHvProcessorCounterSetIntercepts = 1,
    WHvProcessorCounterSetEvents = 2,
    WHvProcessorCounterSetApic = 3,
    WHvProcessorCounterSetSyntheticFeatures = 4,
} WHV_PROCESSOR_COUNTER_SET;

typedef enum WHV_ADVISE_GPA_RANGE_CODE {
    WHvAdviseGpaRangeCodePopulate = 0,
    WHvAdviseGpaRangeCodePin = 1,
    WHvAdviseGpaRangeCodeUnpin = 2,
} WHV_ADVISE_GPA_RANGE_CODE;

typedef enum WHV_VIRTUAL_PROCESSOR_STATE_TYPE {
    WHvVirtualProcessorStateTypeSynicMessagePage = 0,
    WHvVirtualProcessorStateTypeSynicEventFlagPage = 1,
    WHvVirtualProcessorStateTypeSynicTimerState = 2,
    WHvVirtualProcessorStateTypeInterruptControllerState2 = 0x1000,
    WHvVirtualProcessorStateTypeXsaveState = 0x1001,
    WHvVirtualProcessorStateTypeNestedState = 0x1002,
} WHV_VIRTUAL_PROCESSOR_STATE_TYPE;

typedef enum WHV_TRIGGER_TYPE {
    WHvTriggerTypeInterrupt = 0,
    WHvTriggerTypeSynicEvent = 1,
    WHvTriggerTypeDeviceInterrupt = 2,
} WHV_TRIGGER_TYPE;

typedef enum WHV_VIRTUAL_PROCESSOR_PROPERTY_CODE {
    WHvVirtualProcessorPropertyCodeNumaNode = 0,
} WHV_VIRTUAL_PROCESSOR_PROPERTY_CODE;

typedef enum WHV_NOTIFICATION_PORT_TYPE {
    WHvNotificationPortTypeEvent = 2,
    WHvNotificationPortTypeDoorbell = 4,
} WHV_NOTIFICATION_PORT_TYPE;

typedef enum WHV_NOTIFICATION_PORT_PROPERTY_CODE {
    WHvNotificationPortPropertyPreferredTargetVp = 1,
    WHvNotificationPortPropertyPreferredTargetDuration = 5,
} WHV_NOTIFICATION_PORT_PROPERTY_CODE;
