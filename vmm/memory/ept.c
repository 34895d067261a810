/* SPDX-License-Identifier: MIT */
/*
 * One recursion over the entries that a change touches, done twice: first to reserve a page for each table that will be
 * needed, then to act. Formats of the entries: SDM vol. 3C, tables 29-1 to 29-7.
 */
#include "vmm/memory/ept.h"

#include <stddef.h>

#include "kernel/debug/panic.h"
#include "kernel/memory/page_alloc.h"
#include "vmm/memory/ept_entry.h"

#define TYPE_UC 0u
#define TYPE_WB 6u
#define POINTER_LEVELS ((TOP_LEVEL - 1ull) << 3)
#define POINTER_ACCESSED_DIRTY (1ull << 6)

/*
 * Unlinked tables are chained through bits 56:52 of their first eight entries, which processors ignore in all entries:
 * a processor that still walks such a table finds its translations unharmed.
 */
#define LINK_ENTRIES 8u
#define LINK_BITS 5u
#define LINK_SHIFT 52u
#define LINK_MASK ((1ull << LINK_BITS) - 1)

struct change {
    struct ept *ept;
    uint64_t start, end; /* guest-physical */
    bool unmap;
    uint64_t hpa, rights; /* what `start` is mapped to; rights as ept_leaf_bits has them */
    ept_memory_type_fn memory_type;
    void *ctx;
    uint64_t same_from, same_to; /* host memory that is known to have one memory type */
    uint8_t same_type;
    uint64_t pool; /* reserved pages, chained through their first words; 0: none */
    struct ept_garbage *garbage;
};

static void garbage_push(struct ept_garbage *garbage, uint64_t *table)
{
    for (unsigned i = 0; i < LINK_ENTRIES; i++) {
        uint64_t part = (garbage->head >> (12 + i * LINK_BITS)) & LINK_MASK;
        write_entry(&table[i], (table[i] & ~(LINK_MASK << LINK_SHIFT)) | (part << LINK_SHIFT));
    }
    garbage->head = virt_to_phys(table);
}

static uint64_t garbage_link(const uint64_t *table)
{
    uint64_t link = 0;
    for (unsigned i = 0; i < LINK_ENTRIES; i++) {
        link |= ((table[i] >> LINK_SHIFT) & LINK_MASK) << (12 + i * LINK_BITS);
    }
    return link;
}

void ept_garbage_free(struct ept_garbage *garbage)
{
    while (garbage->head != 0) {
        uint64_t *table = phys_to_virt(garbage->head);
        garbage->head = garbage_link(table);
        page_free(table, PAGE_USE_EPT);
    }
}

/* Collects an unlinked table of the level and all tables below it. */
static void discard_table(struct ept *ept, unsigned level, uint64_t *table, struct ept_garbage *garbage)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (!is_present(table[i])) {
            continue;
        }
        if (is_leaf(table[i], level)) {
            count_leaf(ept, level, -1ull);
        } else {
            discard_table(ept, level - 1, table_of(table[i]), garbage);
        }
    }
    garbage_push(garbage, table);
    ept->tables--;
}

bool ept_init(struct ept *ept, uint32_t account, bool huge_2m, bool huge_1g)
{
    uint64_t *top = page_alloc_for(account, PAGE_USE_EPT);
    *ept = (struct ept){.account = account, .huge_2m = huge_2m, .huge_1g = huge_1g};
    if (top == NULL) {
        return false;
    }
    ept->pml4 = virt_to_phys(top);
    ept->tables = 1;
    return true;
}

void ept_destroy(struct ept *ept)
{
    struct ept_garbage garbage = {0};
    if (ept->pml4 != 0) {
        discard_table(ept, TOP_LEVEL, phys_to_virt(ept->pml4), &garbage);
        ept_garbage_free(&garbage);
        ept->pml4 = 0;
    }
}

static bool pool_add(struct change *c)
{
    uint64_t *page = page_alloc_for(c->ept->account, PAGE_USE_EPT);
    if (page == NULL) {
        return false;
    }
    *page = c->pool;
    c->pool = virt_to_phys(page);
    return true;
}

static uint64_t *pool_take(struct change *c)
{
    if (c->pool == 0) {
        panic("a change of page tables needs more tables than it reserved");
    }
    uint64_t *page = phys_to_virt(c->pool);
    c->pool = *page;
    *page = 0;
    return page;
}

static void pool_free(struct change *c)
{
    while (c->pool != 0) {
        page_free(pool_take(c), PAGE_USE_EPT);
    }
}

