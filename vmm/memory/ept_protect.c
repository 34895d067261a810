/* SPDX-License-Identifier: MIT */
/* Rights of leaves, and their change. A change only ever splits the leaves that its two ends cut. */
#include <stddef.h>

#include "kernel/debug/panic.h"
#include "kernel/memory/page_alloc.h"
#include "vmm/memory/ept_entry.h"

#define SPLITS_MAX 4u /* each end cuts at most a 1 GiB leaf and a 2 MiB piece of it */

uint64_t ept_leaf_bits(unsigned rights)
{
    if ((rights & EPT_TRACK) == 0) {
        return rights;
    }
    uint64_t access = rights & (EPT_READ | EPT_EXECUTE);
    return access | ENTRY_TRACKED | ((rights & EPT_WRITE) != 0 ? ENTRY_MAY_WRITE : 0);
}

unsigned ept_leaf_rights(uint64_t entry)
{
    unsigned rights = (unsigned)(entry & ENTRY_RIGHTS);
    if ((entry & ENTRY_TRACKED) == 0) {
        return rights;
    }
    return rights | EPT_TRACK | ((entry & ENTRY_MAY_WRITE) != 0 ? EPT_WRITE : 0u);
}

uint64_t ept_table_entry(const struct ept *ept, const uint64_t *table)
{
    uint64_t entry = virt_to_phys(table) | ENTRY_RIGHTS;
    if (!ept->tracking) {
        return entry;
    }
    uint64_t all = ENTRY_TRACKED, any = 0;
    for (unsigned i = 0; i < ENTRIES && (all != 0 || any == 0); i++) {
        all &= table[i];
        any |= table[i] & ENTRY_DIRTY;
    }
    return entry | all | any;
}

void ept_fill_split(struct ept *ept, unsigned level, uint64_t leaf, uint64_t *table)
{
    uint64_t piece = level == 2 ? leaf & ~ENTRY_LARGE : leaf;
    for (unsigned i = 0; i < ENTRIES; i++) {
        table[i] = piece + i * level_size(level - 1);
    }
    count_leaf(ept, level, -1ull);
    count_leaf(ept, level - 1, ENTRIES);
}

/* Leaves that must be split so that `at` is between two; they contain it. Adds to *count those not counted yet. */
static void count_splits(const struct ept *ept, uint64_t at, uint64_t *bases, uint64_t *sizes, unsigned *count)
{
    struct ept_leaf leaf;
    if (at >= EPT_ADDRESS_LIMIT || !ept_lookup(ept, at, &leaf)) {
        return;
    }
    for (uint64_t size = leaf.size; at % size != 0; size >>= 9) {
        uint64_t base = at & ~(size - 1);
        unsigned i = 0;
        while (i < *count && (bases[i] != base || sizes[i] != size)) {
            i++;
        }
        if (i == *count) {
            bases[i] = base;
            sizes[i] = size;
            ++*count;
        }
    }
}

void ept_split(struct ept *ept, unsigned level, uint64_t *entry, uint64_t *page)
{
    ept_fill_split(ept, level, *entry, page);
    ept->tables++;
    write_entry(entry, ept_table_entry(ept, page));
}

static bool reserve_pages(uint32_t account, uint64_t **pages, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pages[i] = page_alloc_for(account, PAGE_USE_EPT);
        if (pages[i] == NULL) {
            while (i > 0) {
                page_free(pages[--i], PAGE_USE_EPT);
            }
            return false;
        }
    }
    return true;
}

struct protection {
    struct ept *ept;
    uint64_t start, end;
    unsigned rights;
    uint64_t *pages[SPLITS_MAX];
    unsigned left; /* pages not used yet */
};

static uint64_t *take_page(struct protection *p)
{
    uint64_t *page = p->left != 0 ? p->pages[--p->left] : NULL;
    if (page == NULL) {
        panic("a change of rights splits more pages than it counted");
    }
    return page;
}

static uint64_t protected_leaf(const struct protection *p, uint64_t old)
{
    const uint64_t replaced = ENTRY_RIGHTS | ENTRY_TRACKED | ENTRY_MAY_WRITE | ENTRY_DIRTY;
    uint64_t bits = ept_leaf_bits(p->rights);
    if ((p->rights & EPT_TRACK) != 0 && (old & ENTRY_DIRTY) != 0) {
        bits |= ENTRY_DIRTY | (p->rights & EPT_WRITE);
    }
    return (old & ~replaced) | bits;
}

static void protect(struct protection *p, unsigned level, uint64_t *table, uint64_t base)
{
    unsigned i, end = ept_touched(p->start, p->end, level, base, &i);
    for (; i < end; i++) {
        uint64_t gpa = base + i * level_size(level);
        bool whole = gpa >= p->start && p->end - gpa >= level_size(level);
        if (is_leaf(table[i], level) && whole) {
            write_entry(&table[i], protected_leaf(p, table[i]));
            continue;
        }
        if (is_leaf(table[i], level)) {
            ept_split(p->ept, level, &table[i], take_page(p));
        }
        protect(p, level - 1, table_of(table[i]), gpa);
        write_entry(&table[i], ept_table_entry(p->ept, table_of(table[i])));
    }
}

enum ept_status ept_protect(struct ept *ept, uint64_t gpa, uint64_t size, unsigned rights)
{
    if (!ept_check_range(gpa, size, EPT_ADDRESS_LIMIT) || !ept_check_rights(ept, rights)) {
        return EPT_INVALID;
    }
    if (!ept_is_mapped(ept, gpa, size)) {
        return EPT_NOT_MAPPED;
    }
    struct protection p = {.ept = ept, .start = gpa, .end = gpa + size, .rights = rights};
    uint64_t bases[SPLITS_MAX], sizes[SPLITS_MAX];
    count_splits(ept, p.start, bases, sizes, &p.left);
    count_splits(ept, p.end, bases, sizes, &p.left);
    if (!reserve_pages(ept->account, p.pages, p.left)) {
        return EPT_OUT_OF_MEMORY;
    }
    ept->tracking = ept->tracking || (rights & EPT_TRACK) != 0;
    protect(&p, TOP_LEVEL, table_of(ept->pml4), 0);
    return EPT_OK;
}
