/* SPDX-License-Identifier: MIT */
#include "tests/unit/ept_model.h"

#include <stdlib.h>
#include <string.h>

#include "arch/cpu/direct_map.h"
#include "kernel/memory/page_alloc.h"
#include "tests/fuzz/check.h"

#define PAGE 4096u
#define HEAP_PA 0x100000u
#define RIGHTS 7u
#define ADDRESS 0x000ffffffffff000ull
#define TRACKED (1ull << 11)
#define DIRTY (1ull << 62)
#define LINK_BITS (0x1full << 52) /* where vmm/memory/ept.c chains unlinked tables */

static uint8_t *heap, *heap_before;
static uint64_t heap_size;

/* What a table tree holds, counted without vmm/memory/ept.c. */
struct census {
    uint64_t tables, leaves[4], empty_tables;
};

void ept_model_heap_begin(uint64_t size)
{
    heap = aligned_alloc(PAGE, size);
    heap_before = aligned_alloc(PAGE, size);
    CHECK(heap != NULL && heap_before != NULL);
    heap_size = size;
    direct_map_base = (uintptr_t)heap - HEAP_PA;
    page_alloc_init(HEAP_PA, size);
}

void ept_model_heap_end(void)
{
    free(heap);
    free(heap_before);
}

static uint64_t pages_in_use(void)
{
    struct page_stats stats;
    page_alloc_stats(&stats);
    return stats.used[PAGE_USE_EPT];
}

void ept_model_begin(struct ept_model *m, bool huge_2m, bool huge_1g)
{
    *m = (struct ept_model){.count = 0};
    CHECK(pages_in_use() == 0);
    CHECK(ept_init(&m->ept, PAGE_ACCOUNT_PARTITIONS, huge_2m, huge_1g));
}

void ept_model_end(struct ept_model *m)
{
    ept_retired_free(&m->retired);
    ept_destroy(&m->ept);
    CHECK(m->ept.tables == 0 && m->ept.leaf_4k == 0 && m->ept.leaf_2m == 0 && m->ept.leaf_1g == 0);
    ept_destroy(&m->ept);
    CHECK(pages_in_use() == 0);
}

uint8_t ept_model_page_type(uint64_t hpa)
{
    if ((hpa >> 21) % 11 == 5) {
        return (hpa >> 16) % 2 != 0 ? 0 : 6;
    }
    return (hpa >> 30) % 3 == 2 ? 4 : 6;
}

uint8_t ept_model_type(void *ctx, uint64_t hpa, uint64_t size)
{
    (void)ctx;
    uint8_t type = ept_model_page_type(hpa);
    uint64_t end = hpa + size;
    for (uint64_t at = (hpa | 0xffff) + 1; at < end; at += 0x10000) {
        if (ept_model_page_type(at) != type) {
            return EPT_TYPE_MIXED;
        }
    }
    return type;
}

/* Returns what the entry above must sum up: TRACKED if all of the table is, DIRTY if some of it is. */
static uint64_t count_tables(const uint64_t *table, unsigned level, struct census *c)
{
    bool empty = true;
    uint64_t all = TRACKED, any = 0;
    c->tables++;
    for (unsigned i = 0; i < 512; i++) {
        if ((table[i] & RIGHTS) == 0) {
            CHECK(table[i] == 0);
            all = 0;
            continue;
        }
        empty = false;
        all &= table[i];
        any |= table[i] & DIRTY;
        if (level == 1 || (table[i] & 0x80) != 0) {
            CHECK(level <= 3 && (level > 1) == ((table[i] & 0x80) != 0));
            CHECK((table[i] & ADDRESS & ((1ull << (12 + 9 * (level - 1))) - 1)) == 0);
            c->leaves[level]++;
            CHECK((table[i] & DIRTY) == 0 || (table[i] & (TRACKED | 2)) == (TRACKED | (table[i] >> 58 & 2)));
            CHECK((table[i] & TRACKED) == 0 || (table[i] & DIRTY) != 0 || (table[i] & 2) == 0);
        } else {
            uint64_t sums = count_tables(phys_to_virt(table[i] & ADDRESS), level - 1, c);
            CHECK((table[i] & ~ADDRESS) == (RIGHTS | sums)); /* nothing restricts what is below */
        }
    }
    c->empty_tables += empty ? 1 : 0;
    return all | any;
}

