/* SPDX-License-Identifier: MIT */
/* Posted writes (abi/posted_write.h): writes of a guest that wait in the VP's run page until the root takes them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"

struct partition;
struct vp;
struct write_table;

/*
 * `size` in bytes or ports. WHB_ERROR_INVALID_ARGUMENT: not a possible range, or one that there is has a part of it;
 * WHB_ERROR_INVALID_STATE: not set up; WHB_ERROR_OUT_OF_MEMORY: heap, or WHB_MAX_POSTED_RANGES.
 */
enum whb_status posted_add(struct partition *p, uint64_t address, uint64_t size);

/* Exactly a range that was added. When it returns, no more writes to it are posted. WHB_ERROR_NOT_FOUND. */
enum whb_status posted_remove(struct partition *p, uint64_t address, uint64_t size);

/* An empty ring, for a VP that nobody runs. */
void posted_clear(struct vp *vp);

/* For vmm/run/guest_write.c. */
bool posted_watches(const struct write_table *table, uint64_t address);
/* False: in no range, or the ring is full. */
bool posted_append(struct vp *vp, const struct write_table *table, uint64_t address, uint64_t value, uint32_t size);
