/* SPDX-License-Identifier: MIT */
/* Capabilities, partitions and their properties. */
#include "root/lib/hypercall.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

HRESULT whb_hresult(enum whb_status status)
{
    switch (status) {
    case WHB_OK:
        return S_OK;
    case WHB_ERROR_ACCESS_DENIED:
        return E_ACCESSDENIED;
    case WHB_ERROR_OUT_OF_MEMORY:
        return E_OUTOFMEMORY;
    case WHB_ERROR_INVALID_HANDLE:
        return E_HANDLE;
    case WHB_ERROR_INVALID_STATE:
        return WHB_HR_INVALID_STATE;
    case WHB_ERROR_BUSY:
        return WHV_E_INVALID_VP_STATE;
    case WHB_ERROR_VP_EXISTS:
        return WHV_E_VP_ALREADY_EXISTS;
    case WHB_ERROR_VP_ABSENT:
        return WHV_E_VP_DOES_NOT_EXIST;
    case WHB_ERROR_GPA_NOT_MAPPED:
        return WHV_E_GPA_RANGE_NOT_FOUND;
    case WHB_ERROR_UNKNOWN_PROPERTY:
        return WHV_E_UNKNOWN_PROPERTY;
    case WHB_ERROR_UNKNOWN_CAPABILITY:
        return WHV_E_UNKNOWN_CAPABILITY;
    case WHB_ERROR_BUFFER_TOO_SMALL:
        return WHV_E_INSUFFICIENT_BUFFER;
    case WHB_ERROR_UNKNOWN_REGISTER:
        return WHV_E_INVALID_VP_REGISTER_NAME;
    case WHB_ERROR_INVALID_REGISTER:
        return WHB_HR_INVALID_PARAMETER;
    case WHB_ERROR_INVALID_CONFIG:
        return WHV_E_INVALID_PARTITION_CONFIG;
    case WHB_ERROR_INTERRUPTED:
        return WHB_HR_INTERRUPTED;
    case WHB_ERROR_NOT_SUPPORTED:
        return WHB_HR_NOT_SUPPORTED;
    case WHB_ERROR_NOT_FOUND:
        return WHB_HR_NOT_FOUND;
    default:
        return E_INVALIDARG;
    }
}

uint64_t whb_handle(WHV_PARTITION_HANDLE partition)
{
    return (uintptr_t)partition;
}

HRESULT WHvGetCapability(WHV_CAPABILITY_CODE code, VOID *buffer, UINT32 size, UINT32 *written)
{
    uint64_t value;
    if (buffer == NULL) {
        return E_POINTER;
    }
    enum whb_status status = whb_call(WHB_CALL_GET_CAPABILITY, (uint64_t)code, (uintptr_t)buffer, size, 0, 0, &value);
    return client_sized(status, value, written);
}

HRESULT WHvCreatePartition(WHV_PARTITION_HANDLE *partition)
{
    uint64_t handle;
    if (partition == NULL) {
        return E_POINTER;
    }
    enum whb_status status = whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &handle);
    if (status == WHB_OK) {
        client_partition_created(handle);
        *partition = (WHV_PARTITION_HANDLE)(uintptr_t)handle;
    }
    return whb_hresult(status);
}

HRESULT WHvSetupPartition(WHV_PARTITION_HANDLE partition)
{
    return whb_hresult(whb_call(WHB_CALL_PARTITION_SETUP, whb_handle(partition), 0, 0, 0, 0, NULL));
}

HRESULT WHvResetPartition(WHV_PARTITION_HANDLE partition)
{
    return whb_hresult(whb_call(WHB_CALL_PARTITION_RESET, whb_handle(partition), 0, 0, 0, 0, NULL));
}

HRESULT WHvDeletePartition(WHV_PARTITION_HANDLE partition)
{
    enum whb_status status = whb_call(WHB_CALL_PARTITION_DELETE, whb_handle(partition), 0, 0, 0, 0, NULL);
    if (status == WHB_OK) {
        client_partition_deleted(whb_handle(partition));
    }
    return whb_hresult(status);
}

HRESULT WHvGetPartitionProperty(WHV_PARTITION_HANDLE partition, WHV_PARTITION_PROPERTY_CODE code, VOID *buffer,
                                UINT32 size, UINT32 *written)
{
    uint64_t value;
    if (buffer == NULL) {
        return E_POINTER;
    }
    enum whb_status status =
        whb_call(WHB_CALL_PROPERTY_GET, whb_handle(partition), (uint64_t)code, (uintptr_t)buffer, size, 0, &value);
    return client_sized(status, value, written);
}

HRESULT WHvSetPartitionProperty(WHV_PARTITION_HANDLE partition, WHV_PARTITION_PROPERTY_CODE code, const VOID *buffer,
                                UINT32 size)
{
    if (buffer == NULL && size != 0) {
        return E_POINTER;
    }
    return whb_hresult(
        whb_call(WHB_CALL_PROPERTY_SET, whb_handle(partition), (uint64_t)code, (uintptr_t)buffer, size, 0, NULL));
}
