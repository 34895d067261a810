/* SPDX-License-Identifier: MIT */
/*
 * Assigned devices, triggers and notification ports. Whimbrel has none of the functions that take these types; they are
 * here so that a client's source compiles.
 */
#pragma once

#include <stdint.h>

#include "abi/language.h"
#include "abi/whv_base.h"
#include "abi/whv_call_types.h"
#include "abi/whv_enums.h"

#define WHV_MAX_DEVICE_ID_SIZE_IN_CHARS 200
#define WHV_VPCI_TYPE0_BAR_COUNT 6
#define WHV_NOTIFICATION_PORT_PREFERRED_DURATION_MAX 0xffffffffffffffffull

typedef void *WHV_TRIGGER_HANDLE;
typedef void *WHV_NOTIFICATION_PORT_HANDLE;
typedef uint64_t WHV_NOTIFICATION_PORT_PROPERTY;

typedef enum WHV_ALLOCATE_VPCI_RESOURCE_FLAGS WHB_FLAGS {
    WHvAllocateVpciResourceFlagNone = 0,
    WHvAllocateVpciResourceFlagAllowDirectP2P = 1,
} WHV_ALLOCATE_VPCI_RESOURCE_FLAGS;
DEFINE_ENUM_FLAG_OPERATORS(WHV_ALLOCATE_VPCI_RESOURCE_FLAGS)

typedef enum WHV_VPCI_DEVICE_NOTIFICATION_TYPE {
    WHvVpciDeviceNotificationUndefined = 0,
    WHvVpciDeviceNotificationMmioRemapping = 1,
    WHvVpciDeviceNotificationSurpriseRemoval = 2,
} WHV_VPCI_DEVICE_NOTIFICATION_TYPE;

typedef enum WHV_CREATE_VPCI_DEVICE_FLAGS WHB_FLAGS {
    WHvCreateVpciDeviceFlagNone = 0,
    WHvCreateVpciDeviceFlagPhysicallyBacked = 1,
    WHvCreateVpciDeviceFlagUseLogicalInterrupts = 2,
} WHV_CREATE_VPCI_DEVICE_FLAGS;
DEFINE_ENUM_FLAG_OPERATORS(WHV_CREATE_VPCI_DEVICE_FLAGS)

typedef enum WHV_VPCI_DEVICE_PROPERTY_CODE {
    WHvVpciDevicePropertyCodeUndefined = 0,
    WHvVpciDevicePropertyCodeHardwareIDs = 1,
    WHvVpciDevicePropertyCodeProbedBARs = 2,
} WHV_VPCI_DEVICE_PROPERTY_CODE;

typedef enum WHV_VPCI_MMIO_RANGE_FLAGS WHB_FLAGS {
    WHvVpciMmioRangeFlagReadAccess = 1,
    WHvVpciMmioRangeFlagWriteAccess = 2,
} WHV_VPCI_MMIO_RANGE_FLAGS;
DEFINE_ENUM_FLAG_OPERATORS(WHV_VPCI_MMIO_RANGE_FLAGS)

typedef enum WHV_VPCI_DEVICE_REGISTER_SPACE {
    WHvVpciConfigSpace = 0xffffffff,
    WHvVpciBar0 = 0,
    WHvVpciBar1 = 1,
    WHvVpciBar2 = 2,
    WHvVpciBar3 = 3,
    WHvVpciBar4 = 4,
    WHvVpciBar5 = 5,
} WHV_VPCI_DEVICE_REGISTER_SPACE;

typedef enum WHV_VPCI_INTERRUPT_TARGET_FLAGS WHB_FLAGS {
    WHvVpciInterruptTargetFlagNone = 0,
    WHvVpciInterruptTargetFlagMulticast = 1,
} WHV_VPCI_INTERRUPT_TARGET_FLAGS;
DEFINE_ENUM_FLAG_OPERATORS(WHV_VPCI_INTERRUPT_TARGET_FLAGS)

typedef struct WHV_SRIOV_RESOURCE_DESCRIPTOR {
    uint16_t PnpInstanceId[WHV_MAX_DEVICE_ID_SIZE_IN_CHARS]; /* UTF-16, NUL-terminated */
    struct {
        uint32_t LowPart;
        int32_t HighPart;
    } VirtualFunctionId; /* a LUID */
    uint16_t VirtualFunctionIndex;
    uint16_t Reserved;
} WHV_SRIOV_RESOURCE_DESCRIPTOR;
WHB_STATIC_ASSERT(sizeof(WHV_SRIOV_RESOURCE_DESCRIPTOR) == 412, "ABI");

