/* SPDX-License-Identifier: MIT */
/* State of a VP that is no register, and what it shows: local APIC, XSAVE area, CPUID. */
#include "root/lib/hypercall.h"
#include "root/lib/string.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

HRESULT WHvGetVirtualProcessorState(WHV_PARTITION_HANDLE partition, UINT32 index, WHV_VIRTUAL_PROCESSOR_STATE_TYPE type,
                                    VOID *buffer, UINT32 size, UINT32 *written)
{
    uint64_t value = 0;
    if (buffer == NULL && size != 0) {
        return E_POINTER;
    }
    /* Clients ask for the size with a null buffer of size 0; an address that the root owns does no harm then. */
    void *room = buffer != NULL ? buffer : (void *)&value;
    enum whb_status status =
        whb_call(WHB_CALL_VP_STATE_GET, whb_handle(partition), index, (uint32_t)type, (uintptr_t)room, size, &value);
    return client_sized(status, value, written);
}

HRESULT WHvSetVirtualProcessorState(WHV_PARTITION_HANDLE partition, UINT32 index, WHV_VIRTUAL_PROCESSOR_STATE_TYPE type,
                                    const VOID *buffer, UINT32 size)
{
    if (buffer == NULL) {
        return E_POINTER;
    }
    return whb_hresult(
        whb_call(WHB_CALL_VP_STATE_SET, whb_handle(partition), index, (uint32_t)type, (uintptr_t)buffer, size, NULL));
}

HRESULT WHvGetVirtualProcessorInterruptControllerState(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *state,
                                                       UINT32 size, UINT32 *written)
{
    return WHvGetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeInterruptControllerState2, state,
                                       size, written);
}

HRESULT WHvSetVirtualProcessorInterruptControllerState(WHV_PARTITION_HANDLE partition, UINT32 index, const VOID *state,
                                                       UINT32 size)
{
    return WHvSetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeInterruptControllerState2, state,
                                       size);
}

HRESULT WHvGetVirtualProcessorInterruptControllerState2(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *state,
                                                        UINT32 size, UINT32 *written)
{
    return WHvGetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeInterruptControllerState2, state,
                                       size, written);
}

HRESULT WHvSetVirtualProcessorInterruptControllerState2(WHV_PARTITION_HANDLE partition, UINT32 index, const VOID *state,
                                                        UINT32 size)
{
    return WHvSetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeInterruptControllerState2, state,
                                       size);
}

HRESULT WHvGetVirtualProcessorXsaveState(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *buffer, UINT32 size,
                                         UINT32 *written)
{
    return WHvGetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeXsaveState, buffer, size, written);
}

HRESULT WHvSetVirtualProcessorXsaveState(WHV_PARTITION_HANDLE partition, UINT32 index, const VOID *buffer, UINT32 size)
{
    return WHvSetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeXsaveState, buffer, size);
}

HRESULT WHvGetVirtualProcessorCpuidOutput(WHV_PARTITION_HANDLE partition, UINT32 index, UINT32 eax, UINT32 ecx,
                                          WHV_CPUID_OUTPUT *output)
{
    if (output == NULL) {
        return E_POINTER;
    }
    return whb_hresult(whb_call(WHB_CALL_CPUID_OUTPUT, whb_handle(partition), index, eax | (uint64_t)ecx << 32,
                                (uintptr_t)output, 0, NULL));
}