static void check_counters(const struct ept_model *m)
{
    struct census c = {0};
    (void)count_tables(phys_to_virt(m->ept.pml4), 4, &c);
    CHECK(c.tables == m->ept.tables && c.tables == pages_in_use());
    CHECK(c.leaves[1] == m->ept.leaf_4k && c.leaves[2] == m->ept.leaf_2m && c.leaves[3] == m->ept.leaf_1g);
    CHECK(c.empty_tables == 0 || (c.tables == 1 && c.empty_tables == 1));
    CHECK(m->ept.huge_2m || m->ept.leaf_2m == 0);
    CHECK(m->ept.huge_1g || m->ept.leaf_1g == 0);
}

/* The change that mapped a page, or NULL; and the rights that the page has. */
static const struct model_change *change_of(const struct ept_model *m, uint64_t gpa, uint32_t *rights)
{
    *rights = 0;
    for (unsigned i = m->count; i > 0; i--) {
        const struct model_change *c = &m->changes[i - 1];
        if (gpa >= c->gpa && gpa < c->end) {
            *rights = *rights == 0 ? c->rights : *rights;
            if (!c->protect) {
                return c->rights != 0 ? c : NULL;
            }
        }
    }
    return NULL;
}

/* The first address above `gpa` where a change begins or ends. */
static uint64_t next_boundary(const struct ept_model *m, uint64_t gpa)
{
    uint64_t next = EPT_ADDRESS_LIMIT;
    for (unsigned i = 0; i < m->count; i++) {
        const uint64_t ends[2] = {m->changes[i].gpa, m->changes[i].end};
        for (unsigned j = 0; j < 2; j++) {
            next = ends[j] > gpa && ends[j] < next ? ends[j] : next;
        }
    }
    return next;
}

/* Nothing is mapped from `gpa` to the result, which is above it. */
static uint64_t absent_until(const struct ept_model *m, uint64_t gpa)
{
    const uint64_t *table = phys_to_virt(m->ept.pml4);
    for (unsigned level = 4;; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t entry = table[(gpa >> shift) % 512];
        if (entry == 0) {
            return ((gpa >> shift) + 1) << shift;
        }
        CHECK(level > 1 && (entry & 0x80) == 0);
        table = phys_to_virt(entry & ADDRESS);
    }
}

static void check_mapped(const struct ept_model *m, const struct model_change *c, uint32_t rights, uint64_t gpa,
                         uint64_t end)
{
    while (gpa < end) {
        struct ept_leaf leaf;
        CHECK(ept_lookup(&m->ept, gpa + 0xabc, &leaf));
        CHECK(leaf.hpa + (gpa & (leaf.size - 1)) == c->hpa + (gpa - c->gpa));
        CHECK(leaf.rights == rights);
        CHECK(leaf.memory_type == ept_model_type(NULL, leaf.hpa, leaf.size));
        gpa = (gpa & ~(leaf.size - 1)) + leaf.size;
    }
}

void ept_model_check(struct ept_model *m)
{
    ept_retired_free(&m->retired);
    for (uint64_t gpa = 0, end; gpa < EPT_ADDRESS_LIMIT; gpa = end) {
        end = next_boundary(m, gpa);
        uint32_t rights;
        const struct model_change *c = change_of(m, gpa, &rights);
        if (c != NULL) {
            check_mapped(m, c, rights, gpa, end);
        }
        while (c == NULL && gpa < end) {
            gpa = absent_until(m, gpa);
        }
    }
    check_counters(m);
}

