/* SPDX-License-Identifier: MIT */
/* Pages of the root's own memory: the machine's free RAM by the hand-off. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/handoff.h"

#define ROOT_PAGE 4096ull

void memory_init(const struct whb_handoff *handoff);

/* `pages` zeroed pages whose address is a multiple of `alignment` (a power of two, at least a page). NULL: none left.
 */
void *root_alloc_pages(size_t pages, size_t alignment);

/* Takes back one block of root_alloc_pages; blocks of one page are used again, larger ones are not. */
void root_free_page(void *page);

/* A page below 1 MiB for the start of other CPUs; 0: none. */
uint64_t memory_low_page(void);
