/* SPDX-License-Identifier: MIT */
#include "vmm/memory/extent_list.h"

#include <stdbool.h>

#define PAGE 4096u
#define NUMBERS ((1ull << 52) - PAGE) /* bits that addresses and sizes may have; sums of two do not wrap */
#define FLAGS (WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_EXECUTE | WHB_MAP_TRACK_DIRTY)

static inline bool overlaps(uint64_t base, uint64_t end, const struct extent_span *s)
{
    return base < s->end && end > s->base;
}

/* Numbers that are no whole pages or too large, and unknown flags, are found in all extents together, at the end. */
enum extent_verdict extent_list_check(const struct whb_extent *extents, uint32_t count, const struct extent_limits *l,
                                      uint64_t *bytes)
{
    uint64_t before = 0, numbers = 0, any_flags = 0, all_flags = WHB_MAP_READ, sum = 0;
    for (const struct whb_extent *e = extents; e < extents + count; e++) {
        uint64_t pa_end = e->pa + e->size;
        if (e->gpa < before || e->size == 0 || pa_end > l->pa) {
            return EXTENTS_INVALID;
        }
        before = e->gpa + e->size;
        if (overlaps(e->pa, pa_end, &l->hypervisor[0]) || overlaps(e->pa, pa_end, &l->hypervisor[1]) ||
            overlaps(e->gpa, before, &l->apic)) {
            return EXTENTS_DENIED;
        }
        numbers |= e->gpa | e->pa | e->size;
        any_flags |= e->flags;
        all_flags &= e->flags;
        sum += e->size;
    }
    *bytes = sum;
    bool good = (numbers & ~NUMBERS) == 0 && before <= l->gpa && (any_flags & ~(uint64_t)FLAGS) == 0 && all_flags != 0;
    return good ? EXTENTS_GOOD : EXTENTS_INVALID;
}

/* Bytes of the largest leaf that can begin an extent that has got so far. */
static inline uint64_t leaf_size(const struct whb_extent *e, uint64_t done)
{
    const uint64_t large = 1ull << 21, huge = 1ull << 30;
    uint64_t at = (e->gpa + done) | (e->pa + done), left = e->size - done;
    if ((at & (large - 1)) != 0 || left < large) {
        return PAGE;
    }
    return (at & (huge - 1)) == 0 && left >= huge ? huge : large;
}

uint32_t extent_list_piece(struct whb_extent *extents, uint32_t count, uint64_t *bytes)
{
    uint32_t left = WHB_MAP_LEAVES;
    *bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t done = 0;
        do {
            if (left == 0) {
                extents[i].size = done;
                return i + (done != 0);
            }
            uint64_t leaf = leaf_size(&extents[i], done);
            done += leaf;
            *bytes += leaf;
            left--;
        } while (done < extents[i].size);
    }
    return count;
}
