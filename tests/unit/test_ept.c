/* SPDX-License-Identifier: MIT */
/* sources: vmm/memory/ept.c vmm/memory/ept_retired.c vmm/memory/ept_protect.c vmm/memory/ept_dirty.c
 * kernel/memory/page_alloc.c tests/unit/ept_model.c tests/unit/stubs.c */
#include <pthread.h>

#include "arch/cpu/direct_map.h"
#include "kernel/memory/page_alloc.h"
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/ept_model.h"

#define KIB 1024ull
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)
#define HEAP (12 * MIB)
/* The tests' memory: it crosses the end of the first top-level entry. */
#define MODEL_BASE (510 * GIB)
#define MODEL_SIZE (4 * GIB)
#define RWX (EPT_READ | EPT_WRITE | EPT_EXECUTE)

static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

static int begin_heap(void **state)
{
    (void)state;
    ept_model_heap_begin(HEAP);
    return 0;
}

static int begin_small_heap(void **state)
{
    (void)state;
    ept_model_heap_begin(2 * MIB);
    return 0;
}

static int end_heap(void **state)
{
    (void)state;
    page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
    ept_model_heap_end();
    return 0;
}

static uint8_t write_back(void *ctx, uint64_t hpa, uint64_t size)
{
    (void)ctx, (void)hpa, (void)size;
    return 6;
}

static void assert_leaf(const struct ept *ept, uint64_t gpa, uint64_t hpa, uint64_t size, uint32_t rights, uint8_t type)
{
    struct ept_leaf leaf;
    assert_true(ept_lookup(ept, gpa, &leaf));
    assert_int_equal(leaf.hpa, hpa);
    assert_int_equal(leaf.size, size);
    assert_int_equal(leaf.rights, rights);
    assert_int_equal(leaf.memory_type, type);
}

static void test_entries_as_the_manual_has_them(void **state)
{
    (void)state;
    struct ept ept;
    struct ept_retired retired = {0};
    assert_true(ept_init(&ept, PAGE_ACCOUNT_PARTITIONS, true, true));
    assert_int_equal(ept_pointer(&ept, false), ept.pml4 | 6 | 3 << 3);
    assert_int_equal(ept_pointer(&ept, true), ept.pml4 | 6 | 3 << 3 | 1 << 6);
    assert_int_equal(ept_map(&ept, 0x8040201000, 0xabc000, 0x1000, EPT_READ, write_back, NULL, &retired), EPT_OK);
    assert_int_equal(ept_map(&ept, 0x8040400000, 0x200000, 2 * MIB, RWX, write_back, NULL, &retired), EPT_OK);
    const uint64_t *table = phys_to_virt(ept.pml4);
    assert_int_equal(table[1] & 0xfff, 7);
    table = phys_to_virt(table[1] & ~0xfffull);
    assert_int_equal(table[1] & 0xfff, 7);
    table = phys_to_virt(table[1] & ~0xfffull);
    assert_int_equal(table[2], 0x200000 | 1 << 7 | 6 << 3 | 7);
    table = phys_to_virt(table[1] & ~0xfffull);
    assert_int_equal(table[1], 0xabc000 | 6 << 3 | 1);
    ept_destroy(&ept);
}

