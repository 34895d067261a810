/* SPDX-License-Identifier: MIT */
/*
 * Extended page tables of one address space, 4 levels (SDM vol. 3C, 29.3).
 *
 * The caller serialises changes. Processors, and ept_lookup, may walk the tables while a change is made: each entry
 * goes from its old to its new value in one store, and a new table is complete before it can be reached. Tables that a
 * change unlinks still hold what they held; the caller frees them after no processor can use them any more.
 *
 * A change is decided first, with all its memory reserved; then it is done and cannot fail. So a status other than
 * EPT_OK means that nothing changed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"

#define EPT_ADDRESS_LIMIT (1ull << 48)

enum ept_rights {
    EPT_READ = 1,
    EPT_WRITE = 2,   /* needs EPT_READ */
    EPT_EXECUTE = 4, /* without EPT_READ only if execute_only is set */
    EPT_TRACK = 8,   /* writes are tracked: see ept_query_dirty */
    EPT_ALL_RIGHTS = 15,
};

enum ept_status {
    EPT_OK,
    EPT_OUT_OF_MEMORY,
    EPT_NOT_MAPPED,
    EPT_INVALID, /* misaligned, empty or too large, or rights that no entry can have */
};

struct ept {
    uint32_t account;                   /* whose pages the tables are (kernel/memory/page_alloc.h) */
    uint64_t pml4;                      /* physical address of the top table */
    bool huge_1g, huge_2m;              /* leaf sizes the processor has besides 4 KiB */
    bool execute_only;                  /* the processor has execute-only entries; ept_init leaves it off */
    bool tracking;                      /* there were tracked mappings */
    uint64_t tables;                    /* 4 KiB pages in use as tables, the top one included */
    uint64_t leaf_4k, leaf_2m, leaf_1g; /* mappings by size */
};

/* A mapping as the tables hold it. */
struct ept_leaf {
    uint64_t hpa;    /* of the leaf's first byte */
    uint64_t size;   /* bytes; the leaf starts at a multiple of it */
    uint32_t rights; /* those it was mapped with, also if it is clean and so has no write right for now */
    uint8_t memory_type;
};

/* Unlinked tables. Zero-initialise; may collect from several changes of one struct ept. */
struct ept_retired {
    uint64_t head;
};

/*
 * Memory type (0 UC, 1 WC, 4 WT, 5 WP, 6 WB) of `size` bytes of host memory at `hpa`, both multiples of 4 KiB, or
 * EPT_TYPE_MIXED if it is not one for all of them: smaller leaves are used then. For one page a mixed or reserved type
 * counts as UC. Must give the same answers during one call of ept_map.
 */
typedef uint8_t (*ept_memory_type_fn)(void *ctx, uint64_t hpa, uint64_t size);
#define EPT_TYPE_MIXED 0xffu

/* An empty address space with tables of this account. False: out of memory. */
bool ept_init(struct ept *ept, uint32_t account, bool huge_2m, bool huge_1g);

/* Frees all tables at once: no processor may use them any more. Does nothing if ept_init failed or was never called. */
void ept_destroy(struct ept *ept);

/*
 * Maps gpa to hpa, `size` bytes, all multiples of 4 KiB, with the largest leaves that alignment and memory types allow.
 * Replaces what was mapped there; larger leaves at the edges are split. `rights` is a mask of enum ept_rights.
 */
enum ept_status ept_map(struct ept *ept, uint64_t gpa, uint64_t hpa, uint64_t size, unsigned rights,
                        ept_memory_type_fn memory_type, void *ctx, struct ept_retired *retired);

/* The same for many that passed extent_list_check (vmm/memory/extent_list.h), all of them or none. */
enum ept_status ept_map_list(struct ept *ept, const struct whb_extent *extents, uint32_t count,
                             ept_memory_type_fn memory_type, void *ctx, struct ept_retired *retired);

/* Unmaps a range, whether or not all of it is mapped. */
enum ept_status ept_unmap(struct ept *ept, uint64_t gpa, uint64_t size, struct ept_retired *retired);

/*
 * Gives a range other rights, tracking included; what it is mapped to, its memory type and what is dirty in tracked
 * pages stay. Each leaf goes from old to new in one store. EPT_NOT_MAPPED if any part of it is not mapped.
 */
enum ept_status ept_protect(struct ept *ept, uint64_t gpa, uint64_t size, unsigned rights);

/*
 * Tracked pages. They are clean when mapped, and mapped without write right until they are written; so a query costs
 * what was written, and what was mapped only by 1 to 512 (it passes over clean tables).
 *
 * ept_query_dirty sets the bits of the dirty pages of the range in `bitmap`, unless that is null, and makes the pages
 * clean: bit i % 64 of word i / 64 is page i of the range. Adds the pages it found to *count: if any, processors must
 * drop their translations before the next write is sure to be seen. A large page that was dirtied whole
 * (EPT_DIRTY_WHOLE) stays dirty if the range has only a part of it. EPT_NOT_MAPPED, and nothing changed, if a part of
 * the range is not mapped with tracking.
 */
enum ept_status ept_query_dirty(struct ept *ept, uint64_t gpa, uint64_t size, uint64_t *bitmap, uint64_t *count);

enum ept_dirtied {
    EPT_DIRTY_REFUSED, /* not mapped, not tracked, or not writable by its rights: nothing changed */
    EPT_DIRTY_DONE,    /* the page is dirty, and writable to processors; large pages were split for it */
    EPT_DIRTY_WHOLE,   /* no memory to split a large page: all of it counts as dirty now */
};

/* A write to the page of `gpa`. */
enum ept_dirtied ept_mark_dirty(struct ept *ept, uint64_t gpa);

/* All of the range, a valid one, is mapped. Takes time by the number of its leaves. */
bool ept_is_mapped(const struct ept *ept, uint64_t gpa, uint64_t size);

/* Frees the collected tables; call when every processor has dropped its cached translations. */
void ept_retired_free(struct ept_retired *retired);

/* The mapping that covers `gpa`, or false. */
bool ept_lookup(const struct ept *ept, uint64_t gpa, struct ept_leaf *out);

/* Value for the VMCS (25.6.11): write-back tables, 4 levels, optionally with accessed and dirty flags. */
uint64_t ept_pointer(const struct ept *ept, bool accessed_dirty);