static bool is_memory_type(uint8_t type)
{
    const uint32_t valid = (1u << 0) | (1u << 1) | (1u << 4) | (1u << 5) | (1u << 6);
    return type < 8 && ((valid >> type) & 1u) != 0;
}

/* The type of host memory, or EPT_TYPE_MIXED; an answer for a large block saves asking for each of its pages. */
static uint8_t memory_type(struct change *c, uint64_t hpa, uint64_t size)
{
    if (hpa < c->same_from || hpa >= c->same_to || size > c->same_to - hpa) {
        uint8_t type = c->memory_type(c->ctx, hpa, size);
        if (!is_memory_type(type)) {
            return size == PAGE_SIZE ? TYPE_UC : EPT_TYPE_MIXED;
        }
        c->same_from = hpa;
        c->same_to = hpa + size;
        c->same_type = type;
    }
    return c->same_type;
}

static bool leaf_allowed(const struct ept *ept, unsigned level)
{
    return level == 1 || (level == 2 && ept->huge_2m) || (level == 3 && ept->huge_1g);
}

/* True: the change gives this entry, which maps from `gpa` on, its final value, without a table below it. */
static bool final_value(struct change *c, unsigned level, uint64_t gpa, uint64_t *value)
{
    uint64_t size = level_size(level);
    if (gpa < c->start || c->end - gpa < size) {
        return false;
    }
    if (c->unmap) {
        *value = 0;
        return true;
    }
    uint64_t hpa = c->hpa + (gpa - c->start);
    if (!leaf_allowed(c->ept, level) || hpa % size != 0) {
        return false;
    }
    uint8_t type = memory_type(c, hpa, size);
    if (type == EPT_TYPE_MIXED) {
        return false;
    }
    *value = hpa | c->rights | ((uint64_t)type << ENTRY_TYPE_SHIFT) | (level > 1 ? ENTRY_LARGE : 0);
    return true;
}

/* An entry that maps nothing and is to map nothing needs neither a table nor a change. */
static bool stays_absent(const struct change *c, const uint64_t *table, unsigned i)
{
    return c->unmap && (table == NULL || !is_present(table[i]));
}

static unsigned touched_entries(const struct change *c, unsigned level, uint64_t base, unsigned *first)
{
    return ept_touched(c->start, c->end, level, base, first);
}

/* Asks once for all the memory that a new or changed table below an entry of this level will map. */
static void learn_memory_type(struct change *c, unsigned level, uint64_t gpa)
{
    if (!c->unmap) {
        uint64_t from = gpa > c->start ? gpa : c->start;
        uint64_t to = c->end - gpa < level_size(level) ? c->end : gpa + level_size(level);
        (void)memory_type(c, c->hpa + (from - c->start), to - from);
    }
}

/* Reserves the pages that act() will take. `table` is NULL for one that does not exist yet. False: out of memory. */
static bool reserve(struct change *c, unsigned level, const uint64_t *table, uint64_t base)
{
    unsigned i, end = touched_entries(c, level, base, &i);
    for (; level > 1 && i < end; i++) {
        uint64_t gpa = base + i * level_size(level), value;
        if (stays_absent(c, table, i) || final_value(c, level, gpa, &value)) {
            continue;
        }
        if (level == 3 && c->end - c->start > level_size(2)) {
            learn_memory_type(c, level, gpa);
        }
        const uint64_t *below = NULL;
        if (table != NULL && is_present(table[i]) && !is_leaf(table[i], level)) {
            below = table_of(table[i]);
        } else if (!pool_add(c)) {
            return false;
        }
        if (!reserve(c, level - 1, below, gpa)) {
            return false;
        }
    }
    return true;
}

static void replace(struct change *c, unsigned level, uint64_t *entry, uint64_t value)
{
    uint64_t old = *entry;
    write_entry(entry, value);
    if (is_present(value)) {
        count_leaf(c->ept, level, 1);
    }
    if (is_present(old) && is_leaf(old, level)) {
        count_leaf(c->ept, level, -1ull);
    } else if (is_present(old)) {
        discard_table(c->ept, level - 1, table_of(old), c->garbage);
    }
}

/* A table of the level below, not linked yet, that maps what `entry` mapped. */
static uint64_t *new_table(struct change *c, unsigned level, uint64_t entry)
{
    uint64_t *table = pool_take(c);
    c->ept->tables++;
    if (is_present(entry)) {
        ept_fill_split(c->ept, level, entry, table);
    }
    return table;
}