static void test_largest_leaves(void **state)
{
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, true, true);
    /* 1 GiB needs both addresses aligned, and the model's types have a mixed 2 MiB block in most GiB */
    struct ept_retired retired = {0};
    struct ept *ept = &m.ept;
    assert_int_equal(ept_map(ept, 4 * GIB, 8 * GIB, 2 * GIB, RWX, write_back, NULL, &retired), EPT_OK);
    assert_int_equal(ept->leaf_1g, 2);
    assert_int_equal(ept->tables, 2);
    assert_leaf(ept, 5 * GIB + 123, 9 * GIB, GIB, RWX, 6);
    assert_int_equal(ept_map(ept, 6 * GIB, 10 * GIB + 2 * MIB, GIB, RWX, write_back, NULL, &retired), EPT_OK);
    assert_int_equal(ept->leaf_2m, 512);
    assert_int_equal(ept_map(ept, 7 * GIB, 0x1000, 4 * MIB, EPT_READ, write_back, NULL, &retired), EPT_OK);
    assert_int_equal(ept->leaf_4k, 1024);
    assert_int_equal(retired.head, 0);
    assert_int_equal(ept_unmap(ept, 4 * GIB, 3 * GIB + 4 * MIB, &retired), EPT_OK);
    assert_int_equal(ept->tables, 1);
    ept_retired_free(&retired);
    ept_model_end(&m);
}

static void test_memory_types_choose_the_leaves(void **state)
{
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, true, true);
    /* of the first GiB, the 2 MiB blocks 5, 16, 27 ... 511 change type inside */
    assert_int_equal(ept_model_map(&m, MODEL_BASE, 0, GIB, RWX), EPT_OK);
    assert_int_equal(m.ept.leaf_1g, 0);
    assert_int_equal(m.ept.leaf_2m, 512 - 47);
    assert_int_equal(m.ept.leaf_4k, 47 * 512);
    assert_leaf(&m.ept, MODEL_BASE + 10 * MIB, 10 * MIB, 4096, RWX, 6);
    assert_leaf(&m.ept, MODEL_BASE + 10 * MIB + 64 * KIB, 10 * MIB + 64 * KIB, 4096, RWX, 0);
    ept_model_check(&m);
    ept_model_end(&m);
}

static uint8_t bad_type(void *ctx, uint64_t hpa, uint64_t size)
{
    (void)hpa, (void)size;
    return *(const uint8_t *)ctx;
}

static void test_types_no_entry_can_have_become_uncacheable(void **state)
{
    static const uint8_t types[] = {2, 3, 7, 8, EPT_TYPE_MIXED};
    (void)state;
    for (size_t i = 0; i < sizeof(types); i++) {
        struct ept ept;
        struct ept_retired retired = {0};
        uint8_t type = types[i];
        assert_true(ept_init(&ept, PAGE_ACCOUNT_PARTITIONS, true, true));
        assert_int_equal(ept_map(&ept, 0, 0, 2 * MIB, RWX, bad_type, &type, &retired), EPT_OK);
        assert_int_equal(ept.leaf_4k, 512);
        assert_leaf(&ept, 0x1000, 0x1000, 4096, RWX, 0);
        ept_destroy(&ept);
    }
}

static void test_replacing_and_splitting(void **state)
{
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, true, true);
    assert_int_equal(ept_model_map(&m, MODEL_BASE, 3 * GIB, GIB, RWX), EPT_OK);
    assert_int_equal(ept_model_map(&m, MODEL_BASE + 6 * MIB + 4096, 64 * MIB, 4096, EPT_READ), EPT_OK);
    ept_model_check(&m);
    assert_int_equal(ept_model_map(&m, MODEL_BASE + 1 * MIB, 70 * MIB + 4096, 40 * MIB, EPT_READ | EPT_WRITE), EPT_OK);
    ept_model_check(&m);
    assert_int_equal(ept_model_map(&m, MODEL_BASE + 2 * MIB, 100 * MIB, 4 * MIB, RWX), EPT_OK);
    assert_int_not_equal(m.retired.head, 0); /* two tables of 4 KiB pages became leaves */
    ept_model_check(&m);
    assert_int_equal(ept_model_unmap(&m, MODEL_BASE + 512 * MIB + 12288, 8192), EPT_OK);
    ept_model_check(&m);
    assert_int_equal(ept_model_unmap(&m, MODEL_BASE + 512 * MIB + 12288, 8192), EPT_OK); /* nothing is there */
    assert_int_equal(ept_model_unmap(&m, MODEL_BASE + 512 * MIB + 8192, 8192), EPT_OK);  /* half of it is */
    ept_model_check(&m);
    assert_int_equal(ept_model_unmap(&m, MODEL_BASE, 512 * MIB + 12288), EPT_OK);
    assert_int_equal(ept_model_unmap(&m, MODEL_BASE + 512 * MIB + 20480, 512 * MIB - 20480), EPT_OK);
    ept_model_check(&m);
    assert_int_equal(m.ept.tables, 1);
    ept_model_end(&m);
}

