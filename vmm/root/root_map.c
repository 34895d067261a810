/* SPDX-License-Identifier: MIT */
#include "vmm/root/root_map.h"

#define PAGE_MASK 4095ull

bool root_map_take(struct root_map *map, uint64_t base, uint64_t size, enum whb_memory_type type)
{
    uint64_t start = base & ~PAGE_MASK, end = (base + size + PAGE_MASK) & ~PAGE_MASK;
    size_t at = 0;
    if (size == 0) {
        return true;
    }
    while (at < map->count && map->taken[at].base < start) {
        at++;
    }
    bool meets_lower = at > 0 && map->taken[at - 1].base + map->taken[at - 1].size > start;
    bool meets_upper = at < map->count && map->taken[at].base < end;
    if (map->count == ROOT_MAP_MAX_TAKEN || meets_lower || meets_upper) {
        return false;
    }
    for (size_t i = map->count; i > at; i--) {
        map->taken[i] = map->taken[i - 1];
    }
    map->taken[at] = (struct whb_memory_range){start, end - start, type, 0};
    map->count++;
    return true;
}

/* The first taken piece that reaches into [base, end), or NULL. */
static const struct whb_memory_range *first_meeting(const struct root_map *map, uint64_t base, uint64_t end)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct whb_memory_range *t = &map->taken[i];
        if (t->base < end && t->base + t->size > base) {
            return t;
        }
    }
    return NULL;
}

static uint64_t find_in_range(const struct root_map *map, uint64_t base, uint64_t end, uint64_t size,
                              uint64_t alignment)
{
    for (;;) {
        uint64_t at = (base + alignment - 1) & ~(alignment - 1);
        if (at < base || at >= end || size > end - at) {
            return 0;
        }
        const struct whb_memory_range *t = first_meeting(map, at, at + size);
        if (t == NULL) {
            return at;
        }
        base = t->base + t->size;
    }
}

uint64_t root_map_find(const struct root_map *map, const struct memory_range *ranges, size_t count, uint64_t floor,
                       uint64_t size, uint64_t alignment)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t base = ranges[i].base < floor ? floor : ranges[i].base, end = ranges[i].base + ranges[i].size;
        if (ranges[i].type != MEMORY_AVAILABLE || base >= end) {
            continue;
        }
        uint64_t at = find_in_range(map, base, end, size, alignment);
        if (at != 0) {
            return at;
        }
    }
    return 0;
}

bool root_map_is_free(const struct root_map *map, const struct memory_range *ranges, size_t count, uint64_t base,
                      uint64_t size)
{
    for (size_t i = 0; i < count; i++) {
        const struct memory_range *r = &ranges[i];
        if (r->type == MEMORY_AVAILABLE && base >= r->base && base - r->base < r->size &&
            size <= r->size - (base - r->base)) {
            return first_meeting(map, base, base + size) == NULL;
        }
    }
    return false;
}

bool root_map_describe(const struct root_map *map, const struct memory_range *ranges, size_t count,
                       struct whb_memory_range *out, size_t max, uint32_t *out_count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t at = ranges[i].base, end = at + ranges[i].size;
        while (at < end) {
            const struct whb_memory_range *t = first_meeting(map, at, end);
            bool inside = t != NULL && t->base <= at;
            uint64_t stop = t == NULL ? end : inside ? t->base + t->size : t->base;
            stop = stop > end ? end : stop;
            if (n == max) {
                return false;
            }
            out[n++] = (struct whb_memory_range){at, stop - at, inside ? t->type : ranges[i].type, 0};
            at = stop;
        }
    }
    *out_count = (uint32_t)n;
    return true;
}
