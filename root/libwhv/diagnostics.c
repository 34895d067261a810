/* SPDX-License-Identifier: MIT */
#include "root/lib/hypercall.h"
#include "root/lib/root.h"
#include "root/libwhv/whimbrel_ext.h"

HRESULT whb_vp_diagnostics(WHV_PARTITION_HANDLE partition, UINT32 index, struct whb_vp_diagnostics *diagnostics)
{
    struct whb_vp_diagnostics d;
    if (diagnostics == NULL) {
        return E_POINTER;
    }
    enum whb_status status =
        whb_call(WHB_CALL_VP_DIAGNOSTICS, whb_handle(partition), index, (uintptr_t)&d, sizeof(d), 0, NULL);
    if (status == WHB_OK) {
        *diagnostics = d;
    }
    return whb_hresult(status);
}