static void test_invalid_requests_change_nothing(void **state)
{
    static const struct {
        uint64_t gpa, hpa, size;
        unsigned rights;
    } cases[] = {
        {0x800, 0, 0x1000, RWX},
        {0, 0x800, 0x1000, RWX},
        {0, 0, 0x800, RWX},
        {0, 0, 0, RWX},
        {1ull << 48, 0, 0x1000, RWX},
        {(1ull << 48) - 0x1000, 0, 0x2000, RWX},
        {0, (1ull << 52) - 0x1000, 0x2000, RWX},
        {0, 1ull << 52, 0x1000, RWX},
        {0x1000, 0, ~0xfffull, RWX},
        {0, 0, 0x1000, 0},
        {0, 0, 0x1000, EPT_WRITE},
        {0, 0, 0x1000, EPT_WRITE | EPT_EXECUTE},
        {0, 0, 0x1000, EPT_EXECUTE},
        {0, 0, 0x1000, RWX | 16},
        {0, 0, 0x1000, EPT_TRACK},
    };
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, true, true);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            ept_map(&m.ept, cases[i].gpa, cases[i].hpa, cases[i].size, cases[i].rights, write_back, NULL, &m.retired),
            EPT_INVALID);
    }
    for (size_t i = 0; i < 5; i++) {
        enum ept_status expected = i == 1 ? EPT_OK : EPT_INVALID; /* the second is right without `hpa` */
        assert_int_equal(ept_unmap(&m.ept, cases[i].gpa, cases[i].size, &m.retired), expected);
    }
    struct ept_leaf leaf;
    assert_false(ept_lookup(&m.ept, 1ull << 48, &leaf));
    assert_false(ept_lookup(&m.ept, ~0ull, &leaf));
    ept_model_check(&m);
    m.ept.execute_only = true;
    assert_int_equal(ept_map(&m.ept, 0, 0, 0x1000, EPT_EXECUTE, write_back, NULL, &m.retired), EPT_OK);
    ept_model_end(&m);
}

/* No table is made for what is not there, so that it also succeeds without memory. */
static void test_unmapping_nothing(void **state)
{
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, true, true);
    page_alloc_fail_after(0);
    assert_int_equal(ept_unmap(&m.ept, 4096, 8192, &m.retired), EPT_OK);
    assert_int_equal(ept_unmap(&m.ept, 4096, (1ull << 48) - 8192, &m.retired), EPT_OK);
    page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
    assert_int_equal(m.ept.tables, 1);
    assert_int_equal(m.retired.head, 0);
    assert_int_equal(ept_model_map(&m, MODEL_BASE + 2 * MIB, 3 * GIB, 4096, RWX), EPT_OK);
    uint64_t tables = m.ept.tables;
    assert_int_equal(ept_model_unmap(&m, MODEL_BASE, 2 * MIB), EPT_OK);
    assert_int_equal(ept_model_unmap(&m, MODEL_BASE + 4 * MIB + 4096, 7 * MIB), EPT_OK);
    assert_int_equal(m.ept.tables, tables);
    ept_model_check(&m);
    assert_int_equal(ept_model_unmap(&m, MODEL_BASE + 4096, 64 * MIB), EPT_OK);
    assert_int_equal(m.ept.tables, 1);
    ept_model_check(&m);
    ept_model_end(&m);
}