/* All of it is mapped with all of `rights`. */
static bool is_all_mapped(const struct ept_model *m, uint64_t gpa, uint64_t end, uint32_t rights)
{
    uint32_t has;
    while (gpa < end && change_of(m, gpa, &has) != NULL && (has & rights) == rights) {
        gpa = next_boundary(m, gpa);
    }
    return gpa >= end;
}

static void forget_dirty(struct ept_model *m, uint64_t gpa, uint64_t end)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < m->dirty_count; i++) {
        if (m->dirty[i] < gpa || m->dirty[i] >= end) {
            m->dirty[kept++] = m->dirty[i];
        }
    }
    m->dirty_count = kept;
}

/*
 * Unlinked tables must still translate as they did, for processors that have not dropped them; but a table goes away
 * too when the last of its pages is unmapped.
 */
static void check_retired(const struct ept_model *m, bool unmapped)
{
    uint64_t at = m->retired.head;
    while (at != 0) {
        const uint64_t *now = phys_to_virt(at);
        const uint64_t *before = (const uint64_t *)(const void *)(heap_before + (at - HEAP_PA));
        uint64_t next = 0;
        for (unsigned i = 0; i < 512; i++) {
            uint64_t entry = i < 8 ? now[i] & ~LINK_BITS : now[i];
            CHECK(entry == before[i] || (unmapped && entry == 0));
            next |= i < 8 ? ((now[i] & LINK_BITS) >> 52) << (12 + 5 * i) : 0;
        }
        at = next;
    }
}

static void check_tables_unchanged(uint64_t pa, unsigned level)
{
    const uint64_t *table = phys_to_virt(pa);
    CHECK(memcmp(table, heap_before + (pa - HEAP_PA), PAGE) == 0);
    for (unsigned i = 0; level > 1 && i < 512; i++) {
        if ((table[i] & RIGHTS) != 0 && (table[i] & 0x80) == 0) {
            check_tables_unchanged(table[i] & ADDRESS, level - 1);
        }
    }
}

static void check_unchanged(const struct ept_model *m, const struct ept *before, uint64_t in_use)
{
    struct ept now = m->ept;
    now.tracking = before->tracking; /* a hint that may stay */
    CHECK(memcmp(before, &now, sizeof(*before)) == 0);
    CHECK(m->retired.head == 0 && pages_in_use() == in_use);
    check_tables_unchanged(m->ept.pml4, 4);
}

static uint64_t begin_change(struct ept_model *m)
{
    CHECK(m->count < MODEL_CHANGES_MAX);
    ept_retired_free(&m->retired);
    memcpy(heap_before, heap, heap_size);
    return pages_in_use();
}

static void end_change(struct ept_model *m, const struct ept *before, uint64_t in_use, enum ept_status status,
                       enum ept_status expected, const struct model_change *c)
{
    CHECK(status == expected || (expected == EPT_OK && status == EPT_OUT_OF_MEMORY));
    if (status != EPT_OK) {
        check_unchanged(m, before, in_use);
        return;
    }
    check_retired(m, c->rights == 0);
    m->changes[m->count++] = *c;
    if (!c->protect || (c->rights & EPT_TRACK) == 0) {
        forget_dirty(m, c->gpa, c->end);
    }
}

enum ept_status ept_model_map(struct ept_model *m, uint64_t gpa, uint64_t hpa, uint64_t size, unsigned rights)
{
    struct ept before = m->ept;
    uint64_t in_use = begin_change(m);
    enum ept_status status = ept_map(&m->ept, gpa, hpa, size, rights, ept_model_type, NULL, &m->retired);
    end_change(m, &before, in_use, status, EPT_OK, &(struct model_change){gpa, gpa + size, hpa, rights, false});
    return status;
}

