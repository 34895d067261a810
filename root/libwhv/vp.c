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
        __atomic_store_n(&client->running[index], 0, __ATOMIC_RELEASE);
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

/* `running` needs no barriers: the VMCALL between its changes is one, and a later look may come late. */
HRESULT WHvRunVirtualProcessor(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *exit_context, UINT32 size)
{
    struct client_partition *client = client_of_vp(partition, index);
    if (exit_context == NULL || size < RECORD_MIN || client == NULL || client->pages[index] == NULL) {
        return refuse_run(partition, index, exit_context, size);
    }
    __atomic_store_n(&client->running[index], 1, __ATOMIC_RELEASE);
    enum whb_status status = whb_call_run(client->handle, index);
    if (status != WHB_ERROR_BUSY) { /* else another CPU's run clears it */
        __atomic_store_n(&client->running[index], 0, __ATOMIC_RELEASE);
    }
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

/* The VP's run page if it is known to be at rest. */
static inline struct whb_run_page *page_at_rest(WHV_PARTITION_HANDLE partition, UINT32 index)
{
    const struct client_partition *client = client_of_vp(partition, index);
    if (client == NULL || __atomic_load_n(&client->running[index], __ATOMIC_ACQUIRE) != 0) {
        return NULL;
    }
    return client->pages[index];
}

/* Registers that the page holds now; those that are dirty are in it too. */
static inline uint32_t held_by_page(const struct whb_run_page *page)
{
    uint32_t tracked = WHB_RUN_RSP | WHB_RUN_RIP | WHB_RUN_RFLAGS;
    return (WHB_RUN_ALL & ~tracked) | ((page->valid | page->dirty) & tracked);
}

static inline bool all_in(const WHV_REGISTER_NAME *names, UINT32 count, uint32_t mask)
{
    for (UINT32 i = 0; i < count; i++) {
        if ((uint32_t)names[i] > WHvX64RegisterRflags || (mask & (1u << (uint32_t)names[i])) == 0) {
            return false;
        }
    }
    return true;
}

/* The page begins with the registers in the order of their names. Of the values only their bytes may be touched: a
 * client's array may lack the type's alignment of 16. */
_Static_assert(offsetof(struct whb_run_page, gpr) == 0 && offsetof(struct whb_run_page, rip) == 8 * WHvX64RegisterRip &&
                   offsetof(struct whb_run_page, rflags) == 8 * WHvX64RegisterRflags,
               "registers by name");

static inline uint64_t *page_register(struct whb_run_page *page, WHV_REGISTER_NAME name)
{
    return (uint64_t *)page + name;
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
        uint32_t dirty = page->dirty;
        for (UINT32 i = 0; i < count; i++) {
            const uint8_t *value = (const uint8_t *)values + i * sizeof(WHV_REGISTER_VALUE);
            __builtin_memcpy(page_register(page, names[i]), value, sizeof(uint64_t));
            dirty |= 1u << (uint32_t)names[i];
        }
        page->dirty = dirty;
        return S_OK;
    }
    return whb_hresult(whb_call(WHB_CALL_VP_SET_REGISTERS, whb_handle(partition), index, (uintptr_t)names,
                                (uintptr_t)values, count, NULL));
}