static void test_the_ends_of_the_address_space(void **state)
{
    (void)state;
    struct ept ept;
    struct ept_retired retired = {0};
    uint64_t last = (1ull << 48) - 4096, last_hpa = (1ull << 52) - 4096;
    assert_true(ept_init(&ept, PAGE_ACCOUNT_PARTITIONS, true, true));
    assert_int_equal(ept_map(&ept, last, last_hpa, 4096, RWX, write_back, NULL, &retired), EPT_OK);
    assert_leaf(&ept, last + 4095, last_hpa, 4096, RWX, 6);
    assert_int_equal(ept_map(&ept, 0, 0, 1ull << 40, RWX, write_back, NULL, &retired), EPT_OK);
    assert_int_equal(ept.leaf_1g, 1024);
    assert_int_equal(ept_unmap(&ept, 0, 1ull << 40, &retired), EPT_OK);
    assert_int_equal(ept.tables, 4);
    ept_retired_free(&retired);
    ept_destroy(&ept);
}

/* A range of the window: mostly near its start and small, so that changes meet, with all alignments. */
static void random_range(uint64_t *gpa, uint64_t *size)
{
    static const uint64_t units[] = {4 * KIB, 4 * KIB, 64 * KIB, 2 * MIB, 2 * MIB, GIB};
    uint64_t unit = units[random_below(6)];
    *gpa = random_below(MODEL_SIZE / unit) * unit;
    if (random_below(2) == 0) {
        *gpa = (2 * GIB - 8 * MIB + random_below(16 * MIB)) / unit * unit;
    }
    *size = (1 + random_below(unit == GIB ? 2 : 600)) * (random_below(4) == 0 ? 4 * KIB : unit);
    *size = *size < MODEL_SIZE - *gpa ? *size : MODEL_SIZE - *gpa;
    *gpa += MODEL_BASE;
}

#define LIST_MAX 48u

/* Mostly pages in one table after another, as of a process; some longer, some whole tables. */
static void random_list(struct ept_model *m)
{
    struct whb_extent extents[LIST_MAX];
    uint32_t count = 0;
    uint64_t gpa, size;
    random_range(&gpa, &size);
    for (uint32_t wanted = 1 + random_below(LIST_MAX); count < wanted; count++) {
        size = random_below(8) == 0 ? random_below(1200) * 4 * KIB : 0;
        size += (1 + random_below(2)) * 4 * KIB;
        gpa += random_below(4) == 0 ? random_below(300) * 4 * KIB : 0;
        if (gpa + size > MODEL_BASE + MODEL_SIZE) {
            break;
        }
        uint64_t hpa = random_below(3) == 0 ? gpa - MODEL_BASE : random_below(MODEL_SIZE / (4 * KIB)) * 4 * KIB;
        extents[count] = (struct whb_extent){gpa, hpa, size, random_below(16) == 0 ? EPT_READ : RWX};
        gpa += size;
    }
    (void)ept_model_map_list(m, extents, count);
}

static void test_random_lists_against_the_model(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (unsigned config = 0; config < 4; config++) {
        struct ept_model m;
        random_state = 0xc0ffee + config;
        ept_model_begin(&m, (config & 1) != 0, (config & 2) != 0);
        for (unsigned i = 0; i < 24; i++) {
            page_alloc_fail_after(random_below(4) == 0 ? random_below(12) : PAGE_ALLOC_NEVER_FAIL);
            uint64_t failed = m.count;
            random_list(&m);
            failures += m.count == failed;
            page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
            if (i % 3 == 2) {
                uint64_t gpa, size;
                random_range(&gpa, &size);
                (void)ept_model_unmap(&m, gpa, size);
            }
            if (i % 8 == 7) {
                ept_model_check(&m);
            }
        }
        ept_model_end(&m);
    }
    assert_true(failures > 4);
}

