/* SPDX-License-Identifier: MIT */
#include "root/lib/hypercall.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

HRESULT whb_trace_set(UINT32 entries)
{
    return whb_hresult(whb_call(WHB_CALL_TRACE_SET, entries, 0, 0, 0, 0, NULL));
}

HRESULT whb_trace_read(UINT64 position, VOID *buffer, UINT32 size, UINT32 *written)
{
    uint64_t value;
    if (buffer == NULL) {
        return E_POINTER;
    }
    enum whb_status status = whb_call(WHB_CALL_TRACE_READ, position, (uintptr_t)buffer, size, 0, 0, &value);
    return client_sized(status, value, written);
}
