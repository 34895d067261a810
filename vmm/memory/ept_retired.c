/* SPDX-License-Identifier: MIT */
/*
 * Tables that a change took out. They are chained through bits 56:52 of their first eight entries, which processors
 * ignore in all entries: a processor that still walks such a table finds its translations unharmed.
 */
#include "kernel/memory/page_alloc.h"
#include "vmm/memory/ept_entry.h"

#define LINK_ENTRIES 8u
#define LINK_BITS 5u
#define LINK_SHIFT 52u
#define LINK_MASK ((1ull << LINK_BITS) - 1)

static void push(struct ept_retired *retired, uint64_t *table)
{
    for (unsigned i = 0; i < LINK_ENTRIES; i++) {
        uint64_t part = (retired->head >> (12 + i * LINK_BITS)) & LINK_MASK;
        write_entry(&table[i], (table[i] & ~(LINK_MASK << LINK_SHIFT)) | (part << LINK_SHIFT));
    }
    retired->head = virt_to_phys(table);
}

static uint64_t link_of(const uint64_t *table)
{
    uint64_t link = 0;
    for (unsigned i = 0; i < LINK_ENTRIES; i++) {
        link |= ((table[i] >> LINK_SHIFT) & LINK_MASK) << (12 + i * LINK_BITS);
    }
    return link;
}

void ept_retired_free(struct ept_retired *retired)
{
    while (retired->head != 0) {
        uint64_t *table = phys_to_virt(retired->head);
        retired->head = link_of(table);
        page_free(table, PAGE_USE_EPT);
    }
}

/* Collects an unlinked table of the level and all tables below it. */
void ept_retire_tree(struct ept *ept, unsigned level, uint64_t *table, struct ept_retired *retired)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (!is_present(table[i])) {
            continue;
        }
        if (is_leaf(table[i], level)) {
            count_leaf(ept, level, -1ull);
        } else {
            ept_retire_tree(ept, level - 1, table_of(table[i]), retired);
        }
    }
    push(retired, table);
    ept->tables--;
}