static void random_change(struct ept_model *m)
{
    static const unsigned rights[] = {EPT_READ, EPT_READ | EPT_WRITE, EPT_READ | EPT_EXECUTE, RWX};
    uint64_t gpa, size;
    random_range(&gpa, &size);
    if (random_below(3) == 0) {
        (void)ept_model_unmap(m, gpa, size);
        return;
    }
    static const uint64_t shifts[] = {0, 0, 4 * KIB, 2 * MIB, GIB};
    uint64_t hpa = (gpa - MODEL_BASE) + shifts[random_below(5)] * random_below(700);
    (void)ept_model_map(m, gpa, hpa, size, rights[random_below(4)]);
}

static void test_random_changes_against_the_model(void **state)
{
    (void)state;
    for (unsigned config = 0; config < 4; config++) {
        struct ept_model m;
        random_state = 0x9e3779b97f4a7c15ull + config;
        ept_model_begin(&m, (config & 1) != 0, (config & 2) != 0);
        for (unsigned i = 0; i < 120; i++) {
            random_change(&m);
            if (i % 8 == 7) {
                ept_model_check(&m);
            }
        }
        ept_model_end(&m);
    }
}

/* Each change is first tried with every smaller number of pages than it needs; the model checks that nothing changed.
 */
static void test_every_allocation_failure(void **state)
{
    (void)state;
    struct ept_model m;
    random_state = 0xdeadbeef;
    ept_model_begin(&m, true, true);
    unsigned failures = 0;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t gpa, size;
        random_range(&gpa, &size);
        size = size < 64 * MIB ? size : 64 * MIB;
        uint64_t hpa = gpa + 4 * KIB * random_below(3);
        bool unmap = random_below(2) != 0;
        enum ept_status status = EPT_OUT_OF_MEMORY;
        for (uint64_t k = 0; status == EPT_OUT_OF_MEMORY; k++) {
            page_alloc_fail_after(k);
            status = unmap ? ept_model_unmap(&m, gpa, size) : ept_model_map(&m, gpa, hpa, size, RWX);
            failures += status == EPT_OUT_OF_MEMORY ? 1 : 0;
        }
    }
    assert_true(failures > 100);
    page_alloc_fail_after(0);
    struct ept none;
    assert_false(ept_init(&none, PAGE_ACCOUNT_PARTITIONS, true, true));
    ept_destroy(&none);
    page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
    ept_model_check(&m);
    ept_model_end(&m);
}

/* A map of 256 TiB in small pages cannot fit any heap: it must be refused when the heap is used up, and give it back.
 */
static void test_a_huge_request_is_refused(void **state)
{
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, false, false);
    assert_int_equal(ept_map(&m.ept, 0, 0, 1ull << 48, RWX, write_back, NULL, &m.retired), EPT_OUT_OF_MEMORY);
    ept_model_check(&m);
    ept_model_end(&m);
}

/* Another processor's view in the midst of a change: the type callback is called between the stores. */
struct observer {
    const struct ept *ept;
    uint64_t gpa, size, old_hpa, new_hpa, seen;
};

static uint8_t observe(void *ctx, uint64_t hpa, uint64_t size)
{
    struct observer *o = ctx;
    for (uint64_t i = 0; i < 64; i++) {
        struct ept_leaf leaf;
        uint64_t offset = random_below(GIB) & ~0xfffull;
        assert_true(ept_lookup(o->ept, MODEL_BASE + offset, &leaf));
        uint64_t at = leaf.hpa + ((MODEL_BASE + offset) & (leaf.size - 1));
        bool inside = MODEL_BASE + offset >= o->gpa && MODEL_BASE + offset - o->gpa < o->size;
        bool changed = inside && at == o->new_hpa + (MODEL_BASE + offset - o->gpa);
        assert_true(changed || at == o->old_hpa + offset);
        o->seen += changed ? 1 : 0;
    }
    return (hpa >> 21) % 2 != 0 && size > 4096 ? EPT_TYPE_MIXED : 6;
}

