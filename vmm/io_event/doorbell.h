/* SPDX-License-Identifier: MIT */
/*
 * Doorbells: writes of a guest, to unmapped or read-only memory or to a port, that signal an event of the root and do
 * not exit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "abi/whv.h"

struct partition;
struct write_table;

/*
 * `data` is the hypervisor's own copy, `event` the address of a struct whb_event in RAM of the root, which must be
 * good until the doorbell is removed or the partition deleted. WHB_ERROR_INVALID_ARGUMENT: not a possible write, or
 * there is such a doorbell; WHB_ERROR_INVALID_STATE: not set up; WHB_ERROR_OUT_OF_MEMORY: heap, or WHB_MAX_DOORBELLS.
 */
enum whb_status doorbell_add(struct partition *p, const WHV_DOORBELL_MATCH_DATA *data, uint64_t event);

/* When it returns, the event is signalled no more. WHB_ERROR_NOT_FOUND. */
enum whb_status doorbell_remove(struct partition *p, const WHV_DOORBELL_MATCH_DATA *data);

/* For vmm/run/guest_write.c: whether a doorbell is at the address; signals every one that matches, true: there was
 * one. */
bool doorbell_watches(const struct write_table *table, uint64_t address);
bool doorbell_signal(const struct write_table *table, uint64_t address, uint64_t value, uint32_t size);