typedef struct WHV_VPCI_DEVICE_NOTIFICATION {
    WHV_VPCI_DEVICE_NOTIFICATION_TYPE NotificationType;
    uint32_t Reserved1;
    __extension__ union {
        uint64_t Reserved2;
    };
} WHV_VPCI_DEVICE_NOTIFICATION;
WHB_STATIC_ASSERT(sizeof(WHV_VPCI_DEVICE_NOTIFICATION) == 16, "ABI");

/* Fields of the PCI configuration header of the same names. */
typedef struct WHV_VPCI_HARDWARE_IDS {
    uint16_t VendorID;
    uint16_t DeviceID;
    uint8_t RevisionID;
    uint8_t ProgIf;
    uint8_t SubClass;
    uint8_t BaseClass;
    uint16_t SubVendorID;
    uint16_t SubSystemID;
} WHV_VPCI_HARDWARE_IDS;
WHB_STATIC_ASSERT(sizeof(WHV_VPCI_HARDWARE_IDS) == 12, "ABI");

typedef struct WHV_VPCI_PROBED_BARS {
    uint32_t Value[WHV_VPCI_TYPE0_BAR_COUNT]; /* what each BAR reads after all ones are written */
} WHV_VPCI_PROBED_BARS;
WHB_STATIC_ASSERT(sizeof(WHV_VPCI_PROBED_BARS) == 24, "ABI");

typedef struct WHV_VPCI_MMIO_MAPPING {
    WHV_VPCI_DEVICE_REGISTER_SPACE Location;
    WHV_VPCI_MMIO_RANGE_FLAGS Flags;
    uint64_t SizeInBytes;
    uint64_t OffsetInBytes; /* from the start of the BAR */
    void *VirtualAddress;   /* in the caller's address space */
} WHV_VPCI_MMIO_MAPPING;
WHB_STATIC_ASSERT(sizeof(WHV_VPCI_MMIO_MAPPING) == 32, "ABI");

typedef struct WHV_VPCI_DEVICE_REGISTER {
    WHV_VPCI_DEVICE_REGISTER_SPACE Location;
    uint32_t SizeInBytes;
    uint64_t OffsetInBytes; /* from the start of the space */
} WHV_VPCI_DEVICE_REGISTER;
WHB_STATIC_ASSERT(sizeof(WHV_VPCI_DEVICE_REGISTER) == 16, "ABI");

typedef struct WHV_VPCI_INTERRUPT_TARGET {
    uint32_t Vector;
    WHV_VPCI_INTERRUPT_TARGET_FLAGS Flags;
    uint32_t ProcessorCount; /* entries of Processors that are in use */
    uint32_t Processors[1];  /* VP indices; as many as ProcessorCount says */
} WHV_VPCI_INTERRUPT_TARGET;
WHB_STATIC_ASSERT(sizeof(WHV_VPCI_INTERRUPT_TARGET) == 16, "ABI");

typedef struct WHV_TRIGGER_PARAMETERS {
    WHV_TRIGGER_TYPE TriggerType; /* says which member of the union counts */
    uint32_t Reserved;
    __extension__ union {
        WHV_INTERRUPT_CONTROL Interrupt;
        WHV_SYNIC_EVENT_PARAMETERS SynicEvent;
        struct {
            uint64_t LogicalDeviceId;
            uint64_t MsiAddress;
            uint32_t MsiData;
            uint32_t Reserved;
        } DeviceInterrupt;
    };
} WHV_TRIGGER_PARAMETERS;
WHB_STATIC_ASSERT(sizeof(WHV_TRIGGER_PARAMETERS) == 32, "ABI");

typedef struct WHV_NOTIFICATION_PORT_PARAMETERS {
    WHV_NOTIFICATION_PORT_TYPE NotificationPortType; /* says which member of the union counts */
    uint16_t Reserved;
    uint8_t Reserved1;
    uint8_t ConnectionVtl;
    __extension__ union {
        WHV_DOORBELL_MATCH_DATA Doorbell;
        struct {
            uint32_t ConnectionId;
        } Event;
    };
} WHV_NOTIFICATION_PORT_PARAMETERS;
WHB_STATIC_ASSERT(sizeof(WHV_NOTIFICATION_PORT_PARAMETERS) == 32, "ABI");
