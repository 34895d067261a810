/* SPDX-License-Identifier: MIT */
/* Posted writes. The ring is in the run page, so taking from it costs no hypercall. */
#include "root/lib/hypercall.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

HRESULT whb_add_posted_range(WHV_PARTITION_HANDLE partition, UINT64 address, UINT64 size)
{
    return whb_hresult(whb_call(WHB_CALL_POSTED_ADD, whb_handle(partition), address, size, 0, 0, NULL));
}

HRESULT whb_remove_posted_range(WHV_PARTITION_HANDLE partition, UINT64 address, UINT64 size)
{
    return whb_hresult(whb_call(WHB_CALL_POSTED_REMOVE, whb_handle(partition), address, size, 0, 0, NULL));
}

static uint32_t waiting(uint32_t head, uint32_t tail)
{
    return tail >= head ? tail - head : tail + WHB_POSTED_SLOTS - head;
}

UINT32 whb_posted_waiting(WHV_PARTITION_HANDLE partition, UINT32 index)
{
    const struct whb_run_page *page = whb_run_page(partition, index);
    return page == NULL ? 0 : waiting(page->posted.head, __atomic_load_n(&page->posted.tail, __ATOMIC_ACQUIRE));
}

HRESULT whb_take_posted_writes(WHV_PARTITION_HANDLE partition, UINT32 index, struct whb_posted_write *writes,
                               UINT32 room, UINT32 *taken)
{
    if (writes == NULL || taken == NULL) {
        return E_POINTER;
    }
    HRESULT hr = client_check_vp(partition, index);
    if (hr != S_OK) {
        return hr;
    }
    struct whb_posted_ring *ring = &whb_run_page(partition, index)->posted;
    uint32_t head = ring->head, count = waiting(head, __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE));
    count = count < room ? count : room;
    for (uint32_t i = 0; i < count; i++) {
        writes[i] = ring->writes[head];
        head = head + 1 == WHB_POSTED_SLOTS ? 0 : head + 1;
    }
    __atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
    *taken = count;
    return S_OK;
}
