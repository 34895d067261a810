/* SPDX-License-Identifier: MIT */
/* What libwhv keeps of each partition: the run pages of its VPs. Inside libwhv only. */
#pragma once

#include <stdbool.h>

#include "abi/hypercall.h"
#include "abi/run_page.h"
#include "root/libwhv/WinHvPlatform.h"

/* Whether the handle is that of a partition which lives. */
bool client_knows(uint64_t handle);

/* S_OK; E_HANDLE: no such partition; WHV_E_VP_DOES_NOT_EXIST: no such VP of it. */
HRESULT client_check_vp(WHV_PARTITION_HANDLE partition, UINT32 index);

/*
 * Reports a call's size result as WHP does: written where the caller asked for it (`written` may be null), also when
 * the buffer was too small.
 */
HRESULT client_sized(enum whb_status status, uint64_t size, UINT32 *written);

/* The slot of a VP's run page; NULL: the handle or the index cannot be. The page in it may be NULL: no such VP. */
struct whb_run_page **client_run_page_slot(uint64_t handle, uint32_t index);

/*
 * A byte of a VP that client_run_page_slot finds, atomic: 1 from before a run until it returned, and for good when the
 * CPU was restarted meanwhile. It only says that the run page may be in use and the hypervisor must be asked.
 */
uint8_t *client_running(uint64_t handle, uint32_t index);

/* A partition was made; one was deleted (its run pages are given back). */
void client_partition_created(uint64_t handle);
void client_partition_deleted(uint64_t handle);
