/* SPDX-License-Identifier: MIT */
/* Who owns which physical memory: what is RAM, and what of it is the hypervisor's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boot_info;

struct memory_layout {
    uint64_t image_base; /* physical; image and heap are each 4 KiB aligned, base and size in bytes */
    uint64_t image_size;
    uint64_t heap_base;
    uint64_t heap_size;
};

extern struct memory_layout memory_layout;

struct layout_span {
    uint64_t base; /* bytes */
    uint64_t size; /* bytes */
};

enum {
    LAYOUT_MAX_SPANS = 160 /* RAM spans; more than multiboot's ranges and modules together can give */
};

/*
 * RAM of a machine, from its boot information: ascending spans in whole 4 KiB pages, neighbours merged, that do not
 * overlap. Available, ACPI and NVS memory and what modules occupy count as RAM. Pure; returns the number of spans
 * written, at most LAYOUT_MAX_SPANS.
 */
size_t layout_collect_ram(const struct boot_info *info, struct layout_span *out);

/*
 * Highest 2 MiB aligned base for `size` bytes in available RAM from 1 MiB to 4 GiB that overlaps none of the `count`
 * spans in `blocked`. Pure; returns 0 if there is no such place.
 */
uint64_t layout_choose_heap(const struct boot_info *info, const struct layout_span *blocked, size_t count,
                            uint64_t size);

/*
 * Fills memory_layout: image at physical `image_base`, and a heap of `heap_size` bytes. `mbi_base`/`mbi_size` is where
 * the boot information itself lies. Stops the machine with a sentence if there is no room for the heap.
 */
void layout_init(const struct boot_info *info, uint64_t image_base, uint64_t mbi_base, uint64_t mbi_size,
                 uint64_t heap_size);

/* The RAM spans that layout_init found, ascending. */
size_t layout_ram_spans(const struct layout_span **out);

/* All of [pa, pa + size) is RAM (the hypervisor's own included). size 0 or a range that wraps: false. */
bool layout_is_ram(uint64_t pa, uint64_t size);

/* Some of [pa, pa + size) is the hypervisor's image or heap. A range that wraps: true. */
bool layout_is_hypervisor(uint64_t pa, uint64_t size);

/* First physical address above all RAM. */
uint64_t layout_ram_top(void);

/* A free run of `pages` pages of available RAM below 1 MiB, the highest, never page 0; 0 if there is none. */
uint64_t layout_low_pages(const struct boot_info *info, size_t pages);

/* Physical address of an object in the hypervisor's image. */
uint64_t layout_image_pa(const void *object);
