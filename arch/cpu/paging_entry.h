/* SPDX-License-Identifier: MIT */
/* Format of the processor's own 4-level page tables (SDM vol. 3A, 4.5). */
#pragma once

#include <stdint.h>

#define PTE_PRESENT (1ull << 0)
#define PTE_WRITE (1ull << 1)
#define PTE_USER (1ull << 2)
#define PTE_PWT (1ull << 3)
#define PTE_PCD (1ull << 4)
#define PTE_LARGE (1ull << 7) /* levels 2 and 3 */
#define PTE_GLOBAL (1ull << 8)
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

#define PTE_TABLE_ENTRIES 512u
#define PTE_TOP_LEVEL 4u /* level 1 has the 4 KiB leaves */

/* Bytes that one entry of a level maps, as a power of two. */
static inline unsigned pte_shift(unsigned level)
{
    return 12 + 9 * (level - 1);
}

static inline unsigned pte_index(uintptr_t va, unsigned level)
{
    return (va >> pte_shift(level)) & (PTE_TABLE_ENTRIES - 1);
}
