/* SPDX-License-Identifier: MIT */
/* What libwhv keeps of each partition: the run pages of its VPs. Inside libwhv only. */
#pragma once

#include <stdbool.h>

#include "abi/hypercall.h"
#include "abi/run_page.h"
#include "root/libwhv/WinHvPlatform.h"

/* A handle's low 16 bits are its slot plus one; a slot's later partition has another handle. */
struct client_partition {
    uint64_t handle;
    struct whb_run_page *pages[WHB_MAX_VPS]; /* NULL: no such VP */
};

/*
 * The page's `root_own` says who uses it: how many calls of WHvRunVirtualProcessor are under way, or CLIENT_CLAIMED
 * while a call has its registers; 0: it may be used. A CPU that was restarted in the midst of a run leaves it above 0:
 * the hypervisor is asked from then on.
 */
#define CLIENT_CLAIMED 0x80000000u

extern struct client_partition clients[WHB_MAX_PARTITIONS];

static inline uint32_t client_slot(uint64_t handle)
{
    return WHB_HANDLE_SLOT(handle);
}

/* Whether the handle is that of a partition which lives. */
static inline bool client_knows(uint64_t handle)
{
    return handle != 0 && clients[client_slot(handle)].handle == handle;
}

/* The partition of a VP that can be; NULL: the handle or the index cannot. Its page may be NULL: no such VP. */
static inline struct client_partition *client_of_vp(WHV_PARTITION_HANDLE partition, uint32_t index)
{
    const uint64_t handle = (uintptr_t)partition;
    return client_knows(handle) && index < WHB_MAX_VPS ? &clients[client_slot(handle)] : NULL;
}

/* NULL: not known to libwhv. */
static inline struct whb_run_page *client_page(WHV_PARTITION_HANDLE partition, uint32_t index)
{
    const struct client_partition *client = client_of_vp(partition, index);
    return client == NULL ? NULL : client->pages[index];
}

static inline bool client_change(struct whb_run_page *page, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&page->root_own, &from, to, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Takes the run page of a VP at rest, until client_release: nobody changes the word meanwhile. */
static inline bool client_claim(struct whb_run_page *page)
{
    return client_change(page, 0, CLIENT_CLAIMED);
}

static inline void client_release(struct whb_run_page *page)
{
    __atomic_store_n(&page->root_own, 0, __ATOMIC_RELEASE);
}

/* A run begins that is the only one; it ends. */
static inline bool client_enter(struct whb_run_page *page)
{
    return client_change(page, 0, 1);
}

static inline void client_leave(struct whb_run_page *page)
{
    __atomic_fetch_sub(&page->root_own, 1, __ATOMIC_RELEASE);
}

/* A run begins that need not be the only one. False: a call has the registers. */
bool client_enter_too(struct whb_run_page *page);

/* S_OK; E_HANDLE: no such partition; WHV_E_VP_DOES_NOT_EXIST: no such VP of it. */
HRESULT client_check_vp(WHV_PARTITION_HANDLE partition, UINT32 index);

/*
 * Reports a call's size result as WHP does: written where the caller asked for it (`written` may be null), also when
 * the buffer was too small.
 */
HRESULT client_sized(enum whb_status status, uint64_t size, UINT32 *written);

/*
 * A run ended with WHB_ERROR_APIC_ACCESS: emulates the instruction of the page's record. NULL: run the VP again; else
 * the record for the client, in `room`. apic_emulator.c, or apic_absent.c (Makefile).
 */
const WHV_RUN_VP_EXIT_CONTEXT *client_answer_apic(uint64_t handle, uint32_t index, const struct whb_run_page *page,
                                                  WHV_RUN_VP_EXIT_CONTEXT *room);
/* The record of an access to a local APIC that cannot be emulated. */
const WHV_RUN_VP_EXIT_CONTEXT *client_unsupported_apic(const struct whb_run_page *page, WHV_RUN_VP_EXIT_CONTEXT *room);

/* A partition was made; one was deleted (its run pages are given back). */
void client_partition_created(uint64_t handle);
void client_partition_deleted(uint64_t handle);
