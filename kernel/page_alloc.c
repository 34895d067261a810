/* SPDX-License-Identifier: MIT */
/*
 * One record for each page, kept at the start of the heap. Free pages are in a doubly linked list, so that taking a
 * page from the middle of it (a contiguous run) costs as little as taking the first. Free pages themselves are not
 * touched.
 */
#include "kernel/page_alloc.h"

#include "arch/direct_map.h"
#include "kernel/panic.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"

#define NO_PAGE UINT32_MAX
#define USE_FREE UINT32_MAX
#define USE_RECORDS PAGE_USE_COUNT /* accounted to PAGE_USE_HOST, but never to be given back */

/* A heap is at most 4 GiB by its option; this is what 32-bit page numbers allow. */
#define PAGES_MAX (UINT32_MAX - 1)

struct page_record {
    uint32_t use;            /* enum page_use, USE_RECORDS or USE_FREE */
    uint32_t next, previous; /* page numbers in the free list, NO_PAGE at its ends */
};

static struct {
    struct spinlock lock;
    uint64_t base_pa;
    uint32_t first_free; /* head of the free list, or NO_PAGE */
    struct page_record *records;
    struct page_stats stats;
#if __STDC_HOSTED__
    uint64_t allowed; /* allocations that may still succeed */
#endif
} heap;

static void list_push(uint32_t page)
{
    struct page_record *record = &heap.records[page];

    *record = (struct page_record){USE_FREE, heap.first_free, NO_PAGE};
    if (heap.first_free != NO_PAGE) {
        heap.records[heap.first_free].previous = page;
    }
    heap.first_free = page;
}

static void list_remove(uint32_t page, enum page_use use)
{
    struct page_record *record = &heap.records[page];

    if (record->previous == NO_PAGE) {
        heap.first_free = record->next;
    } else {
        heap.records[record->previous].next = record->next;
    }
    if (record->next != NO_PAGE) {
        heap.records[record->next].previous = record->previous;
    }
    *record = (struct page_record){use, NO_PAGE, NO_PAGE};
}

static uint64_t records_pages(uint64_t pages)
{
    return page_round_up(pages * sizeof(struct page_record)) / PAGE_SIZE;
}

void page_alloc_init(uint64_t base_pa, uint64_t size)
{
    uint64_t base = page_round_up(base_pa);
    uint64_t end = page_round_down(base_pa + size);
    uint64_t pages = end > base ? (end - base) / PAGE_SIZE : 0;
    uint64_t own = records_pages(pages);

    if (pages <= own || pages > PAGES_MAX) {
        panic("the heap has an impossible size: %llu bytes", (unsigned long long)size);
    }
    memset(&heap, 0, sizeof(heap));
    heap.base_pa = base;
    heap.records = phys_to_virt(base);
    heap.first_free = NO_PAGE;
    heap.stats.total = pages;
    heap.stats.free = pages - own;
    heap.stats.used[PAGE_USE_HOST] = own;
#if __STDC_HOSTED__
    heap.allowed = PAGE_ALLOC_NEVER_FAIL;
#endif
    /* From the end, so that the list starts with the lowest page. */
    for (uint32_t page = (uint32_t)pages; page-- > own;) {
        list_push(page);
    }
    for (uint32_t page = 0; page < own; page++) {
        heap.records[page] = (struct page_record){USE_RECORDS, NO_PAGE, NO_PAGE};
    }
}

bool (*page_alloc_refuse)(void);

#if __STDC_HOSTED__
void page_alloc_fail_after(uint64_t n)
{
    heap.allowed = n;
}

static bool may_succeed(void)
{
    if (heap.allowed == PAGE_ALLOC_NEVER_FAIL) {
        return true;
    }
    if (heap.allowed == 0) {
        return false;
    }
    heap.allowed--;
    return true;
}
#else
static bool may_succeed(void)
{
    return page_alloc_refuse == NULL || !page_alloc_refuse();
}
#endif

/* The highest run of free pages, away from the low end where single pages come from; NO_PAGE if there is none. */
static uint32_t find_run(size_t pages)
{
    size_t length = 0;

    for (uint32_t page = (uint32_t)heap.stats.total; page-- > 0;) {
        length = heap.records[page].use == USE_FREE ? length + 1 : 0;
        if (length == pages) {
            return page;
        }
    }
    return NO_PAGE;
}

/* Returns the first of `pages` pages now marked as `use`, or NO_PAGE. */
static uint32_t take(enum page_use use, size_t pages)
{
    uint32_t first = NO_PAGE;

    if (pages > 0 && pages <= heap.stats.free && may_succeed()) {
        first = pages == 1 ? heap.first_free : find_run(pages);
    }
    if (first == NO_PAGE) {
        heap.stats.failed++;
        return NO_PAGE;
    }
    for (uint32_t i = 0; i < pages; i++) {
        list_remove(first + i, use);
    }
    heap.stats.free -= pages;
    heap.stats.used[use] += pages;
    return first;
}

void *page_alloc_contiguous(enum page_use use, size_t pages)
{
    spin_lock(&heap.lock);
    uint32_t first = take(use, pages);
    spin_unlock(&heap.lock);
    if (first == NO_PAGE) {
        return NULL;
    }
    void *memory = phys_to_virt(heap.base_pa + (uint64_t)first * PAGE_SIZE);
    memset(memory, 0, pages * PAGE_SIZE);
    return memory;
}

void *page_alloc(enum page_use use)
{
    return page_alloc_contiguous(use, 1);
}

/* The allocated run that starts at `memory`; NO_PAGE if any page of it is not one of this heap and this use. */
static uint32_t find_allocated(const void *memory, enum page_use use, size_t pages)
{
    uint64_t offset = virt_to_phys(memory) - heap.base_pa;
    uint64_t first = offset / PAGE_SIZE;

    if (use >= PAGE_USE_COUNT || offset % PAGE_SIZE != 0 || first >= heap.stats.total || pages == 0 ||
        pages > heap.stats.total - first) {
        return NO_PAGE;
    }
    for (uint64_t page = first; page < first + pages; page++) {
        if (heap.records[page].use != (uint32_t)use) {
            return NO_PAGE;
        }
    }
    return (uint32_t)first;
}

static bool give_back(const void *memory, enum page_use use, size_t pages)
{
    uint32_t first = find_allocated(memory, use, pages);

    if (first == NO_PAGE) {
        return false;
    }
    for (size_t i = pages; i-- > 0;) {
        list_push(first + (uint32_t)i);
    }
    heap.stats.free += pages;
    heap.stats.used[use] -= pages;
    return true;
}

void page_free_contiguous(void *page, enum page_use use, size_t pages)
{
    if (page == NULL) {
        return;
    }
    spin_lock(&heap.lock);
    bool freed = give_back(page, use, pages);
    spin_unlock(&heap.lock);
    if (!freed) {
        panic("page_free: %p (%zu pages, use %u) is not allocated so", page, pages, (unsigned int)use);
    }
}

void page_free(void *page, enum page_use use)
{
    page_free_contiguous(page, use, 1);
}

void page_alloc_stats(struct page_stats *out)
{
    spin_lock(&heap.lock);
    *out = heap.stats;
    spin_unlock(&heap.lock);
}
