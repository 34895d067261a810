/* SPDX-License-Identifier: MIT */
#include "kernel/memory/memory_map.h"

#include "kernel/memory/page.h"

struct span {
    uint64_t start, end;
};

/* Higher is more restrictive; 0 is no memory at all. */
static unsigned int rank_of(uint32_t type)
{
    switch (type) {
    case MEMORY_AVAILABLE:
        return 1;
    case MEMORY_ACPI:
        return 2;
    case MEMORY_NVS:
        return 3;
    case MEMORY_BAD:
        return 5;
    default:
        return 4;
    }
}

static uint32_t type_of_rank(unsigned int rank)
{
    static const uint32_t types[] = {0, MEMORY_AVAILABLE, MEMORY_ACPI, MEMORY_NVS, MEMORY_RESERVED, MEMORY_BAD};
    return types[rank];
}

static uint64_t min_address(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The pages a range stands for; an empty span if none. */
static struct span pages_of(const struct memory_range *range)
{
    struct span span = {0, 0};
    uint64_t end;

    if (range->size == 0 || range->base >= MEMORY_ADDRESS_END) {
        return span;
    }
    if (__builtin_add_overflow(range->base, range->size, &end)) {
        if (range->type == MEMORY_AVAILABLE) {
            return span;
        }
        end = MEMORY_ADDRESS_END;
    }
    end = min_address(end, MEMORY_ADDRESS_END);
    if (range->type == MEMORY_AVAILABLE) {
        span = (struct span){page_round_up(range->base), page_round_down(end)};
    } else {
        span = (struct span){page_round_down(range->base), page_round_up(end)};
    }
    return span.start < span.end ? span : (struct span){0, 0};
}

/* The lowest start or end of a range above `address`, MEMORY_ADDRESS_END if there is none. */
static uint64_t next_boundary(const struct memory_range *raw, size_t count, uint64_t address)
{
    uint64_t next = MEMORY_ADDRESS_END;

    for (size_t i = 0; i < count; i++) {
        struct span span = pages_of(&raw[i]);
        if (span.start > address) {
            next = min_address(next, span.start);
        } else if (span.end > address) {
            next = min_address(next, span.end);
        }
    }
    return next;
}

static unsigned int highest_rank_at(const struct memory_range *raw, size_t count, uint64_t address)
{
    unsigned int rank = 0;

    for (size_t i = 0; i < count; i++) {
        struct span span = pages_of(&raw[i]);
        if (span.start <= address && address < span.end && rank_of(raw[i].type) > rank) {
            rank = rank_of(raw[i].type);
        }
    }
    return rank;
}

bool memory_map_normalise(const struct memory_range *raw, size_t raw_count, struct memory_range *out, size_t out_max,
                          size_t *out_count)
{
    size_t count = 0;
    uint64_t next;

    /* Between two boundaries the set of ranges that cover an address does not change. */
    for (uint64_t start = 0; start < MEMORY_ADDRESS_END; start = next) {
        next = next_boundary(raw, raw_count, start);
        uint32_t type = type_of_rank(highest_rank_at(raw, raw_count, start));
        if (type == 0) {
            continue;
        }
        if (count > 0 && out[count - 1].type == type && out[count - 1].base + out[count - 1].size == start) {
            out[count - 1].size += next - start;
            continue;
        }
        if (count == out_max) {
            return false;
        }
        out[count++] = (struct memory_range){.base = start, .size = next - start, .type = type};
    }
    *out_count = count;
    return true;
}
