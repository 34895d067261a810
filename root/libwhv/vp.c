/* SPDX-License-Identifier: MIT */
/* Virtual processors: their life and their runs. Their registers: vp_registers.c. */
#include <stdbool.h>

#include "root/lib/hypercall.h"
#include "root/lib/memory.h"
#include "root/lib/string.h"
#include "root/libwhv/client.h"
#include "root/libwhv/diagnostics.h"
#include "root/libwhv/whimbrel_ext.h"

#define RECORD_MIN 144u /* WHV_RUN_VP_EXIT_CONTEXT of Windows 10 1803 */
#define MAX_REPLAYS 16u /* in one run, of triple faults that do not come again; then the last one is a record */

struct whb_run_page *whb_run_page(WHV_PARTITION_HANDLE partition, UINT32 index)
{
    return client_page(partition, index);
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
    struct whb_run_page *page = client_page(partition, index); /* NULL: made by a hypercall of the caller's own */
    if (page != NULL && page->root_own == CLIENT_CLAIMED) {
        return WHV_E_INVALID_VP_STATE;
    }
    enum whb_status status = whb_call(WHB_CALL_VP_DELETE, whb_handle(partition), index, 0, 0, 0, NULL);
    if (status == WHB_OK && page != NULL) {
        client_of_vp(partition, index)->pages[index] = NULL;
        root_free_page(page);
    }
    return whb_hresult(status);
}

static bool is_triple_fault(const struct whb_run_page *page)
{
    return client_record(page)->ExitReason == WHvRunVpExitReasonUnrecoverableException;
}

/*
 * A run without a record for the client, or with a triple fault to explain. An access to the VP's local APIC is
 * finished here and the VP goes on, as often as it does so: each entry sees a cancel, and ends for the root's
 * interrupts.
 */
static __attribute__((noinline)) HRESULT run_on(uint64_t handle, uint64_t index, VOID *exit_context, UINT32 size,
                                                struct whb_run_page *page, enum whb_status status)
{
    const struct vp_of_client vp = {handle, (uint32_t)index, page};
    WHV_RUN_VP_EXIT_CONTEXT room;
    const void *record = page->record;
    bool again = true;
    for (uint32_t replays = 0; again; status = again ? whb_call_run(handle, index) : status) {
        again = false;
        if (status == WHB_OK && is_triple_fault(page) && replays++ < MAX_REPLAYS) {
            again = triple_fault_replay(&vp, &status) == TRIPLE_FAULT_AGAIN;
        }
        if (status == WHB_ERROR_APIC_ACCESS) {
            const WHV_RUN_VP_EXIT_CONTEXT *answer = client_answer_apic(handle, (uint32_t)index, page, &room);
            again = answer == NULL;
            record = answer != NULL ? answer : record;
            status = answer != NULL ? WHB_OK : status;
        }
    }
    client_leave(page);
    if (status == WHB_OK) {
        memcpy(exit_context, record, size < WHB_RUN_RECORD_SIZE ? size : WHB_RUN_RECORD_SIZE);
    }
    return whb_hresult(status);
}

/* The client's buffer may have any alignment, for which the compiler's own copy makes detours. */
static inline HRESULT run(struct whb_run_page *page, uint64_t handle, uint64_t index, VOID *exit_context, UINT32 size)
{
    enum whb_status status = whb_call_run(handle, index);
    if (status != WHB_OK || __builtin_expect(is_triple_fault(page), 0)) {
        return run_on(handle, index, exit_context, size, page, status);
    }
    client_leave(page);
    const uint8_t *record = page->record;
    if (size == WHB_RUN_RECORD_SIZE) {
        uint64_t words = WHB_RUN_RECORD_SIZE / 8;
        __asm__ volatile("rep movsq" : "+D"(exit_context), "+S"(record), "+c"(words) : : "memory");
    } else {
        memcpy(exit_context, record, size < WHB_RUN_RECORD_SIZE ? size : WHB_RUN_RECORD_SIZE);
    }
    return S_OK;
}

/* Runs that cannot be, short records, and VPs that another call uses. */
static __attribute__((noinline)) HRESULT run_with_care(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *exit_context,
                                                       UINT32 size)
{
    if (exit_context == NULL) {
        return E_POINTER;
    }
    if (size < RECORD_MIN) {
        return WHV_E_INSUFFICIENT_BUFFER;
    }
    HRESULT hr = client_check_vp(partition, index);
    if (hr != S_OK) {
        return hr;
    }
    struct whb_run_page *page = client_page(partition, index);
    return client_enter_too(page) ? run(page, whb_handle(partition), index, exit_context, size)
                                  : WHV_E_INVALID_VP_STATE;
}

HRESULT WHvRunVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *exit_context, UINT32 size)
{
    struct whb_run_page *page = client_page(partition, index);
    if (page == NULL || exit_context == NULL || size < WHB_RUN_RECORD_SIZE || !client_enter(page)) {
        return run_with_care(partition, index, exit_context, size);
    }
    return run(page, (uintptr_t)partition, index, exit_context, WHB_RUN_RECORD_SIZE);
}

HRESULT WHvCancelRunVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index, UINT32 flags)
{
    if (flags != 0) {
        return E_INVALIDARG;
    }
    return whb_hresult(whb_call(WHB_CALL_VP_CANCEL, whb_handle(partition), index, 0, 0, 0, NULL));
}
