/* SPDX-License-Identifier: MIT */
/* What libwhv keeps of each partition: the run pages of its VPs. Inside libwhv only. */
#pragma once

#include <stdbool.h>

#include "abi/hypercall.h"
#include "abi/run_page.h"
#include "root/libwhv/WinHvPlatform.h"

/*
 * A handle's low 16 bits are its slot plus one; a slot's later partition has another handle. `running` is atomic: 1
 * from before a run until it returned, and for good when the CPU was restarted meanwhile. It only says that the run
 * page may be in use and the hypervisor must be asked.
 */
struct client_partition {
    uint64_t handle;
    struct whb_run_page *pages[WHB_MAX_VPS]; /* NULL: no such VP */
    uint8_t running[WHB_MAX_VPS];
};

extern struct client_partition clients[WHB_MAX_PARTITIONS];

static inline uint32_t client_slot(uint64_t handle)
{
    return (uint32_t)(handle & 0xffffu) - 1;
}

/* Whether the handle is that of a partition which lives. */
static inline bool client_knows(uint64_t handle)
{
    return client_slot(handle) < WHB_MAX_PARTITIONS && clients[client_slot(handle)].handle == handle;
}

/* The partition of a VP that can be; NULL: the handle or the index cannot. Its page may be NULL: no such VP. */
static inline struct client_partition *client_of_vp(WHV_PARTITION_HANDLE partition, uint32_t index)
{
    const uint64_t handle = (uintptr_t)partition;
    return client_knows(handle) && index < WHB_MAX_VPS ? &clients[client_slot(handle)] : NULL;
}

/* S_OK; E_HANDLE: no such partition; WHV_E_VP_DOES_NOT_EXIST: no such VP of it. */
HRESULT client_check_vp(WHV_PARTITION_HANDLE partition, UINT32 index);

/*
 * Reports a call's size result as WHP does: written where the caller asked for it (`written` may be null), also when
 * the buffer was too small.
 */
HRESULT client_sized(enum whb_status status, uint64_t size, UINT32 *written);

/* A partition was made; one was deleted (its run pages are given back). */
void client_partition_created(uint64_t handle);
void client_partition_deleted(uint64_t handle);
