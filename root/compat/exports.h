/* SPDX-License-Identifier: MIT */
/*
 * The functions that GetProcAddress finds, by library: all that root/libwhv's headers declare, which
 * tests/layout/compat checks. X(name) for each.
 */
#pragma once

#define COMPAT_EXPORTS_PLATFORM(X)                                                                                     \
    X(WHvGetCapability)                                                                                                \
    X(WHvCreatePartition)                                                                                              \
    X(WHvSetupPartition)                                                                                               \
    X(WHvResetPartition)                                                                                               \
    X(WHvDeletePartition)                                                                                              \
    X(WHvGetPartitionProperty)                                                                                         \
    X(WHvSetPartitionProperty)                                                                                         \
    X(WHvSuspendPartitionTime)                                                                                         \
    X(WHvResumePartitionTime)                                                                                          \
    X(WHvGetPartitionCounters)                                                                                         \
    X(WHvMapGpaRange)                                                                                                  \
    X(WHvMapGpaRange2)                                                                                                 \
    X(WHvUnmapGpaRange)                                                                                                \
    X(WHvQueryGpaRangeDirtyBitmap)                                                                                     \
    X(WHvAdviseGpaRange)                                                                                               \
    X(WHvReadGpaRange)                                                                                                 \
    X(WHvWriteGpaRange)                                                                                                \
    X(WHvTranslateGva)                                                                                                 \
    X(WHvRegisterPartitionDoorbellEvent)                                                                               \
    X(WHvUnregisterPartitionDoorbellEvent)                                                                             \
    X(WHvCreateVirtualProcessor)                                                                                       \
    X(WHvCreateVirtualProcessor2)                                                                                      \
    X(WHvDeleteVirtualProcessor)                                                                                       \
    X(WHvRunVirtualProcessor)                                                                                          \
    X(WHvCancelRunVirtualProcessor)                                                                                    \
    X(WHvGetVirtualProcessorRegisters)                                                                                 \
    X(WHvSetVirtualProcessorRegisters)                                                                                 \
    X(WHvRequestInterrupt)                                                                                             \
    X(WHvGetVirtualProcessorState)                                                                                     \
    X(WHvSetVirtualProcessorState)                                                                                     \
    X(WHvGetVirtualProcessorInterruptControllerState)                                                                  \
    X(WHvSetVirtualProcessorInterruptControllerState)                                                                  \
    X(WHvGetVirtualProcessorInterruptControllerState2)                                                                 \
    X(WHvSetVirtualProcessorInterruptControllerState2)                                                                 \
    X(WHvGetVirtualProcessorXsaveState)                                                                                \
    X(WHvSetVirtualProcessorXsaveState)                                                                                \
    X(WHvGetVirtualProcessorCounters)                                                                                  \
    X(WHvGetVirtualProcessorCpuidOutput)

#define COMPAT_EXPORTS_EMULATION(X)                                                                                    \
    X(WHvEmulatorCreateEmulator)                                                                                       \
    X(WHvEmulatorDestroyEmulator)                                                                                      \
    X(WHvEmulatorTryIoEmulation)                                                                                       \
    X(WHvEmulatorTryMmioEmulation)
