/* SPDX-License-Identifier: MIT */
#include "root/libwhv/diagnostics.h"

#include "root/lib/hypercall.h"
#include "root/libwhv/entry_check/entry_check.h"

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

/* By the VP's registers as they are now. */
static enum whb_status explain_refusal(const struct vp_of_client *vp, struct whb_vp_diagnostics *d)
{
    struct entry_verdict verdict;
    WHV_REGISTER_VALUE value = {0};
    enum whb_status status = entry_check_vp(vp, &verdict);
    if (status != WHB_OK || verdict.check == WHB_CHECK_NONE) {
        return status;
    }
    status = diagnostics_get(vp, &verdict.name, 1, &value);
    d->check = (uint32_t)verdict.check;
    d->register_name = (uint32_t)verdict.name;
    d->value[0] = value.Reg128.Low64;
    d->value[1] = value.Reg128.High64;
    return status;
}

static enum whb_status explain(const struct vp_of_client *vp, struct whb_vp_diagnostics *d)
{
    const struct whb_vp_diagnostics *found = client_diagnostics(vp->page);
    const WHV_RUN_VP_EXIT_REASON reason = client_record(vp->page)->ExitReason;
    if (reason == WHvRunVpExitReasonUnrecoverableException && found->sequence == vp->page->sequence) {
        *d = *found;
    }
    if (reason != WHvRunVpExitReasonInvalidVpRegisterValue) {
        return WHB_OK;
    }
    d->exit_reason = (uint32_t)reason;
    d->sequence = vp->page->sequence;
    return explain_refusal(vp, d);
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
