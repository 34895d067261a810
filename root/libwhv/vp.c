/* SPDX-License-Identifier: MIT */
/*
 * Virtual processors. Register calls that name only what the run page holds cost no hypercall: after an exit the page
 * has the general registers, RIP and RFLAGS, and what is set there is taken at the next run.
 */
#include <stdbool.h>

#include "root/lib/hypercall.h"
#include "root/lib/memory.h"
#include "root/lib/string.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

#define RECORD_MIN 144u /* WHV_RUN_VP_EXIT_CONTEXT of Windows 10 1803 */

struct whb_run_page *whb_run_page(WHV_PARTITION_HANDLE partition, UINT32 index)
{
    struct whb_run_page **slot = client_run_page_slot(whb_handle(partition), index);
    return slot == NULL ? NULL : *slot;
}

HRESULT WHvCreateVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index, UINT32 flags)
{
    struct whb_run_page **slot = client_run_page_slot(whb_handle(partition), index);
    if (flags != 0) {
        return E_INVALIDARG;
    }
    if (slot == NULL) {
        return client_knows(whb_handle(partition)) ? E_INVALIDARG : E_HANDLE;
    }
    if (*slot != NULL) {
        return WHV_E_VP_ALREADY_EXISTS;
    }
    struct whb_run_page *page = root_alloc_pages(1, ROOT_PAGE);
    if (page == NULL) {
        return E_OUTOFMEMORY;
    }
    enum whb_status status = whb_call(WHB_CALL_VP_CREATE, whb_handle(partition), index, (uintptr_t)page, 0, 0, NULL);
    if (status == WHB_OK) {
        __atomic_store_n(client_running(whb_handle(partition), index), 0, __ATOMIC_RELEASE);
        *slot = page;
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
        struct whb_run_page **slot = client_run_page_slot(whb_handle(partition), index);
        if (slot != NULL && *slot != NULL) { /* else it was made by a hypercall of the caller's own */
            root_free_page(*slot);
            *slot = NULL;
        }
    }
    return whb_hresult(status);
}

HRESULT WHvRunVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *exit_context, UINT32 size)
{
    if (exit_context == NULL) {
        return E_POINTER;
    }
    if (size < RECORD_MIN) {
        return WHV_E_INSUFFICIENT_BUFFER;
    }
    HRESULT known = client_check_vp(partition, index);
    if (known != S_OK) {
        return known;
    }
    const struct whb_run_page *page = whb_run_page(partition, index);
    uint8_t *running = client_running(whb_handle(partition), index);
    __atomic_store_n(running, 1, __ATOMIC_SEQ_CST);
    enum whb_status status = whb_call(WHB_CALL_VP_RUN, whb_handle(partition), index, 0, 0, 0, NULL);
    if (status != WHB_ERROR_BUSY) { /* else another CPU's run clears it */
        __atomic_store_n(running, 0, __ATOMIC_SEQ_CST);
    }
    if (status == WHB_OK) {
        memcpy(exit_context, page->record, size < WHB_RUN_RECORD_SIZE ? size : WHB_RUN_RECORD_SIZE);
    }
    return whb_hresult(status);
}

HRESULT WHvCancelRunVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index, UINT32 flags)
{
    if (flags != 0) {
        return E_INVALIDARG;
    }
    return whb_hresult(whb_call(WHB_CALL_VP_CANCEL, whb_handle(partition), index, 0, 0, 0, NULL));
}

/* The VP's run page if it is known to be at rest. */
static struct whb_run_page *page_at_rest(WHV_PARTITION_HANDLE partition, UINT32 index)
{
    struct whb_run_page *page = whb_run_page(partition, index);
    if (page == NULL || __atomic_load_n(client_running(whb_handle(partition), index), __ATOMIC_SEQ_CST) != 0) {
        return NULL;
    }
    return page;
}

/* Registers that the page holds now; those that are dirty are in it too. */
static uint32_t held_by_page(const struct whb_run_page *page)
{
    uint32_t tracked = WHB_RUN_RSP | WHB_RUN_RIP | WHB_RUN_RFLAGS;
    return (WHB_RUN_ALL & ~tracked) | ((page->valid | page->dirty) & tracked);
}

static bool all_in(const WHV_REGISTER_NAME *names, UINT32 count, uint32_t mask)
{
    for (UINT32 i = 0; i < count; i++) {
        if ((uint32_t)names[i] > WHvX64RegisterRflags || (mask & (1u << (uint32_t)names[i])) == 0) {
            return false;
        }
    }
    return true;
}

/* Callers copy values as bytes: a client's array may lack the type's alignment of 16. */
static uint64_t *page_register(struct whb_run_page *page, WHV_REGISTER_NAME name)
{
    return name == WHvX64RegisterRip ? &page->rip : name == WHvX64RegisterRflags ? &page->rflags : &page->gpr[name];
}

HRESULT WHvGetVirtualProcessorRegisters(WHV_PARTITION_HANDLE partition, UINT32 index, const WHV_REGISTER_NAME *names,
                                        UINT32 count, WHV_REGISTER_VALUE *values)
{
    struct whb_run_page *page = page_at_rest(partition, index);
    if (names == NULL || values == NULL) {
        return E_POINTER;
    }
    if (page != NULL && count != 0 && all_in(names, count, held_by_page(page))) {
        for (UINT32 i = 0; i < count; i++) {
            uint64_t value[2] = {*page_register(page, names[i]), 0};
            __builtin_memcpy((uint8_t *)values + i * sizeof(value), value, sizeof(value));
        }
        return S_OK;
    }
    return whb_hresult(whb_call(WHB_CALL_VP_GET_REGISTERS, whb_handle(partition), index, (uintptr_t)names,
                                (uintptr_t)values, count, NULL));
}

HRESULT WHvSetVirtualProcessorRegisters(WHV_PARTITION_HANDLE partition, UINT32 index, const WHV_REGISTER_NAME *names,
                                        UINT32 count, const WHV_REGISTER_VALUE *values)
{
    struct whb_run_page *page = page_at_rest(partition, index);
    if (names == NULL || values == NULL) {
        return E_POINTER;
    }
    if (page != NULL && count != 0 && all_in(names, count, WHB_RUN_ALL)) {
        for (UINT32 i = 0; i < count; i++) {
            const uint8_t *value = (const uint8_t *)values + i * sizeof(WHV_REGISTER_VALUE);
            __builtin_memcpy(page_register(page, names[i]), value, sizeof(uint64_t));
            page->dirty |= 1u << (uint32_t)names[i];
        }
        return S_OK;
    }
    return whb_hresult(whb_call(WHB_CALL_VP_SET_REGISTERS, whb_handle(partition), index, (uintptr_t)names,
                                (uintptr_t)values, count, NULL));
}
