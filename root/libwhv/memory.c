/* SPDX-License-Identifier: MIT */
/* Guest memory: mapping, dirty pages, access to it from here. */
#include "root/lib/hypercall.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

#define GPA_PAGE 4096u

HRESULT WHvMapGpaRange(WHV_PARTITION_HANDLE partition, VOID *source, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 size,
                       WHV_MAP_GPA_RANGE_FLAGS flags)
{
    uint64_t mapped = 0;
    enum whb_status status = whb_map_counted(whb_handle(partition), source, gpa, size, flags, &mapped);
    if (status != WHB_OK && mapped != 0) {
        (void)WHvUnmapGpaRange(partition, gpa, mapped);
    }
    return whb_hresult(status);
}

HRESULT WHvMapGpaRange2(WHV_PARTITION_HANDLE partition, HANDLE process, VOID *source, WHV_GUEST_PHYSICAL_ADDRESS gpa,
                        UINT64 size, WHV_MAP_GPA_RANGE_FLAGS flags)
{
    (void)process;
    return WHvMapGpaRange(partition, source, gpa, size, flags);
}

HRESULT WHvUnmapGpaRange(WHV_PARTITION_HANDLE partition, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 size)
{
    return whb_hresult(whb_call(WHB_CALL_GPA_UNMAP, whb_handle(partition), gpa, size, 0, 0, NULL));
}

HRESULT whb_protect_gpa_range(WHV_PARTITION_HANDLE partition, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 size,
                              WHV_MAP_GPA_RANGE_FLAGS flags)
{
    return whb_hresult(whb_call(WHB_CALL_GPA_PROTECT, whb_handle(partition), gpa, size, flags, 0, NULL));
}

HRESULT WHvQueryGpaRangeDirtyBitmap(WHV_PARTITION_HANDLE partition, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 range,
                                    UINT64 *bitmap, UINT32 size)
{
    return whb_hresult(whb_call(WHB_CALL_GPA_DIRTY, whb_handle(partition), gpa, range, (uintptr_t)bitmap,
                                bitmap == NULL ? 0 : size, NULL));
}

static bool is_cache_type(WHV_CACHE_TYPE type)
{
    return type == WHvCacheTypeUncached || type == WHvCacheTypeWriteCombining || type == WHvCacheTypeWriteThrough ||
           type == WHvCacheTypeWriteProtected || type == WHvCacheTypeWriteBack;
}

/* What reading and writing have in common. The cache type changes nothing: the root's accesses are write-back. */
static HRESULT check_access(WHV_PARTITION_HANDLE partition, UINT32 index, WHV_ACCESS_GPA_CONTROLS controls,
                            const VOID *data, UINT32 size)
{
    if (data == NULL) {
        return E_POINTER;
    }
    if (size > WHV_READ_WRITE_GPA_RANGE_MAX_SIZE || size == 0 || !is_cache_type(controls.CacheType) ||
        controls.AsUINT64 >> 32 != 0) { /* VTL 0, reserved bits 0 */
        return E_INVALIDARG;
    }
    if (index == WHV_ANY_VP) {
        return client_knows(whb_handle(partition)) ? S_OK : E_HANDLE;
    }
    return client_check_vp(partition, index);
}

HRESULT WHvReadGpaRange(WHV_PARTITION_HANDLE partition, UINT32 index, WHV_GUEST_PHYSICAL_ADDRESS gpa,
                        WHV_ACCESS_GPA_CONTROLS controls, PVOID data, UINT32 size)
{
    HRESULT hr = check_access(partition, index, controls, data, size);
    if (hr != S_OK) {
        return hr;
    }
    return whb_hresult(whb_call(WHB_CALL_GPA_READ, whb_handle(partition), gpa, (uintptr_t)data, size, 0, NULL));
}

HRESULT WHvWriteGpaRange(WHV_PARTITION_HANDLE partition, UINT32 index, WHV_GUEST_PHYSICAL_ADDRESS gpa,
                         WHV_ACCESS_GPA_CONTROLS controls, const VOID *data, UINT32 size)
{
    HRESULT hr = check_access(partition, index, controls, data, size);
    if (hr != S_OK) {
        return hr;
    }
    return whb_hresult(whb_call(WHB_CALL_GPA_WRITE, whb_handle(partition), gpa, (uintptr_t)data, size, 0, NULL));
}

HRESULT WHvTranslateGva(WHV_PARTITION_HANDLE partition, UINT32 index, WHV_GUEST_VIRTUAL_ADDRESS gva,
                        WHV_TRANSLATE_GVA_FLAGS flags, WHV_TRANSLATE_GVA_RESULT *result,
                        WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    struct whb_translation answer = {0};
    if (result == NULL || gpa == NULL) {
        return E_POINTER;
    }
    enum whb_status status =
        whb_call(WHB_CALL_TRANSLATE_GVA, whb_handle(partition), index, gva, (uint32_t)flags, (uintptr_t)&answer, NULL);
    if (status == WHB_OK) {
        result->ResultCode = (WHV_TRANSLATE_GVA_RESULT_CODE)answer.code;
        result->Reserved = 0;
        *gpa = answer.gpa;
    }
    return whb_hresult(status);
}

static HRESULT check_advice(WHV_ADVISE_GPA_RANGE_CODE advice, const VOID *buffer, UINT32 size)
{
    if (advice == WHvAdviseGpaRangeCodePin || advice == WHvAdviseGpaRangeCodeUnpin) {
        return size == 0 ? S_OK : E_INVALIDARG;
    }
    if (advice != WHvAdviseGpaRangeCodePopulate) {
        return E_INVALIDARG;
    }
    if (buffer == NULL) {
        return E_POINTER;
    }
    const WHV_ADVISE_GPA_RANGE_POPULATE *populate = buffer;
    if (size != sizeof(*populate) || populate->Flags.Reserved != 0 ||
        (uint32_t)populate->AccessType > WHvMemoryAccessExecute) {
        return E_INVALIDARG;
    }
    return S_OK;
}

HRESULT WHvAdviseGpaRange(WHV_PARTITION_HANDLE partition, const WHV_MEMORY_RANGE_ENTRY *ranges, UINT32 count,
                          WHV_ADVISE_GPA_RANGE_CODE advice, const VOID *buffer, UINT32 size)
{
    if (ranges == NULL) {
        return E_POINTER;
    }
    HRESULT hr = check_advice(advice, buffer, size);
    for (UINT32 i = 0; i < count && hr == S_OK; i++) {
        uint64_t start = ranges[i].GuestAddress, bytes = ranges[i].SizeInBytes;
        if ((start | bytes) % GPA_PAGE != 0 || bytes == 0 || start + bytes < start) {
            hr = E_INVALIDARG;
        }
    }
    if (hr != S_OK) {
        return hr;
    }
    return client_knows(whb_handle(partition)) ? S_OK : E_HANDLE;
}
