/* SPDX-License-Identifier: MIT */
/*
 * The Windows Hypervisor Platform's functions, for root programs. Host virtual addresses are root physical addresses:
 * the root's memory is identity-mapped. A null pointer where one is needed: E_POINTER; a handle that is none: E_HANDLE;
 * docs/whp.md has the other errors.
 */
#pragma once

#include "abi/language.h"
#include "root/libwhv/WinHvPlatformDefs.h"

WHB_BEGIN_C

/* `WrittenSizeInBytes` of the getters may be null; with WHV_E_INSUFFICIENT_BUFFER it gets the size that is needed. */
HRESULT WHvGetCapability(WHV_CAPABILITY_CODE CapabilityCode, VOID *CapabilityBuffer, UINT32 CapabilityBufferSizeInBytes,
                         UINT32 *WrittenSizeInBytes);

HRESULT WHvCreatePartition(WHV_PARTITION_HANDLE *Partition);
HRESULT WHvSetupPartition(WHV_PARTITION_HANDLE Partition);
/* All VPs back to the state after their creation; mappings and properties stay. WHV_E_INVALID_VP_STATE: one runs. */
HRESULT WHvResetPartition(WHV_PARTITION_HANDLE Partition);
/* Its VPs and mappings go with it. WHV_E_INVALID_VP_STATE: a VP runs, nothing was deleted. */
HRESULT WHvDeletePartition(WHV_PARTITION_HANDLE Partition);

HRESULT WHvGetPartitionProperty(WHV_PARTITION_HANDLE Partition, WHV_PARTITION_PROPERTY_CODE PropertyCode,
                                VOID *PropertyBuffer, UINT32 PropertyBufferSizeInBytes, UINT32 *WrittenSizeInBytes);
HRESULT WHvSetPartitionProperty(WHV_PARTITION_HANDLE Partition, WHV_PARTITION_PROPERTY_CODE PropertyCode,
                                const VOID *PropertyBuffer, UINT32 PropertyBufferSizeInBytes);

/* Stops the guest's clocks while no VP runs; resuming is implied by a run. */
HRESULT WHvSuspendPartitionTime(WHV_PARTITION_HANDLE Partition);
HRESULT WHvResumePartitionTime(WHV_PARTITION_HANDLE Partition);

HRESULT WHvGetPartitionCounters(WHV_PARTITION_HANDLE Partition, WHV_PARTITION_COUNTER_SET CounterSet, VOID *Buffer,
                                UINT32 BufferSizeInBytes, UINT32 *BytesWritten);

/* Sizes in bytes; all three of address, GPA and size are multiples of 4096. */
HRESULT WHvMapGpaRange(WHV_PARTITION_HANDLE Partition, VOID *SourceAddress, WHV_GUEST_PHYSICAL_ADDRESS GuestAddress,
                       UINT64 SizeInBytes, WHV_MAP_GPA_RANGE_FLAGS Flags);
/* `Process` is not looked at: there is one root. */
HRESULT WHvMapGpaRange2(WHV_PARTITION_HANDLE Partition, HANDLE Process, VOID *SourceAddress,
                        WHV_GUEST_PHYSICAL_ADDRESS GuestAddress, UINT64 SizeInBytes, WHV_MAP_GPA_RANGE_FLAGS Flags);
/* All of the range, or parts, may not be mapped: S_OK. */
HRESULT WHvUnmapGpaRange(WHV_PARTITION_HANDLE Partition, WHV_GUEST_PHYSICAL_ADDRESS GuestAddress, UINT64 SizeInBytes);

/*
 * A bit for each page of 4096 bytes, the first page's in bit 0 of the first word; what it reads it clears. `Bitmap` may
 * be null: clear only. The range must be mapped with WHvMapGpaRangeFlagTrackDirtyPages.
 */
HRESULT WHvQueryGpaRangeDirtyBitmap(WHV_PARTITION_HANDLE Partition, WHV_GUEST_PHYSICAL_ADDRESS GuestAddress,
                                    UINT64 RangeSizeInBytes, UINT64 *Bitmap, UINT32 BitmapSizeInBytes);
/* Checks its arguments; guest memory is always there, so there is nothing else to do. */
HRESULT WHvAdviseGpaRange(WHV_PARTITION_HANDLE Partition, const WHV_MEMORY_RANGE_ENTRY *GpaRanges,
                          UINT32 GpaRangesCount, WHV_ADVISE_GPA_RANGE_CODE Advice, const VOID *AdviceBuffer,
                          UINT32 AdviceBufferSizeInBytes);

