/* SPDX-License-Identifier: MIT */
/* Virtual processors: their life and their runs. Their registers: vp_registers.c. */
#include <stdbool.h>

#include "root/lib/hypercall.h"
#include "root/lib/memory.h"
#include "root/lib/string.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

#define RECORD_MIN 144u /* WHV_RUN_VP_EXIT_CONTEXT of Windows 10 1803 */

struct whb_run_page *whb_run_page(WHV_PARTITION_HANDLE partition, UINT32 index)
{
    const struct client_partition *client = client_of_vp(partition, index);
    return client == NULL ? NULL : client->pages[index];
}

HRESULT WHvCreateVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index, UINT32 flags)
{
    struct client_partition *client = client_of_vp(partition, index);
    if (flags != 0) {
        return E_INVALIDARG;
    }
    if (client == NULL) {
        return client_knows(whb_handle(partition)) ? E_INVALIDARG : E_HANDLE;
    }
    if (client->pages[index] != NULL) {
        return WHV_E_VP_ALREADY_EXISTS;
    }
    struct whb_run_page *page = root_alloc_pages(1, ROOT_PAGE);
    if (page == NULL) {
        return E_OUTOFMEMORY;
    }
    enum whb_status status = whb_call(WHB_CALL_VP_CREATE, whb_handle(partition), index, (uintptr_t)page, 0, 0, NULL);
    if (status == WHB_OK) {
        __atomic_store_n(&client->uses[index], 0, __ATOMIC_RELEASE);
        client->pages[index] = page;
    } else {
        root_free_page(page);
    }
    return whb_hresult(status);
}

/* One memory node, number 0: the only property says nothing new. */
static HRESULT check_property(const WHV_VIRTUAL_PROCESSOR_PROPERTY *p)
{
    if (p->PropertyCode != WHvVirtualProcessorPropertyCodeNumaNode) {
        return WHV_E_UNKNOWN_PROPERTY;
    }
    return p->Reserved == 0 && p->NumaNode == 0 ? S_OK : E_INVALIDARG;
}

HRESULT WHvCreateVirtualProcessor2(WHV_PARTITION_HANDLE partition, UINT32 index,
                                   const WHV_VIRTUAL_PROCESSOR_PROPERTY *properties, UINT32 count)
{
    if (properties == NULL && count != 0) {
        return E_POINTER;
    }
    for (UINT32 i = 0; i < count; i++) {
        HRESULT hr = check_property(&properties[i]);
        if (hr != S_OK) {
            return hr;
        }
    }
    return WHvCreateVirtualProcessor(partition, index, 0);
}

HRESULT WHvDeleteVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index)
{
    enum whb_status status = whb_call(WHB_CALL_VP_DELETE, whb_handle(partition), index, 0, 0, 0, NULL);
    if (status == WHB_OK) {
        struct client_partition *client = client_of_vp(partition, index);
        if (client != NULL && client->pages[index] != NULL) { /* else it was made by a hypercall of the caller's own */
            root_free_page(client->pages[index]);
            client->pages[index] = NULL;
        }
    }
    return whb_hresult(status);
}

static HRESULT refuse_run(WHV_PARTITION_HANDLE partition, UINT32 index, const VOID *exit_context, UINT32 size)
{
    if (exit_context == NULL) {
        return E_POINTER;
    }
    return size < RECORD_MIN ? WHV_E_INSUFFICIENT_BUFFER : client_check_vp(partition, index);
}

HRESULT WHvRunVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *exit_context, UINT32 size)
{
    struct client_partition *client = client_of_vp(partition, index);
    if (exit_context == NULL || size < RECORD_MIN || client == NULL || client->pages[index] == NULL) {
        return refuse_run(partition, index, exit_context, size);
    }
    if (!client_enter(client, index)) {
        return WHV_E_INVALID_VP_STATE;
    }
    enum whb_status status = whb_call_run(client->handle, index);
    client_leave(client, index);
    if (status != WHB_OK) {
        return whb_hresult(status);
    }
    const uint8_t *record = client->pages[index]->record;
    if (size >= WHB_RUN_RECORD_SIZE) {
        __builtin_memcpy(exit_context, record, WHB_RUN_RECORD_SIZE);
    } else {
        memcpy(exit_context, record, size);
    }
    return S_OK;
}

HRESULT WHvCancelRunVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index, UINT32 flags)
{
    if (flags != 0) {
        return E_INVALIDARG;
    }
    return whb_hresult(whb_call(WHB_CALL_VP_CANCEL, whb_handle(partition), index, 0, 0, 0, NULL));
}
