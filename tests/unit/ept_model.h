/* SPDX-License-Identifier: MIT */
/*
 * What an address space should translate, kept beside the tables that vmm/memory/ept.c builds: the list of all changes
 * made. For its unit test and its fuzzer. Everything here aborts with a message when the tables are not what they
 * should be.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/memory/ept.h"

#define MODEL_CHANGES_MAX 1280u

#define MODEL_DIRTY_MAX 512u

struct model_change {
    uint64_t gpa, end, hpa;
    uint32_t rights; /* 0: unmapped */
    bool protect;    /* hpa is that of the mapping before */
};

struct ept_model {
    struct ept ept;
    struct ept_retired retired; /* of the last change */
    unsigned count;
    struct model_change changes[MODEL_CHANGES_MAX]; /* the latest that covers a page counts */
    unsigned dirty_count;
    uint64_t dirty[MODEL_DIRTY_MAX]; /* pages written since the last query */
    bool whole;                      /* a large page was dirtied whole: queries may find more than `dirty` has */
};

/* Sets up the page allocator with a heap of this many bytes, which ept_model_heap_end frees. */
void ept_model_heap_begin(uint64_t size);
void ept_model_heap_end(void);

void ept_model_begin(struct ept_model *m, bool huge_2m, bool huge_1g);
/* Checks that every page came back. */
void ept_model_end(struct ept_model *m);

/* The memory types of host memory: mostly blocks of 1 GiB, with some 2 MiB blocks that change type every 64 KiB. */
uint8_t ept_model_page_type(uint64_t hpa);
uint8_t ept_model_type(void *ctx, uint64_t hpa, uint64_t size);

/*
 * Call ept_map and ept_unmap with a valid range, and check the status. Out of memory is accepted, and must have changed
 * nothing. Tables that were unlinked must still translate as before.
 */
enum ept_status ept_model_map(struct ept_model *m, uint64_t gpa, uint64_t hpa, uint64_t size, unsigned rights);
/* The same for ept_map_list; the extents ascend. */
enum ept_status ept_model_map_list(struct ept_model *m, const struct whb_extent *extents, uint32_t count);
enum ept_status ept_model_unmap(struct ept_model *m, uint64_t gpa, uint64_t size);

enum ept_status ept_model_protect(struct ept_model *m, uint64_t gpa, uint64_t size, unsigned rights);

/* Writes to the page of `gpa`; true if that was possible. Checks that it follows the rights. */
bool ept_model_write(struct ept_model *m, uint64_t gpa);

/* By the model: every page of the range is mapped with tracking. */
bool ept_model_tracked(const struct ept_model *m, uint64_t gpa, uint64_t size);

/* Queries a valid range with a bitmap and compares it with the writes; returns the pages found. */
uint64_t ept_model_query(struct ept_model *m, uint64_t gpa, uint64_t size, enum ept_status expected);

/* Compares the whole address space, the counters and the pages in use; frees the retired ones first. */
void ept_model_check(struct ept_model *m);
