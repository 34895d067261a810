/* SPDX-License-Identifier: MIT */
/*
 * Entries of extended page tables (SDM vol. 3C, tables 29-1 to 29-7), for the files that work on them:
 * vmm/memory/ept*.c.
 *
 * Bits 11, 59 and 62 are ignored by every processor in every entry, whatever its controls. In a leaf they say: writes
 * are tracked, the flags allow writes, written since the last query. A tracked leaf has its write right only while it
 * is dirty. In an entry that refers to a table, the first and the last sum up what is below it: everything there is
 * mapped and tracked; something there is dirty.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/direct_map.h"
#include "kernel/memory/page.h"
#include "vmm/memory/ept.h"

#define ENTRIES 512u
#define TOP_LEVEL 4u /* level 1 has the 4 KiB leaves */

#define ENTRY_RIGHTS 7ull /* an entry is present if any of them is set (29.3.2) */
#define ENTRY_TYPE_SHIFT 3u
#define ENTRY_TYPE (7ull << ENTRY_TYPE_SHIFT)
#define ENTRY_LARGE (1ull << 7)
#define ENTRY_ADDRESS 0x000ffffffffff000ull
#define ENTRY_TRACKED (1ull << 11)
#define ENTRY_MAY_WRITE (1ull << 59) /* tracked leaves only */
#define ENTRY_DIRTY (1ull << 62)

static inline unsigned level_shift(unsigned level)
{
    return 12 + 9 * (level - 1);
}

static inline uint64_t level_size(unsigned level)
{
    return 1ull << level_shift(level);
}

static inline bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 1 || (entry & ENTRY_LARGE) != 0;
}

static inline bool is_present(uint64_t entry)
{
    return (entry & ENTRY_RIGHTS) != 0;
}

static inline uint64_t *table_of(uint64_t entry)
{
    return phys_to_virt(entry & ENTRY_ADDRESS);
}

static inline uint64_t read_entry(const uint64_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

/* Release: what the new value leads to is visible to every walker before the value is. */
static inline void write_entry(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static inline void count_leaf(struct ept *ept, unsigned level, uint64_t by)
{
    uint64_t *count = level == 1 ? &ept->leaf_4k : level == 2 ? &ept->leaf_2m : &ept->leaf_1g;
    *count += by;
}

static inline bool ept_check_range(uint64_t address, uint64_t size, uint64_t limit)
{
    return (address | size) % PAGE_SIZE == 0 && size != 0 && address < limit && size <= limit - address;
}

/* Entries of the table that maps from `base` on which [start, end) touches: *first to, not including, the result. */
static inline unsigned ept_touched(uint64_t start, uint64_t end, unsigned level, uint64_t base, unsigned *first)
{
    uint64_t skip = start > base ? (start - base) >> level_shift(level) : 0;
    uint64_t last = (end - 1 - base) >> level_shift(level);
    *first = (unsigned)skip;
    return last < ENTRIES ? (unsigned)last + 1 : ENTRIES;
}

/* vmm/memory/ept_retired.c: a table of this level that is linked no more, and all tables below it. */
void ept_retire_tree(struct ept *ept, unsigned level, uint64_t *table, struct ept_retired *retired);

/* A mask of enum ept_rights that an entry can have. */
static inline bool ept_check_rights(const struct ept *ept, uint64_t rights)
{
    uint64_t access = rights & ENTRY_RIGHTS;
    if ((rights & ~(uint64_t)EPT_ALL_RIGHTS) != 0) {
        return false;
    }
    return (access & EPT_READ) != 0 || (access == EPT_EXECUTE && ept->execute_only);
}

/* vmm/memory/ept_protect.c. Rights and tracking of a clean leaf, as bits of its entry; and back. */
uint64_t ept_leaf_bits(unsigned rights);
unsigned ept_leaf_rights(uint64_t entry);

/* The entry that refers to a table, with the sums of what is in it. */
uint64_t ept_table_entry(const struct ept *ept, const uint64_t *table);

/* Fills a zeroed page with the leaves that a present large leaf of `level` stands for. */
void ept_fill_split(struct ept *ept, unsigned level, uint64_t leaf, uint64_t *table);

/* Puts a table, made of a zeroed page, in the place of a present large leaf. */
void ept_split(struct ept *ept, unsigned level, uint64_t *entry, uint64_t *page);
