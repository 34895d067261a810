/* SPDX-License-Identifier: MIT */
/* The unit of memory management. */
#pragma once

#include <stdint.h>

#define PAGE_SIZE 4096u

static inline uint64_t page_round_down(uint64_t address)
{
    return address - address % PAGE_SIZE;
}

/* `address` must be at most 2^64 - PAGE_SIZE. */
static inline uint64_t page_round_up(uint64_t address)
{
    return page_round_down(address + (PAGE_SIZE - 1));
}
