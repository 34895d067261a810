/* SPDX-License-Identifier: MIT */
#include "kernel/memory/layout.h"

#include "arch/cpu/direct_map.h"
#include "kernel/debug/panic.h"
#include "kernel/memory/boot_info.h"
#include "kernel/memory/page.h"

#define HEAP_ALIGN (2ull << 20)
#define HEAP_FLOOR (1ull << 20)
#define HEAP_CEILING (4ull << 30) /* the early page tables and the start of other CPUs reach this far */
#define LOW_END (640ull << 10)

#define MAX_TAKEN (BOOT_MAX_MODULES + 2)

extern const char image_start[], image_end[]; /* linker.ld */

struct memory_layout memory_layout;

static struct layout_span ram[LAYOUT_MAX_SPANS];
static size_t ram_count;

/* What the loader put into available RAM: image, boot information, modules. */
static struct layout_span taken[MAX_TAKEN];
static size_t taken_count;

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static bool is_ram_type(uint32_t type)
{
    return type == MEMORY_AVAILABLE || type == MEMORY_ACPI || type == MEMORY_NVS;
}

/* Inserts in ascending order of base. */
static void insert_span(struct layout_span *spans, size_t *count, uint64_t base, uint64_t end)
{
    end = end < DIRECT_MAP_SIZE ? end : DIRECT_MAP_SIZE;
    if (base >= end || *count == LAYOUT_MAX_SPANS) {
        return;
    }
    size_t i = (*count)++;
    for (; i > 0 && spans[i - 1].base > base; i--) {
        spans[i] = spans[i - 1];
    }
    spans[i] = (struct layout_span){base, end - base};
}

static size_t merge_spans(struct layout_span *spans, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct layout_span *last = kept != 0 ? &spans[kept - 1] : NULL;
        if (last == NULL || spans[i].base > last->base + last->size) {
            spans[kept++] = spans[i];
        } else if (spans[i].base + spans[i].size > last->base + last->size) {
            last->size = spans[i].base + spans[i].size - last->base;
        }
    }
    return kept;
}

size_t layout_collect_ram(const struct boot_info *info, struct layout_span *out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct memory_range *range = &info->ranges[i];
        if (is_ram_type(range->type)) {
            insert_span(out, &count, range->base, range->base + range->size);
        }
    }
    for (uint32_t i = 0; i < info->module_count; i++) {
        insert_span(out, &count, page_round_down(info->modules[i].start), page_round_up(info->modules[i].end));
    }
    return merge_spans(out, count);
}

/* Highest aligned base in [low, high) that is free of `blocked`; 0: none. Each round moves below one blocking span. */
static uint64_t place_in(uint64_t low, uint64_t high, uint64_t size, uint64_t align, const struct layout_span *blocked,
                         size_t count)
{
    while (high >= size && high - size >= low) {
        uint64_t base = (high - size) & ~(align - 1);
        if (base < low) {
            return 0;
        }
        uint64_t conflict = UINT64_MAX;
        for (size_t i = 0; i < count; i++) {
            if (overlaps(base, size, blocked[i].base, blocked[i].size) && blocked[i].base < conflict) {
                conflict = blocked[i].base;
            }
        }
        if (conflict == UINT64_MAX) {
            return base;
        }
        high = conflict;
    }
    return 0;
}

static uint64_t place(const struct boot_info *info, const struct layout_span *blocked, size_t count, uint64_t size,
                      struct layout_span window, uint64_t align)
{
    uint64_t window_end = window.base + window.size;
    for (uint32_t i = info->range_count; i-- > 0;) {
        const struct memory_range *range = &info->ranges[i];
        uint64_t low = range->base > window.base ? range->base : window.base;
        uint64_t high = range->base + range->size < window_end ? range->base + range->size : window_end;
        if (range->type != MEMORY_AVAILABLE || low >= high) {
            continue;
        }
        uint64_t base = place_in(low, high, size, align, blocked, count);
        if (base != 0) {
            return base;
        }
    }
    return 0;
}

uint64_t layout_choose_heap(const struct boot_info *info, const struct layout_span *blocked, size_t count,
                            uint64_t size)
{
    struct layout_span window = {HEAP_FLOOR, HEAP_CEILING - HEAP_FLOOR};
    return place(info, blocked, count, size, window, HEAP_ALIGN);
}

uint64_t layout_low_pages(const struct boot_info *info, size_t pages)
{
    struct layout_span window = {PAGE_SIZE, LOW_END - PAGE_SIZE};
    return place(info, taken, taken_count, pages * PAGE_SIZE, window, PAGE_SIZE);
}

static void take(uint64_t base, uint64_t end)
{
    taken[taken_count++] = (struct layout_span){page_round_down(base), page_round_up(end) - page_round_down(base)};
}

void layout_init(const struct boot_info *info, uint64_t image_base, uint64_t mbi_base, uint64_t mbi_size,
                 uint64_t heap_size)
{
    memory_layout.image_base = image_base;
    memory_layout.image_size = (uint64_t)(image_end - image_start);
    taken_count = 0;
    take(image_base, image_base + memory_layout.image_size);
    take(mbi_base, mbi_base + mbi_size);
    for (uint32_t i = 0; i < info->module_count; i++) {
        take(info->modules[i].start, info->modules[i].end);
    }
    ram_count = layout_collect_ram(info, ram);
    memory_layout.heap_base = layout_choose_heap(info, taken, taken_count, heap_size);
    if (memory_layout.heap_base == 0) {
        kernel_stop(
            "no %lu MiB of free memory in one piece below 4 GiB for the heap; give a smaller heap= option or the "
            "machine more memory.",
            heap_size >> 20);
    }
    memory_layout.heap_size = heap_size;
}

size_t layout_ram_spans(const struct layout_span **out)
{
    *out = ram;
    return ram_count;
}

bool layout_is_ram(uint64_t pa, uint64_t size)
{
    size_t low = 0, high = ram_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ram[middle].base + ram[middle].size <= pa) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (size == 0 || low == ram_count || pa < ram[low].base) {
        return false;
    }
    return size <= ram[low].base + ram[low].size - pa;
}

bool layout_is_hypervisor(uint64_t pa, uint64_t size)
{
    return pa + size < pa || overlaps(pa, size, memory_layout.image_base, memory_layout.image_size) ||
           overlaps(pa, size, memory_layout.heap_base, memory_layout.heap_size);
}

uint64_t layout_ram_top(void)
{
    return ram_count == 0 ? 0 : ram[ram_count - 1].base + ram[ram_count - 1].size;
}

uint64_t layout_image_pa(const void *object)
{
    return (uint64_t)((uintptr_t)object - (uintptr_t)image_start) + memory_layout.image_base;
}
