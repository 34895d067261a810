/* SPDX-License-Identifier: MIT */
/* sources: vmm/memory/ept.c vmm/memory/ept_retired.c vmm/memory/ept_protect.c vmm/memory/ept_dirty.c
 * kernel/memory/page_alloc.c tests/unit/ept_model.c tests/unit/stubs.c */
#include <pthread.h>

#include "kernel/memory/page_alloc.h"
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/ept_model.h"

#define MIB 0x100000ull
#define GIB (1024 * MIB)
#define BASE (512 * GIB)
#define RWX (EPT_READ | EPT_WRITE | EPT_EXECUTE)

static int begin_heap(void **state)
{
    (void)state;
    ept_model_heap_begin(8 * MIB);
    return 0;
}

static int end_heap(void **state)
{
    (void)state;
    page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
    ept_model_heap_end();
    return 0;
}

static uint8_t uncached(void *ctx, uint64_t hpa, uint64_t size)
{
    (void)ctx, (void)hpa, (void)size;
    return 0;
}

static void test_whole_leaves_are_not_split(void **state)
{
    (void)state;
    struct ept ept;
    struct ept_retired retired = {0};
    struct ept_leaf leaf;
    assert_true(ept_init(&ept, PAGE_ACCOUNT_PARTITIONS, true, true));
    assert_int_equal(ept_map(&ept, BASE, 8 * GIB, 2 * GIB, RWX, uncached, NULL, &retired), EPT_OK);
    uint64_t tables = ept.tables;
    assert_int_equal(ept_protect(&ept, BASE + GIB, GIB, EPT_READ), EPT_OK);
    assert_int_equal(ept.tables, tables);
    assert_true(ept_lookup(&ept, BASE + GIB, &leaf));
    assert_int_equal(leaf.rights, EPT_READ);
    assert_int_equal(leaf.size, GIB);
    assert_int_equal(leaf.hpa, 9 * GIB);
    assert_int_equal(leaf.memory_type, 0);
    assert_int_equal(ept_protect(&ept, BASE + 2 * MIB, 4 * MIB, EPT_READ), EPT_OK);
    assert_int_equal(ept.tables, tables + 1);
    assert_int_equal(ept.leaf_2m, 512);
    assert_int_equal(ept_protect(&ept, BASE + 3 * MIB, 0x1000, RWX), EPT_OK);
    assert_int_equal(ept.leaf_4k, 512);
    assert_true(ept_lookup(&ept, BASE + 3 * MIB, &leaf));
    assert_int_equal(leaf.rights, RWX);
    assert_true(ept_lookup(&ept, BASE + 3 * MIB + 0x1000, &leaf));
    assert_int_equal(leaf.rights, EPT_READ);
    ept_destroy(&ept);
}

static void test_refusals_change_nothing(void **state)
{
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, true, true);
    assert_int_equal(ept_model_map(&m, BASE, 8 * GIB, 8 * MIB, RWX), EPT_OK);
    assert_int_equal(ept_model_protect(&m, BASE, 8 * MIB + 0x1000, EPT_READ), EPT_NOT_MAPPED);
    assert_int_equal(ept_model_protect(&m, BASE - 0x1000, 0x2000, EPT_READ), EPT_NOT_MAPPED);
    static const struct {
        uint64_t gpa, size;
        unsigned rights;
    } bad[] = {{BASE + 1, 0x1000, RWX},
               {BASE, 0, RWX},
               {BASE, 0x1000, 0},
               {BASE, 0x1000, EPT_WRITE},
               {BASE, 0x1000, EPT_EXECUTE},
               {BASE, 0x1000, EPT_TRACK},
               {BASE, 0x1000, 16 | RWX},
               {1ull << 48, 0x1000, RWX},
               {0, (1ull << 48) + 0x1000, RWX}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ept_protect(&m.ept, bad[i].gpa, bad[i].size, bad[i].rights), EPT_INVALID);
    }
    ept_model_check(&m);
    ept_model_end(&m);
}

/* Both ends in one 1 GiB leaf, in two, on boundaries: each with every smaller number of pages than it needs. */
static void test_every_allocation_failure(void **state)
{
    (void)state;
    static const struct {
        uint64_t from, to;
        uint64_t pages;
    } cases[] = {{0, GIB, 0},
                 {2 * MIB, GIB, 1},
                 {0x1000, GIB, 2},
                 {0x1000, 0x2000, 2},
                 {0x1000, 4 * MIB, 2},
                 {0x1000, 4 * MIB + 0x1000, 3},
                 {0x1000, GIB + 0x1000, 4},
                 {2 * MIB, GIB + 2 * MIB, 2},
                 {GIB, GIB + 0x1000, 2},
                 {0, 2 * GIB, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ept_model m;
        ept_model_begin(&m, true, true);
        struct ept_retired retired = {0};
        assert_int_equal(ept_map(&m.ept, BASE, 8 * GIB, 2 * GIB, RWX, uncached, NULL, &retired), EPT_OK);
        uint64_t tables = m.ept.tables, k = 0;
        enum ept_status status = EPT_OUT_OF_MEMORY;
        for (; status == EPT_OUT_OF_MEMORY; k++) {
            assert_int_equal(m.ept.tables, tables);
            page_alloc_fail_after(k);
            status = ept_protect(&m.ept, BASE + cases[i].from, cases[i].to - cases[i].from, EPT_READ);
        }
        page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
        assert_int_equal(status, EPT_OK);
        assert_int_equal(k - 1, cases[i].pages);
        assert_int_equal(m.ept.tables, tables + cases[i].pages);
        ept_model_end(&m);
    }
}

/* A walker on another processor: it always finds the page, with the old rights or the new. */
struct walker {
    const struct ept *ept;
    bool stop, failed; /* atomic */
};

static void *walk_on(void *argument)
{
    struct walker *w = argument;
    for (uint64_t gpa = BASE; !__atomic_load_n(&w->stop, __ATOMIC_RELAXED); gpa += 4096) {
        struct ept_leaf leaf;
        gpa = gpa < BASE + 4 * MIB ? gpa : BASE;
        bool found = ept_lookup(w->ept, gpa, &leaf);
        if (!found || leaf.hpa + (gpa & (leaf.size - 1)) != GIB + (gpa - BASE) ||
            (leaf.rights != RWX && leaf.rights != EPT_READ && leaf.rights != (RWX | EPT_TRACK))) {
            __atomic_store_n(&w->failed, true, __ATOMIC_RELAXED);
            return NULL;
        }
    }
    return NULL;
}

static void test_a_walker_at_the_same_time_always_finds_a_mapping(void **state)
{
    (void)state;
    static const unsigned rights[] = {RWX, EPT_READ, RWX | EPT_TRACK};
    struct ept ept;
    struct ept_retired retired = {0};
    struct walker w = {.ept = &ept};
    pthread_t thread;
    assert_true(ept_init(&ept, PAGE_ACCOUNT_PARTITIONS, true, true));
    assert_int_equal(ept_map(&ept, BASE, GIB, 4 * MIB, RWX, uncached, NULL, &retired), EPT_OK);
    assert_int_equal(pthread_create(&thread, NULL, walk_on, &w), 0);
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t cut = i % 3 * 4096;
        assert_int_equal(ept_protect(&ept, BASE + cut, 4 * MIB - 2 * cut, rights[i % 7 % 3]), EPT_OK);
    }
    __atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(w.failed);
    ept_destroy(&ept);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin_heap, end_heap)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole_leaves_are_not_split),
        TEST(test_refusals_change_nothing),
        TEST(test_every_allocation_failure),
        TEST(test_a_walker_at_the_same_time_always_finds_a_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