/* 1 to 16 bytes. `VpIndex` may be WHV_ANY_VP; E_ACCESSDENIED: the mapping does not allow the access. */
HRESULT WHvReadGpaRange(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, WHV_GUEST_PHYSICAL_ADDRESS GuestAddress,
                        WHV_ACCESS_GPA_CONTROLS Controls, PVOID Data, UINT32 DataSizeInBytes);
HRESULT WHvWriteGpaRange(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, WHV_GUEST_PHYSICAL_ADDRESS GuestAddress,
                         WHV_ACCESS_GPA_CONTROLS Controls, const VOID *Data, UINT32 DataSizeInBytes);

/*
 * S_OK also when the walk fails: `TranslationResult` tells. GpaUnmapped: the guest's tables allow the access, and at
 * the page nothing is mapped; `Gpa` is written then too.
 */
HRESULT WHvTranslateGva(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, WHV_GUEST_VIRTUAL_ADDRESS Gva,
                        WHV_TRANSLATE_GVA_FLAGS TranslateFlags, WHV_TRANSLATE_GVA_RESULT *TranslationResult,
                        WHV_GUEST_PHYSICAL_ADDRESS *Gpa);

/* `EventHandle` is the address of a struct whb_event (abi/hypercall.h): each write that matches adds 1 there. */
HRESULT WHvRegisterPartitionDoorbellEvent(WHV_PARTITION_HANDLE Partition, const WHV_DOORBELL_MATCH_DATA *MatchData,
                                          HANDLE EventHandle);
HRESULT WHvUnregisterPartitionDoorbellEvent(WHV_PARTITION_HANDLE Partition, const WHV_DOORBELL_MATCH_DATA *MatchData);

/* `Flags` must be 0. */
HRESULT WHvCreateVirtualProcessor(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, UINT32 Flags);
/* `Properties`: NumaNode 0, or none. */
HRESULT WHvCreateVirtualProcessor2(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex,
                                   const WHV_VIRTUAL_PROCESSOR_PROPERTY *Properties, UINT32 PropertyCount);
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

/* Needs a partition with local APIC emulation. The size is 16 bytes. */
HRESULT WHvRequestInterrupt(WHV_PARTITION_HANDLE Partition, const WHV_INTERRUPT_CONTROL *Interrupt,
                            UINT32 InterruptControlSize);

/*
 * State that is no register. Getters with a null buffer of size 0 give WHV_E_INSUFFICIENT_BUFFER and the size that is
 * needed. The interrupt controller's state is the APIC page (4096 bytes, registers at their architectural offsets), by
 * the functions without 2 as well. XSAVE state is read compacted (SDM vol. 1, 13.4.3) and set in either form;
 * E_INVALIDARG: an image that XRSTOR would refuse, or that ends too early.
 */
HRESULT WHvGetVirtualProcessorState(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex,
                                    WHV_VIRTUAL_PROCESSOR_STATE_TYPE StateType, VOID *Buffer, UINT32 BufferSizeInBytes,
                                    UINT32 *BytesWritten);
HRESULT WHvSetVirtualProcessorState(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex,
                                    WHV_VIRTUAL_PROCESSOR_STATE_TYPE StateType, const VOID *Buffer,
                                    UINT32 BufferSizeInBytes);
HRESULT WHvGetVirtualProcessorInterruptControllerState(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, VOID *State,
                                                       UINT32 StateSize, UINT32 *WrittenSize);
HRESULT WHvSetVirtualProcessorInterruptControllerState(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex,
                                                       const VOID *State, UINT32 StateSize);
HRESULT WHvGetVirtualProcessorInterruptControllerState2(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, VOID *State,
                                                        UINT32 StateSize, UINT32 *WrittenSize);
HRESULT WHvSetVirtualProcessorInterruptControllerState2(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex,
                                                        const VOID *State, UINT32 StateSize);
HRESULT WHvGetVirtualProcessorXsaveState(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, VOID *Buffer,
                                         UINT32 BufferSizeInBytes, UINT32 *BytesWritten);
HRESULT WHvSetVirtualProcessorXsaveState(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, const VOID *Buffer,
                                         UINT32 BufferSizeInBytes);

HRESULT WHvGetVirtualProcessorCounters(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex,
                                       WHV_PROCESSOR_COUNTER_SET CounterSet, VOID *Buffer, UINT32 BufferSizeInBytes,
                                       UINT32 *BytesWritten);

/* What CPUID gives the guest, by the VP's present state. */
HRESULT WHvGetVirtualProcessorCpuidOutput(WHV_PARTITION_HANDLE Partition, UINT32 VpIndex, UINT32 Eax, UINT32 Ecx,
                                          WHV_CPUID_OUTPUT *CpuidOutput);

WHB_END_C