enum ept_status ept_model_map_list(struct ept_model *m, const struct whb_extent *extents, uint32_t count)
{
    struct ept before = m->ept;
    uint64_t in_use = begin_change(m);
    CHECK(m->count + count <= MODEL_CHANGES_MAX);
    enum ept_status status = ept_map_list(&m->ept, extents, count, ept_model_type, NULL, &m->retired);
    CHECK(status == EPT_OK || status == EPT_OUT_OF_MEMORY);
    if (status != EPT_OK) {
        check_unchanged(m, &before, in_use);
        return status;
    }
    check_retired(m, false);
    for (uint32_t i = 0; i < count; i++) {
        const struct whb_extent *e = &extents[i];
        m->changes[m->count++] = (struct model_change){e->gpa, e->gpa + e->size, e->pa, e->flags, false};
        forget_dirty(m, e->gpa, e->gpa + e->size);
    }
    return EPT_OK;
}

enum ept_status ept_model_unmap(struct ept_model *m, uint64_t gpa, uint64_t size)
{
    struct ept before = m->ept;
    uint64_t in_use = begin_change(m);
    enum ept_status status = ept_unmap(&m->ept, gpa, size, &m->retired);
    end_change(m, &before, in_use, status, EPT_OK, &(struct model_change){gpa, gpa + size, 0, 0, false});
    return status;
}

enum ept_status ept_model_protect(struct ept_model *m, uint64_t gpa, uint64_t size, unsigned rights)
{
    struct ept before = m->ept;
    enum ept_status expected = is_all_mapped(m, gpa, gpa + size, 0) ? EPT_OK : EPT_NOT_MAPPED;
    uint64_t in_use = begin_change(m);
    enum ept_status status = ept_protect(&m->ept, gpa, size, rights);
    CHECK(m->retired.head == 0);
    end_change(m, &before, in_use, status, expected, &(struct model_change){gpa, gpa + size, 0, rights, true});
    return status;
}

bool ept_model_write(struct ept_model *m, uint64_t gpa)
{
    uint32_t rights;
    bool allowed = change_of(m, gpa, &rights) != NULL && (rights & (EPT_TRACK | EPT_WRITE)) == (EPT_TRACK | EPT_WRITE);
    CHECK(m->dirty_count < MODEL_DIRTY_MAX);
    enum ept_dirtied dirtied = ept_mark_dirty(&m->ept, gpa);
    CHECK((dirtied != EPT_DIRTY_REFUSED) == allowed);
    if (allowed) {
        m->whole = m->whole || dirtied == EPT_DIRTY_WHOLE;
        forget_dirty(m, gpa & ~(PAGE - 1ull), gpa | (PAGE - 1));
        m->dirty[m->dirty_count++] = gpa & ~(PAGE - 1ull);
    }
    return allowed;
}

bool ept_model_tracked(const struct ept_model *m, uint64_t gpa, uint64_t size)
{
    return is_all_mapped(m, gpa, gpa + size, EPT_TRACK);
}

uint64_t ept_model_query(struct ept_model *m, uint64_t gpa, uint64_t size, enum ept_status expected)
{
    uint64_t words = (size / PAGE + 63) / 64, count = 0, bits = 0;
    uint64_t *bitmap = malloc(words * 8);
    CHECK(bitmap != NULL);
    memset(bitmap, 0xa5, words * 8);
    CHECK((expected == EPT_OK) == ept_model_tracked(m, gpa, size));
    CHECK(ept_query_dirty(&m->ept, gpa, size, bitmap, &count) == expected);
    for (unsigned i = 0; expected == EPT_OK && i < m->dirty_count; i++) {
        uint64_t page = (m->dirty[i] - gpa) / PAGE;
        CHECK(m->dirty[i] < gpa || page >= size / PAGE || (bitmap[page / 64] >> (page % 64) & 1) != 0);
    }
    for (uint64_t i = 0; expected == EPT_OK && i < words; i++) {
        bits += (uint64_t)__builtin_popcountll(bitmap[i]);
    }
    free(bitmap);
    unsigned before = m->dirty_count;
    if (expected == EPT_OK) {
        forget_dirty(m, gpa, gpa + size);
    }
    CHECK(bits == count && (m->whole ? count >= before - m->dirty_count : count == before - m->dirty_count));
    return count;
}
