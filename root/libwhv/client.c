/* SPDX-License-Identifier: MIT */
#include "root/libwhv/client.h"

#include "root/lib/memory.h"
#include "root/libwhv/whimbrel_ext.h"

/* A handle's low 16 bits are its slot plus one; a slot's later partition has another handle. */
static struct {
    uint64_t handle;
    struct whb_run_page *pages[WHB_MAX_VPS];
    uint8_t running[WHB_MAX_VPS];
} clients[WHB_MAX_PARTITIONS];

static uint32_t slot_of(uint64_t handle)
{
    return (uint32_t)(handle & 0xffffu) - 1;
}

bool client_knows(uint64_t handle)
{
    return slot_of(handle) < WHB_MAX_PARTITIONS && clients[slot_of(handle)].handle == handle;
}

struct whb_run_page **client_run_page_slot(uint64_t handle, uint32_t index)
{
    if (!client_knows(handle) || index >= WHB_MAX_VPS) {
        return NULL;
    }
    return &clients[slot_of(handle)].pages[index];
}

HRESULT client_check_vp(WHV_PARTITION_HANDLE partition, UINT32 index)
{
    if (!client_knows(whb_handle(partition))) {
        return E_HANDLE;
    }
    return whb_run_page(partition, index) == NULL ? WHV_E_VP_DOES_NOT_EXIST : S_OK;
}

HRESULT client_sized(enum whb_status status, uint64_t size, UINT32 *written)
{
    if (written != NULL && (status == WHB_OK || status == WHB_ERROR_BUFFER_TOO_SMALL)) {
        *written = (UINT32)size;
    }
    return whb_hresult(status);
}

uint8_t *client_running(uint64_t handle, uint32_t index)
{
    return &clients[slot_of(handle)].running[index];
}

void client_partition_created(uint64_t handle)
{
    clients[slot_of(handle)].handle = handle;
}

void client_partition_deleted(uint64_t handle)
{
    uint32_t slot = slot_of(handle);
    clients[slot].handle = 0;
    for (uint32_t i = 0; i < WHB_MAX_VPS; i++) {
        if (clients[slot].pages[i] != NULL) {
            root_free_page(clients[slot].pages[i]);
            clients[slot].pages[i] = NULL;
        }
    }
}