static void test_walkers_see_old_or_new_at_any_moment(void **state)
{
    (void)state;
    struct ept ept;
    struct ept_retired retired = {0};
    struct observer o = {&ept, MODEL_BASE + 3 * MIB + 8192, 500 * MIB, 3 * GIB, 12 * GIB + 3 * MIB + 8192, 0};
    assert_true(ept_init(&ept, PAGE_ACCOUNT_PARTITIONS, true, true));
    assert_int_equal(ept_map(&ept, MODEL_BASE, o.old_hpa, GIB, RWX, write_back, NULL, &retired), EPT_OK);
    assert_int_equal(ept_map(&ept, o.gpa, o.new_hpa, o.size, RWX, observe, &o, &retired), EPT_OK);
    assert_int_equal(ept_map(&ept, o.gpa, o.new_hpa, o.size, RWX, observe, &o, &retired), EPT_OK);
    assert_true(o.seen > 1000);
    ept_retired_free(&retired);
    ept_destroy(&ept);
}

/* A walker on another processor, which stops at the first page that is missing or wrong. */
struct walker {
    const struct ept *ept;
    bool stop, failed; /* atomic */
};

static void *walk_on(void *argument)
{
    struct walker *w = argument;
    for (uint64_t gpa = MODEL_BASE; !__atomic_load_n(&w->stop, __ATOMIC_RELAXED); gpa += 4096) {
        struct ept_leaf leaf;
        gpa = gpa < MODEL_BASE + 4 * MIB ? gpa : MODEL_BASE;
        bool found = ept_lookup(w->ept, gpa, &leaf);
        uint64_t offset = found ? leaf.hpa + (gpa & (leaf.size - 1)) - (gpa - MODEL_BASE) : 0;
        if (!found || (offset != GIB && offset != 3 * GIB)) {
            __atomic_store_n(&w->failed, true, __ATOMIC_RELAXED);
            return NULL;
        }
    }
    return NULL;
}

static void test_a_walker_at_the_same_time_always_finds_a_mapping(void **state)
{
    (void)state;
    struct ept ept;
    struct ept_retired retired = {0};
    struct walker w = {.ept = &ept};
    pthread_t thread;
    assert_true(ept_init(&ept, PAGE_ACCOUNT_PARTITIONS, true, true));
    assert_int_equal(ept_map(&ept, MODEL_BASE, GIB, 4 * MIB, RWX, write_back, NULL, &retired), EPT_OK);
    assert_int_equal(pthread_create(&thread, NULL, walk_on, &w), 0);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t hpa = i % 2 != 0 ? GIB : 3 * GIB;
        uint64_t cut = i % 3 * 4096; /* whole 2 MiB leaves, or a split one at each end */
        assert_int_equal(ept_map(&ept, MODEL_BASE + cut, hpa + cut, 4 * MIB - 2 * cut, RWX, write_back, NULL, &retired),
                         EPT_OK);
    }
    __atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(w.failed);
    ept_retired_free(&retired); /* only now: the walker could have been in any of them */
    ept_destroy(&ept);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin_heap, end_heap)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_entries_as_the_manual_has_them),
        TEST(test_largest_leaves),
        TEST(test_memory_types_choose_the_leaves),
        TEST(test_types_no_entry_can_have_become_uncacheable),
        TEST(test_replacing_and_splitting),
        TEST(test_invalid_requests_change_nothing),
        TEST(test_the_ends_of_the_address_space),
        TEST(test_unmapping_nothing),
        TEST(test_random_changes_against_the_model),
        TEST(test_random_lists_against_the_model),
        cmocka_unit_test_setup_teardown(test_every_allocation_failure, begin_small_heap, end_heap),
        TEST(test_a_huge_request_is_refused),
        TEST(test_walkers_see_old_or_new_at_any_moment),
        TEST(test_a_walker_at_the_same_time_always_finds_a_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
