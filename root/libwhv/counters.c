/* SPDX-License-Identifier: MIT */
/* Counters, and the partition's time. */
#include "root/lib/hypercall.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

/* The one argument that the calls can find malformed is the set. */
static HRESULT counted(enum whb_status status, uint64_t size, UINT32 *written)
{
    return status == WHB_ERROR_INVALID_ARGUMENT ? WHV_E_UNKNOWN_PROPERTY : client_sized(status, size, written);
}

HRESULT WHvGetPartitionCounters(WHV_PARTITION_HANDLE partition, WHV_PARTITION_COUNTER_SET set, VOID *buffer,
                                UINT32 size, UINT32 *written)
{
    uint64_t value;
    if (buffer == NULL) {
        return E_POINTER;
    }
    enum whb_status status =
        whb_call(WHB_CALL_PARTITION_COUNTERS, whb_handle(partition), (uint32_t)set, (uintptr_t)buffer, size, 0, &value);
    return counted(status, value, written);
}

HRESULT WHvGetVirtualProcessorCounters(WHV_PARTITION_HANDLE partition, UINT32 index, WHV_PROCESSOR_COUNTER_SET set,
                                       VOID *buffer, UINT32 size, UINT32 *written)
{
    uint64_t value;
    if (buffer == NULL) {
        return E_POINTER;
    }
    enum whb_status status =
        whb_call(WHB_CALL_VP_COUNTERS, whb_handle(partition), index, (uint32_t)set, (uintptr_t)buffer, size, &value);
    return counted(status, value, written);
}

HRESULT WHvSuspendPartitionTime(WHV_PARTITION_HANDLE partition)
{
    return whb_hresult(whb_call(WHB_CALL_TIME_SUSPEND, whb_handle(partition), 0, 0, 0, 0, NULL));
}

HRESULT WHvResumePartitionTime(WHV_PARTITION_HANDLE partition)
{
    return whb_hresult(whb_call(WHB_CALL_TIME_RESUME, whb_handle(partition), 0, 0, 0, 0, NULL));
}
