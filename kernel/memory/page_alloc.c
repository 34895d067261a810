/* SPDX-License-Identifier: MIT */
/*
 * One record for each page, kept at the start of the heap. Free pages are in a doubly linked list, so that taking a
 * page from the middle of it (a contiguous run) costs as little as taking the first. Free pages themselves are not
 * touched.
 */
#include "kernel/memory/page_alloc.h"

#include "abi/hypercall.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/string.h"
#include "kernel/core/spinlock.h"
#include "kernel/debug/panic.h"

#define NO_PAGE UINT32_MAX
#define USE_FREE UINT32_MAX
#define USE_RECORDS PAGE_USE_COUNT /* accounted to PAGE_USE_HOST, but never to be given back */

/* A heap is at most 4 GiB by its option; this is what 32-bit page numbers allow. */
#define PAGES_MAX (UINT32_MAX - 1)

struct page_record {
    uint32_t use; /* enum page_use, USE_RECORDS or USE_FREE */
    union {
        uint32_t next;    /* page numbers in the free list, NO_PAGE at its ends */
        uint32_t account; /* of an allocated page */
    };
    uint32_t previous;
};

struct account {
    uint64_t used, bound, kept; /* pages; those kept are used too, and in the free list */
    bool keeps;                 /* pages that come back are kept */
};

#define ACCOUNTS (PAGE_ACCOUNT_PARTITIONS + WHB_MAX_PARTITIONS)

static struct {
    struct spinlock lock;
    uint64_t base_pa;
    uint32_t first_free; /* head of the free list, or NO_PAGE */
    struct page_record *records;
    struct page_stats stats;
    struct account accounts[ACCOUNTS];
#if __STDC_HOSTED__
    uint64_t allowed; /* allocations that may still succeed */
#endif
} heap;

static void list_push(uint32_t page)
{
    struct page_record *record = &heap.records[page];

    *record = (struct page_record){.use = USE_FREE, .next = heap.first_free, .previous = NO_PAGE};
    if (heap.first_free != NO_PAGE) {
        heap.records[heap.first_free].previous = page;
    }
    heap.first_free = page;
}

static void list_remove(uint32_t page, enum page_use use, uint32_t account)
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
    *record = (struct page_record){.use = use, .account = account, .previous = NO_PAGE};
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
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        heap.accounts[i].bound = PAGE_NO_BOUND;
    }
    heap.accounts[PAGE_ACCOUNT_HYPERVISOR].used = own;
#if __STDC_HOSTED__
    heap.allowed = PAGE_ALLOC_NEVER_FAIL;
#endif
    /* From the end, so that the list starts with the lowest page. */
    for (uint32_t page = (uint32_t)pages; page-- > own;) {
        list_push(page);
    }
    for (uint32_t page = 0; page < own; page++) {
        heap.records[page] = (struct page_record){.use = USE_RECORDS};
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

static void count_used(struct account *account, enum page_use use, uint64_t pages)
{
    heap.stats.free -= pages;
    heap.stats.used[use] += pages;
    account->used += pages;
}

/* What the account has above its bound leaves no room either. */
static bool has_room(const struct account *account, uint64_t pages)
{
    return pages <= heap.stats.free && account->used < account->bound && pages <= account->bound - account->used;
}

/* Returns the first of `pages` pages now marked as `use`, or NO_PAGE. Pages kept are taken one at a time. */
static uint32_t take(uint32_t number, enum page_use use, size_t pages)
{
    struct account *account = &heap.accounts[number];
    bool kept = pages == 1 && account->kept != 0;
    uint32_t first = NO_PAGE;

    if (pages > 0 && (kept || has_room(account, pages)) && may_succeed()) {
        first = pages == 1 ? heap.first_free : find_run(pages);
    }
    if (first == NO_PAGE) {
        heap.stats.failed++;
        return NO_PAGE;
    }
    for (uint32_t i = 0; i < pages; i++) {
        list_remove(first + i, use, number);
    }
    if (kept) {
        account->kept--;
    } else {
        count_used(account, use, pages);
    }
    return first;
}

static void *allocate(uint32_t account, enum page_use use, size_t pages)
{
    spin_lock(&heap.lock);
    uint32_t first = take(account, use, pages);
    spin_unlock(&heap.lock);
    if (first == NO_PAGE) {
        return NULL;
    }
    void *memory = phys_to_virt(heap.base_pa + (uint64_t)first * PAGE_SIZE);
    memset(memory, 0, pages * PAGE_SIZE);
    return memory;
}

void *page_alloc_contiguous(enum page_use use, size_t pages)
{
    return allocate(PAGE_ACCOUNT_HYPERVISOR, use, pages);
}

void *page_alloc(enum page_use use)
{
    return allocate(PAGE_ACCOUNT_HYPERVISOR, use, 1);
}

void *page_alloc_for(uint32_t account, enum page_use use)
{
    return allocate(account, use, 1);
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
        struct account *account = &heap.accounts[heap.records[first + i].account];
        list_push(first + (uint32_t)i);
        if (account->keeps) {
            account->kept++;
        } else {
            heap.stats.free++;
            heap.stats.used[use]--;
            account->used--;
        }
    }
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

void page_account_set_bound(uint32_t account, uint64_t pages)
{
    spin_lock(&heap.lock);
    heap.accounts[account].bound = pages;
    spin_unlock(&heap.lock);
}

uint64_t page_account_bound(uint32_t account)
{
    return __atomic_load_n(&heap.accounts[account].bound, __ATOMIC_RELAXED);
}

uint64_t page_account_used(uint32_t account)
{
    return __atomic_load_n(&heap.accounts[account].used, __ATOMIC_RELAXED);
}

bool page_account_keep(uint32_t number, enum page_use use, uint64_t pages)
{
    struct account *account = &heap.accounts[number];

    spin_lock(&heap.lock);
    bool kept = has_room(account, pages);
    if (kept) {
        count_used(account, use, pages);
        account->kept += pages;
        account->bound = account->used;
        account->keeps = true;
    }
    spin_unlock(&heap.lock);
    return kept;
}
