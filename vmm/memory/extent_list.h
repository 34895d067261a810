/* SPDX-License-Identifier: MIT */
/* Lists of extents that the root gives: whether they may be mapped, and how much of one at once. Pure. */
#pragma once

#include <stdint.h>

#include "abi/hypercall.h"

struct extent_span {
    uint64_t base, end; /* end: the first address behind it */
};

struct extent_limits {
    uint64_t gpa, pa; /* first address that is too high; at most 2^52 */
    struct extent_span hypervisor[2];
    struct extent_span apic; /* guest-physical: no memory can be there; empty if there is nothing */
};

enum extent_verdict {
    EXTENTS_GOOD,
    EXTENTS_INVALID, /* not whole pages, none, not ascending, overlapping, too high, or flags that are not known */
    EXTENTS_DENIED,  /* the hypervisor's memory, or the page of a local APIC */
};

/* `*bytes`: the sum of their sizes, if they are good. If several things are wrong, one of them is told. */
enum extent_verdict extent_list_check(const struct whb_extent *extents, uint32_t count,
                                      const struct extent_limits *limits, uint64_t *bytes);

/*
 * No call may take long: returns how many of the extents, which are good, from the first on, need no more than
 * WHB_MAP_LEAVES entries of page tables if memory has one type. The last of these is shortened to what fits, at least
 * one page. `*bytes`: of all these.
 */
uint32_t extent_list_piece(struct whb_extent *extents, uint32_t count, uint64_t *bytes);
