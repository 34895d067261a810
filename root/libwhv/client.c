/* SPDX-License-Identifier: MIT */
#include "root/libwhv/client.h"

#include "root/lib/memory.h"

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

struct whb_run_page **client_run_page_slot(uint64_t handle, uint32_t index)
{
    uint32_t slot = slot_of(handle);
    if (slot >= WHB_MAX_PARTITIONS || index >= WHB_MAX_VPS || clients[slot].handle != handle) {
        return NULL;
    }
    return &clients[slot].pages[index];
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
