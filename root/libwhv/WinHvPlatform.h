/* SPDX-License-Identifier: MIT */
/*
 * The Windows Hypervisor Platform's functions, for root programs. Host virtual addresses are root physical addresses:
 * the root's memory is identity-mapped. A null pointer where one is needed: E_POINTER; a handle that is none: E_HANDLE;
 * docs/whp.md has the other errors.
 */
#pragma once

#include "root/libwhv/WinHvPlatformDefs.h"

/* `WrittenSizeInBytes` of the getters may be null; with WHV_E_INSUFFICIENT_BUFFER it gets the size that is needed. */
HRESULT WHvGetCapability(WHV_CAPABILITY_CODE CapabilityCode, VOID *CapabilityBuffer, UINT32 CapabilityBufferSizeInBytes,
                         UINT32 *WrittenSizeInBytes);

HRESULT WHvCreatePartition(WHV_PARTITION_HANDLE *Partition);
HRESULT WHvSetupPartition(WHV_PARTITION_HANDLE Partition);
/* Its VPs and mappings go with it. WHV_E_INVALID_VP_STATE: a VP runs, nothing was deleted. */
HRESULT WHvDeletePartition(WHV_PARTITION_HANDLE Partition);

HRESULT WHvGetPartitionProperty(WHV_PARTITION_HANDLE Partition, WHV_PARTITION_PROPERTY_CODE PropertyCode,
                                VOID *PropertyBuffer, UINT32 PropertyBufferSizeInBytes, UINT32 *WrittenSizeInBytes);
HRESULT WHvSetPartitionProperty(WHV_PARTITION_HANDLE Partition, WHV_PARTITION_PROPERTY_CODE PropertyCode,
                                const VOID *PropertyBuffer, UINT32 PropertyBufferSizeInBytes);

/* Sizes in bytes; all three of address, GPA and size are multiples of 4096. */
HRESULT WHvMapGpaRange(WHV_PARTITION_HANDLE Partition, VOID *SourceAddress, WHV_GUEST_PHYSICAL_ADDRESS GuestAddress,
                       UINT64 SizeInBytes, WHV_MAP_GPA_RANGE_FLAGS Flags);
HRESULT WHvUnmapGpaRange(WHV_PARTITION_HANDLE Partition, WHV_GUEST_PHYSICAL_ADDRESS GuestAddress, UINT64 SizeInBytes);

/* `Flags` must be 0. */
HRESULT WHvCreateVirtualProcessor(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, UINT32 Flags);
HRESULT WHvDeleteVirtualProcessor(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex);

/*
 * `ExitContextSizeInBytes` is 144 (the structure's first published size) or more; no more than 224 bytes are written.
 * WHB_HR_INTERRUPTED (whimbrel_ext.h) comes only to callers with interrupts off.
 */
HRESULT WHvRunVirtualProcessor(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, VOID *ExitContext,
                               UINT32 ExitContextSizeInBytes);
/* `Flags` must be 0. Any CPU, any time, interrupt handlers too. */
HRESULT WHvCancelRunVirtualProcessor(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, UINT32 Flags);

/* 1 to 256 names a call. */
HRESULT WHvGetVirtualProcessorRegisters(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex,
                                        const WHV_REGISTER_NAME *RegisterNames, UINT32 RegisterCount,
                                        WHV_REGISTER_VALUE *RegisterValues);
HRESULT WHvSetVirtualProcessorRegisters(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex,
                                        const WHV_REGISTER_NAME *RegisterNames, UINT32 RegisterCount,
                                        const WHV_REGISTER_VALUE *RegisterValues);
