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
#define LEAF_REGION (1ull << 21) /* what one table of level 1 maps */
#define NO_BLOCK (1ull << 63)

/* Of a list of extents, the one that is being looked at. */
struct change {
    struct ept *ept;
    uint64_t start, end; /* guest-physical */
    bool unmap;
    uint64_t hpa, rights; /* what `start` is mapped to; rights as ept_leaf_bits has them */
    ept_memory_type_fn memory_type;
    void *ctx;
    uint64_t before;                 /* the end of the extent before this one; 0: it is the first */
    uint64_t leaf_base, *leaf_table; /* act: the table of level 1 of the extent before; NULL: none */
    uint64_t block, block_type;      /* host memory of LEAF_REGION bytes, and its type */
    uint64_t pool;                   /* reserved pages, chained through their first words; 0: none */
    struct ept_retired *retired;
};

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
    struct ept_retired retired = {0};
    if (ept->pml4 != 0) {
        ept_retire_tree(ept, TOP_LEVEL, phys_to_virt(ept->pml4), &retired);
        ept_retired_free(&retired);
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

/* The type of host memory, or EPT_TYPE_MIXED. */
static uint8_t memory_type(const struct change *c, uint64_t hpa, uint64_t size)
{
    uint8_t type = c->memory_type(c->ctx, hpa, size);
    return is_memory_type(type) ? type : size == PAGE_SIZE ? TYPE_UC : EPT_TYPE_MIXED;
}

/* Neighbouring pages of a list often are of one block of host memory. */
static void learn_block(struct change *c, uint64_t hpa)
{
    c->block = hpa & ~(LEAF_REGION - 1);
    c->block_type = memory_type(c, c->block, LEAF_REGION);
}

static bool leaf_allowed(const struct ept *ept, unsigned level)
{
    return level == 1 || (level == 2 && ept->huge_2m) || (level == 3 && ept->huge_1g);
}

/* True: the change gives this entry, which maps from `gpa` on, its final value, without a table below it. */
static bool final_value(const struct change *c, unsigned level, uint64_t gpa, uint64_t *value)
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

/* The extent before needs the table below this entry as well, and has reserved it: extents ascend. */
static bool is_reserved(const struct change *c, unsigned level, uint64_t gpa)
{
    return c->before > gpa && c->before - 1 - gpa < level_size(level);
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
        const uint64_t *below = NULL;
        if (table != NULL && is_present(table[i]) && !is_leaf(table[i], level)) {
            below = table_of(table[i]);
        } else if (!is_reserved(c, level, gpa) && !pool_add(c)) {
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
        ept_retire_tree(c->ept, level - 1, table_of(old), c->retired);
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

/* Sums in the entries above a table would have to follow its pages, so there is none to be found with tracking. */
static void find_leaf_table(struct change *c)
{
    uint64_t base = (c->end - 1) & ~(LEAF_REGION - 1);
    uint64_t *table = table_of(c->ept->pml4);
    c->leaf_table = NULL;
    if (c->ept->tracking) {
        return;
    }
    for (unsigned level = TOP_LEVEL; level > 1; level--) {
        uint64_t entry = table[(base >> level_shift(level)) % ENTRIES];
        if (!is_present(entry) || is_leaf(entry, level)) {
            return;
        }
        table = table_of(entry);
    }
    c->leaf_base = base;
    c->leaf_table = table;
}

/* The type bits of a leaf for a page; those of its block are found once for all neighbours. */
static __attribute__((noinline)) uint64_t type_bits(struct change *c, uint64_t hpa)
{
    if (hpa - c->block >= LEAF_REGION) {
        learn_block(c, hpa);
    }
    uint64_t type = c->block_type != EPT_TYPE_MIXED ? c->block_type : memory_type(c, hpa, PAGE_SIZE);
    return type << ENTRY_TYPE_SHIFT;
}

/*
 * Extents from `e` on in the table that the one before led to: most lists are of scattered pages at neighbouring
 * addresses, and what is done for each is what a list costs. Returns the first that lies elsewhere.
 */
static const struct whb_extent *act_on_leaves(struct change *c, const struct whb_extent *e,
                                              const struct whb_extent *end)
{
    uint64_t *table = c->leaf_table;
    uint64_t region_end = c->leaf_base + LEAF_REGION, block = NO_BLOCK, bits = 0, added = 0;
    for (; e < end && e->gpa + e->size <= region_end; e++) {
        uint64_t *entry = table + e->gpa / PAGE_SIZE % ENTRIES;
        uint64_t value = e->pa | e->flags, value_end = value + e->size;
        do {
            if (value - block >= LEAF_REGION) {
                bits = type_bits(c, value & ENTRY_ADDRESS);
                block = c->block_type == EPT_TYPE_MIXED ? NO_BLOCK : c->block;
            }
            added += !is_present(*entry);
            write_entry(entry++, value | bits);
            value += PAGE_SIZE;
        } while (value != value_end);
    }
    c->ept->leaf_4k += added;
    return e;
}

static void begin_extent(struct change *c, const struct whb_extent *e, uint64_t before)
{
    c->start = e->gpa;
    c->end = e->gpa + e->size;
    c->hpa = e->pa;
    c->rights = ept_leaf_bits((unsigned)e->flags);
    c->before = before;
}

/* An extent within the region of a table that the one before has seen to needs nothing more. */
static bool reserve_list(struct change *c, const struct whb_extent *extents, uint32_t count)
{
    uint64_t before = 0, seen_to = 0, flags = 0;
    for (const struct whb_extent *e = extents; e < extents + count; e++) {
        uint64_t end = e->gpa + e->size;
        if (end > seen_to) {
            begin_extent(c, e, before);
            if (!reserve(c, TOP_LEVEL, table_of(c->ept->pml4), 0)) {
                pool_free(c);
                return false;
            }
            seen_to = (end + LEAF_REGION - 1) & ~(LEAF_REGION - 1);
        }
        before = end;
        flags |= e->flags;
    }
    c->ept->tracking |= (flags & EPT_TRACK) != 0;
    return true;
}

enum ept_status ept_map_list(struct ept *ept, const struct whb_extent *extents, uint32_t count, ept_memory_type_fn type,
                             void *ctx, struct ept_retired *retired)
{
    struct change c = {.ept = ept, .memory_type = type, .ctx = ctx, .retired = retired, .block = NO_BLOCK};
    if (!reserve_list(&c, extents, count)) {
        return EPT_OUT_OF_MEMORY;
    }
    for (const struct whb_extent *e = extents, *end = extents + count; e < end;) {
        begin_extent(&c, e, 0);
        act(&c, TOP_LEVEL, table_of(ept->pml4), 0);
        find_leaf_table(&c);
        e++;
        if (c.leaf_table != NULL) {
            e = act_on_leaves(&c, e, end);
        }
    }
    return EPT_OK;
}

enum ept_status ept_map(struct ept *ept, uint64_t gpa, uint64_t hpa, uint64_t size, unsigned rights,
                        ept_memory_type_fn type, void *ctx, struct ept_retired *retired)
{
    const struct whb_extent one = {.gpa = gpa, .pa = hpa, .size = size, .flags = rights};
    if (!ept_check_range(gpa, size, EPT_ADDRESS_LIMIT) || !ept_check_range(hpa, size, ENTRY_ADDRESS + PAGE_SIZE) ||
        !ept_check_rights(ept, rights)) {
        return EPT_INVALID;
    }
    return ept_map_list(ept, &one, 1, type, ctx, retired);
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

enum ept_status ept_unmap(struct ept *ept, uint64_t gpa, uint64_t size, struct ept_retired *retired)
{
    if (!ept_check_range(gpa, size, EPT_ADDRESS_LIMIT)) {
        return EPT_INVALID;
    }
    struct change c = {.ept = ept, .start = gpa, .end = gpa + size, .unmap = true, .retired = retired};
    if (!reserve(&c, TOP_LEVEL, table_of(ept->pml4), 0)) {
        pool_free(&c);
        return EPT_OUT_OF_MEMORY;
    }
    act(&c, TOP_LEVEL, table_of(ept->pml4), 0);
    return EPT_OK;
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
