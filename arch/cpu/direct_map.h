/* SPDX-License-Identifier: MIT */
/*
 * The direct map: all RAM, readable and writable, never executable, at one virtual offset. The hypervisor's own code
 * and constants are left out of it (kernel/memory/paging.h), so touch only RAM (layout_is_ram) through these pointers.
 */
#pragma once

#include <stdint.h>

#if __STDC_HOSTED__
/* Host tests point this at a buffer that plays the part of physical address 0. */
extern uintptr_t direct_map_base;
#else
#define direct_map_base ((uintptr_t)0xffff800000000000)
#endif

/* RAM at or above this physical address is not mapped and not used (64 TiB). */
#define DIRECT_MAP_SIZE (1ull << 46)

static inline void *phys_to_virt(uint64_t pa)
{
    return (void *)(direct_map_base + pa);
}

/* p must be a pointer into the direct map: what phys_to_virt or page_alloc returned, not the image or a stack. */
static inline uint64_t virt_to_phys(const void *p)
{
    return (uint64_t)((uintptr_t)p - direct_map_base);
}