static bool is_empty(const uint64_t *table)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (is_present(table[i])) {
            return false;
        }
    }
    return true;
}

static void act(struct change *c, unsigned level, uint64_t *table, uint64_t base)
{
    unsigned i, end = touched_entries(c, level, base, &i);
    for (; i < end; i++) {
        uint64_t gpa = base + i * level_size(level), value;
        if (stays_absent(c, table, i)) {
            continue;
        }
        if (final_value(c, level, gpa, &value)) {
            replace(c, level, &table[i], value);
            continue;
        }
        if (level == 2) {
            learn_memory_type(c, level, gpa);
        }
        if (is_present(table[i]) && !is_leaf(table[i], level)) {
            uint64_t *below = table_of(table[i]);
            act(c, level - 1, below, gpa);
            if (c->unmap && is_empty(below)) {
                replace(c, level, &table[i], 0);
            } else {
                write_entry(&table[i], ept_table_entry(c->ept, below));
            }
        } else {
            uint64_t *below = new_table(c, level, table[i]);
            act(c, level - 1, below, gpa);
            write_entry(&table[i], ept_table_entry(c->ept, below));
        }
    }
}

static enum ept_status apply_change(struct change *c)
{
    if (!reserve(c, TOP_LEVEL, table_of(c->ept->pml4), 0)) {
        pool_free(c);
        return EPT_OUT_OF_MEMORY;
    }
    act(c, TOP_LEVEL, table_of(c->ept->pml4), 0);
    return EPT_OK;
}

enum ept_status ept_map(struct ept *ept, uint64_t gpa, uint64_t hpa, uint64_t size, unsigned rights,
                        ept_memory_type_fn type, void *ctx, struct ept_garbage *garbage)
{
    if (!ept_check_range(gpa, size, EPT_ADDRESS_LIMIT) || !ept_check_range(hpa, size, ENTRY_ADDRESS + PAGE_SIZE) ||
        !ept_check_rights(ept, rights)) {
        return EPT_INVALID;
    }
    struct change c = {
        .ept = ept,
        .start = gpa,
        .end = gpa + size,
        .hpa = hpa,
        .rights = ept_leaf_bits(rights),
        .memory_type = type,
        .ctx = ctx,
        .garbage = garbage,
    };
    ept->tracking = ept->tracking || (rights & EPT_TRACK) != 0;
    return apply_change(&c);
}

bool ept_is_mapped(const struct ept *ept, uint64_t gpa, uint64_t size)
{
    uint64_t end = gpa + size;
    while (gpa < end) {
        struct ept_leaf leaf;
        if (!ept_lookup(ept, gpa, &leaf)) {
            return false;
        }
        gpa = (gpa & ~(leaf.size - 1)) + leaf.size;
    }
    return true;
}

enum ept_status ept_unmap(struct ept *ept, uint64_t gpa, uint64_t size, struct ept_garbage *garbage)
{
    if (!ept_check_range(gpa, size, EPT_ADDRESS_LIMIT)) {
        return EPT_INVALID;
    }
    struct change c = {.ept = ept, .start = gpa, .end = gpa + size, .unmap = true, .garbage = garbage};
    return apply_change(&c);
}

bool ept_lookup(const struct ept *ept, uint64_t gpa, struct ept_leaf *out)
{
    if (gpa >= EPT_ADDRESS_LIMIT) {
        return false;
    }
    const uint64_t *table = table_of(ept->pml4);
    for (unsigned level = TOP_LEVEL; level > 0; level--) {
        uint64_t entry = read_entry(&table[(gpa >> level_shift(level)) % ENTRIES]);
        if (!is_present(entry)) {
            return false;
        }
        if (is_leaf(entry, level)) {
            *out = (struct ept_leaf){
                .hpa = entry & ENTRY_ADDRESS,
                .size = level_size(level),
                .rights = ept_leaf_rights(entry),
                .memory_type = (uint8_t)((entry & ENTRY_TYPE) >> ENTRY_TYPE_SHIFT),
            };
            return true;
        }
        table = table_of(entry);
    }
    return false; /* not reached: an entry of level 1 is a leaf */
}

uint64_t ept_pointer(const struct ept *ept, bool accessed_dirty)
{
    return ept->pml4 | TYPE_WB | POINTER_LEVELS | (accessed_dirty ? POINTER_ACCESSED_DIRTY : 0);
}
