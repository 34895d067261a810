/* SPDX-License-Identifier: MIT */
/* Dirty tracking by write protection. A sum in an entry may only claim too much dirt, never too little. */
#include <stddef.h>

#include "kernel/memory/page_alloc.h"
#include "vmm/memory/ept_entry.h"

struct query {
    struct ept *ept;
    uint64_t start, end;
    uint64_t *bitmap; /* of [start, end), or NULL */
    uint64_t found;   /* pages */
};

static bool is_tracked(const struct query *q, unsigned level, const uint64_t *table, uint64_t base)
{
    unsigned i, end = ept_touched(q->start, q->end, level, base, &i);
    for (; i < end; i++) {
        uint64_t gpa = base + i * level_size(level);
        bool whole = gpa >= q->start && q->end - gpa >= level_size(level);
        if ((table[i] & ENTRY_TRACKED) != 0) {
            continue;
        }
        if (whole || !is_present(table[i]) || is_leaf(table[i], level) ||
            !is_tracked(q, level - 1, table_of(table[i]), gpa)) {
            return false;
        }
    }
    return true;
}

/* The pages of the range in a dirty leaf. */
static void report(struct query *q, uint64_t gpa, uint64_t size)
{
    uint64_t from = gpa > q->start ? gpa : q->start;
    uint64_t to = q->end - gpa < size ? q->end : gpa + size;
    for (uint64_t at = from; q->bitmap != NULL && at < to; at += PAGE_SIZE) {
        uint64_t page = (at - q->start) / PAGE_SIZE;
        q->bitmap[page / 64] |= 1ull << (page % 64);
    }
    q->found += (to - from) / PAGE_SIZE;
}

static void collect(struct query *q, unsigned level, uint64_t *table, uint64_t base)
{
    unsigned i, end = ept_touched(q->start, q->end, level, base, &i);
    for (; i < end; i++) {
        if ((table[i] & ENTRY_DIRTY) == 0) {
            continue;
        }
        uint64_t gpa = base + i * level_size(level);
        bool whole = gpa >= q->start && q->end - gpa >= level_size(level);
        if (!is_leaf(table[i], level)) {
            uint64_t *below = table_of(table[i]);
            collect(q, level - 1, below, gpa);
            write_entry(&table[i], whole ? table[i] & ~ENTRY_DIRTY : ept_table_entry(q->ept, below));
            continue;
        }
        report(q, gpa, level_size(level));
        if (whole) {
            write_entry(&table[i], table[i] & ~(ENTRY_DIRTY | EPT_WRITE));
        }
    }
}

enum ept_status ept_query_dirty(struct ept *ept, uint64_t gpa, uint64_t size, uint64_t *bitmap, uint64_t *count)
{
    if (!ept_check_range(gpa, size, EPT_ADDRESS_LIMIT)) {
        return EPT_INVALID;
    }
    struct query q = {.ept = ept, .start = gpa, .end = gpa + size, .bitmap = bitmap};
    uint64_t *top = table_of(ept->pml4);
    if (!is_tracked(&q, TOP_LEVEL, top, 0)) {
        return EPT_NOT_MAPPED;
    }
    for (uint64_t i = 0; bitmap != NULL && i < (size / PAGE_SIZE + 63) / 64; i++) {
        bitmap[i] = 0;
    }
    collect(&q, TOP_LEVEL, top, 0);
    *count += q.found;
    return EPT_OK;
}

/* False: it stays a leaf. */
static bool split_for_write(struct ept *ept, unsigned level, uint64_t *entry)
{
    uint64_t *page = level > 1 && (*entry & ENTRY_DIRTY) == 0 ? page_alloc_for(ept->account, PAGE_USE_EPT) : NULL;
    if (page == NULL) {
        return false;
    }
    ept_split(ept, level, entry, page);
    return true;
}

enum ept_dirtied ept_mark_dirty(struct ept *ept, uint64_t gpa)
{
    struct ept_leaf leaf;
    if (!ept_lookup(ept, gpa, &leaf) || (leaf.rights & EPT_TRACK) == 0 || (leaf.rights & EPT_WRITE) == 0) {
        return EPT_DIRTY_REFUSED;
    }
    uint64_t *table = table_of(ept->pml4), *path[TOP_LEVEL + 1], *entry;
    unsigned level = TOP_LEVEL;
    for (;; level--) {
        entry = &table[(gpa >> level_shift(level)) % ENTRIES];
        if (is_leaf(*entry, level) && !split_for_write(ept, level, entry)) {
            break;
        }
        path[level] = entry;
        table = table_of(*entry);
    }
    write_entry(entry, *entry | ENTRY_DIRTY | EPT_WRITE);
    for (unsigned above = level + 1; above <= TOP_LEVEL; above++) {
        write_entry(path[above], *path[above] | ENTRY_DIRTY);
    }
    return level > 1 ? EPT_DIRTY_WHOLE : EPT_DIRTY_DONE;
}
