/* SPDX-License-Identifier: MIT */
#include "root/libwhv/diagnostics.h"

#include "root/lib/hypercall.h"
#include "root/lib/root.h"
#include "root/lib/string.h"

enum whb_status diagnostics_get(const struct vp_of_client *vp, const WHV_REGISTER_NAME *names, UINT32 count,
                                WHV_REGISTER_VALUE *values)
{
    return whb_call(WHB_CALL_VP_GET_REGISTERS, vp->handle, vp->index, (uintptr_t)names, (uintptr_t)values, count, NULL);
}

enum whb_status diagnostics_set(const struct vp_of_client *vp, const WHV_REGISTER_NAME *names, UINT32 count,
                                const WHV_REGISTER_VALUE *values)
{
    return whb_call(WHB_CALL_VP_SET_REGISTERS, vp->handle, vp->index, (uintptr_t)names, (uintptr_t)values, count, NULL);
}

/* The record is explained by the replay that the run made. */
static enum whb_status explain(const struct vp_of_client *vp, struct whb_vp_diagnostics *d)
{
    const struct whb_vp_diagnostics *found = client_diagnostics(vp->page);
    if (client_record(vp->page)->ExitReason == WHvRunVpExitReasonUnrecoverableException) {
        *d = found->sequence == vp->page->sequence ? *found : *d;
        return WHB_OK;
    }
    return whb_call(WHB_CALL_VP_DIAGNOSTICS, vp->handle, vp->index, (uintptr_t)d, sizeof(*d), 0, NULL);
}

HRESULT whb_vp_diagnostics(WHV_PARTITION_HANDLE partition, UINT32 index, struct whb_vp_diagnostics *diagnostics)
{
    struct whb_vp_diagnostics d = {0};
    if (diagnostics == NULL) {
        return E_POINTER;
    }
    HRESULT hr = client_check_vp(partition, index);
    if (hr != S_OK) {
        return hr;
    }
    const struct vp_of_client vp = {whb_handle(partition), index, client_page(partition, index)};
    if (!client_claim(vp.page)) {
        return WHV_E_INVALID_VP_STATE;
    }
    enum whb_status status = explain(&vp, &d);
    client_release(vp.page);
    if (status == WHB_OK) {
        *diagnostics = d;
    }
    return whb_hresult(status);
}
