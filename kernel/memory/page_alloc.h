/* SPDX-License-Identifier: MIT */
/* Physical pages of the hypervisor's heap. Safe on any CPU; not for NMI context. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/memory/page.h"

/* What a page is for. */
enum page_use {
    PAGE_USE_HOST, /* page tables, stacks, per-CPU data, the allocator's own records */
    PAGE_USE_TRACE,
    PAGE_USE_EPT,
    PAGE_USE_PARTITION,
    PAGE_USE_VP,
    PAGE_USE_COUNT,
};

/* Whose page it is. An account can have a bound. */
enum page_account {
    PAGE_ACCOUNT_HYPERVISOR,
    PAGE_ACCOUNT_ROOT_MAP,   /* the root's EPT */
    PAGE_ACCOUNT_PARTITIONS, /* of the first slot of the handle table; the others follow */
};

struct page_stats {
    uint64_t total;                /* pages of the heap: free + all of used */
    uint64_t free;                 /* pages */
    uint64_t used[PAGE_USE_COUNT]; /* pages, those kept for later included */
    uint64_t failed;               /* allocations refused since boot, for want of pages or by a bound */
};

/*
 * Takes the heap at physical `base_pa`, `size` bytes, which must lie in the direct map (arch/cpu/direct_map.h). Once,
 * before anything is allocated. Keeps its records in the first pages. Panics if less than one page would remain.
 */
void page_alloc_init(uint64_t base_pa, uint64_t size);

/* A zeroed page of the hypervisor's own as a direct map pointer, or NULL when the heap is out of pages. */
void *page_alloc(enum page_use use);

/* The same for an account, a number of enum page_account. NULL also when its bound is reached. */
void *page_alloc_for(uint32_t account, enum page_use use);

/*
 * Like page_alloc, for `pages` (at least 1) pages that are contiguous in physical memory. Takes time linear in the
 * heap.
 */
void *page_alloc_contiguous(enum page_use use, size_t pages);

/*
 * Give back, to the account that has it, what was allocated for the same `use`. NULL is ignored. A pointer that is not
 * the start of an allocated page of this heap and this use is an error of the hypervisor: panic. A contiguous run may
 * be given back in parts.
 */
void page_free(void *page, enum page_use use);
void page_free_contiguous(void *page, enum page_use use, size_t pages);

void page_alloc_stats(struct page_stats *out);

/*
 * The account has no more than `pages` from now on; what it has above that it may keep. PAGE_NO_BOUND: no bound, as all
 * accounts begin.
 */
#define PAGE_NO_BOUND UINT64_MAX
void page_account_set_bound(uint32_t account, uint64_t pages);
uint64_t page_account_bound(uint32_t account);

/* Pages that the account has, those kept for it included. */
uint64_t page_account_used(uint32_t account);

/*
 * Sets `pages` more pages aside for the account, and bounds it by what it has then: so it always gets that many, and
 * what it frees later is kept for it. False: there are not so many.
 */
bool page_account_keep(uint32_t account, enum page_use use, uint64_t pages);

/*
 * For tests of the whole machine: asked before each allocation, with the heap locked; true makes it fail. NULL: none is
 * made to fail. Set at boot, before the other CPUs start.
 */
extern bool (*page_alloc_refuse)(void);

#if __STDC_HOSTED__
#define PAGE_ALLOC_NEVER_FAIL UINT64_MAX

/* Tests: `n` more allocations may succeed, those after them fail, until the next call or page_alloc_init. */
void page_alloc_fail_after(uint64_t n);
#endif
