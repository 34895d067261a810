/* SPDX-License-Identifier: MIT */
/* A bump allocator with a list of free single pages: root programs are small and end soon. */
#include "root/lib/memory.h"

#include "root/lib/cpu.h"
#include "root/lib/string.h"

#define LOW_END 0x100000ull

struct free_page {
    struct free_page *next;
};

static const struct whb_handoff *machine;
static uint64_t next_free; /* addresses below are used */
static struct free_page *free_pages;
static uint32_t memory_lock;

static void lock(void)
{
    while (__atomic_exchange_n(&memory_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
}

static void unlock(void)
{
    __atomic_store_n(&memory_lock, 0, __ATOMIC_RELEASE);
}

void memory_init(const struct whb_handoff *handoff)
{
    machine = handoff;
    next_free = LOW_END;
}

/* The first place at or after next_free in a free range. */
static uint64_t take(uint64_t size, uint64_t alignment)
{
    for (uint32_t i = 0; i < machine->range_count; i++) {
        const struct whb_memory_range *r = &machine->ranges[i];
        uint64_t base = r->base < next_free ? next_free : r->base, end = r->base + r->size;
        base = (base + alignment - 1) & ~(alignment - 1);
        end = end > machine->identity_mapped ? machine->identity_mapped : end;
        if (r->type == WHB_MEMORY_AVAILABLE && base < end && size <= end - base) {
            next_free = base + size;
            return base;
        }
    }
    return 0;
}

void *root_alloc_pages(size_t pages, size_t alignment)
{
    void *found;
    lock();
    if (pages == 1 && alignment <= ROOT_PAGE && free_pages != NULL) {
        found = free_pages;
        free_pages = free_pages->next;
    } else {
        found = (void *)(uintptr_t)take(pages * ROOT_PAGE, alignment < ROOT_PAGE ? ROOT_PAGE : alignment);
    }
    unlock();
    return found == NULL ? NULL : memset(found, 0, pages * ROOT_PAGE);
}

void root_free_page(void *page)
{
    struct free_page *p = page;
    lock();
    p->next = free_pages;
    free_pages = p;
    unlock();
}

uint64_t memory_low_page(void)
{
    for (uint32_t i = machine->range_count; i-- > 0;) {
        const struct whb_memory_range *r = &machine->ranges[i];
        uint64_t end = r->base + r->size;
        if (r->type == WHB_MEMORY_AVAILABLE && end <= LOW_END && r->size >= ROOT_PAGE && end > ROOT_PAGE) {
            return (end - ROOT_PAGE) & ~(ROOT_PAGE - 1);
        }
    }
    return 0;
}
