/* SPDX-License-Identifier: MIT */
/* The memory map that the root is told: the machine's, with what is taken marked. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/handoff.h"
#include "kernel/memory/memory_map.h"

#define ROOT_MAP_MAX_TAKEN 24u

/* Memory that is taken, page aligned, and for what. */
struct root_map {
    size_t count;
    struct whb_memory_range taken[ROOT_MAP_MAX_TAKEN]; /* ascending, not overlapping */
};

/* Adds a piece, widened to whole pages. False: no room in the list, or it overlaps a piece that is there. */
bool root_map_take(struct root_map *map, uint64_t base, uint64_t size, enum whb_memory_type type);

/* The lowest `alignment`-aligned free place for `size` bytes in available memory at or above `floor`; 0: none. */
uint64_t root_map_find(const struct root_map *map, const struct memory_range *ranges, size_t count, uint64_t floor,
                       uint64_t size, uint64_t alignment);

/* Whether [base, base + size) is available memory and free. */
bool root_map_is_free(const struct root_map *map, const struct memory_range *ranges, size_t count, uint64_t base,
                      uint64_t size);

/* The machine's ranges with the taken pieces cut out of them and given their own type. False: more than `max`. */
bool root_map_describe(const struct root_map *map, const struct memory_range *ranges, size_t count,
                       struct whb_memory_range *out, size_t max, uint32_t *out_count);
