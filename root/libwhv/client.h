/* SPDX-License-Identifier: MIT */
/* What libwhv keeps of each partition: the run pages of its VPs. Inside libwhv only. */
#pragma once

#include "abi/hypercall.h"
#include "abi/run_page.h"

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
