/* SPDX-License-Identifier: MIT */
/* sources: kernel/memory/page_alloc.c tests/unit/stubs.c */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arch/cpu/direct_map.h"
#include "kernel/memory/page_alloc.h"
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/stubs.h"

#define HEAP_PA 0x200000u
#define HEAP_PAGES 64u
#define RECORD_PAGES 1u
#define USABLE (HEAP_PAGES - RECORD_PAGES)

static uint8_t *arena;

static int set_up(void **state)
{
    (void)state;
    arena = aligned_alloc(PAGE_SIZE, HEAP_PAGES * PAGE_SIZE);
    memset(arena, 0xcc, HEAP_PAGES * PAGE_SIZE);
    direct_map_base = (uintptr_t)arena - HEAP_PA;
    page_alloc_init(HEAP_PA, HEAP_PAGES * PAGE_SIZE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(arena);
    return 0;
}

static void expect_stats(uint64_t host, uint64_t ept, uint64_t partition, uint64_t vp, uint64_t failed)
{
    struct page_stats stats;
    page_alloc_stats(&stats);
    assert_int_equal(stats.total, HEAP_PAGES);
    assert_int_equal(stats.used[PAGE_USE_HOST], RECORD_PAGES + host);
    assert_int_equal(stats.used[PAGE_USE_EPT], ept);
    assert_int_equal(stats.used[PAGE_USE_PARTITION], partition);
    assert_int_equal(stats.used[PAGE_USE_VP], vp);
    assert_int_equal(stats.failed, failed);
    assert_int_equal(stats.free, USABLE - host - ept - partition - vp);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool is_usable(const void *page)
{
    uintptr_t offset = (uintptr_t)page - (uintptr_t)arena;
    return offset % PAGE_SIZE == 0 && offset >= RECORD_PAGES * PAGE_SIZE && offset < HEAP_PAGES * PAGE_SIZE;
}

static void test_a_page(void **state)
{
    (void)state;
    expect_stats(0, 0, 0, 0, 0);
    uint8_t *page = page_alloc(PAGE_USE_EPT);
    assert_true(is_usable(page));
    assert_true(is_zero(page, PAGE_SIZE));
    expect_stats(0, 1, 0, 0, 0);
    memset(page, 0x55, PAGE_SIZE);
    page_free(page, PAGE_USE_EPT);
    expect_stats(0, 0, 0, 0, 0);
    uint8_t *again = page_alloc(PAGE_USE_VP);
    assert_ptr_equal(again, page); /* the page used last is the one likely to be in the cache */
    assert_true(is_zero(again, PAGE_SIZE));
    expect_stats(0, 0, 0, 1, 0);
}

static void test_exhaustion(void **state)
{
    void *pages[USABLE];
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < USABLE; i++) {
            pages[i] = page_alloc(PAGE_USE_PARTITION);
            assert_true(is_usable(pages[i]));
            memset(pages[i], (int)i + 1, PAGE_SIZE);
        }
        assert_null(page_alloc(PAGE_USE_HOST));
        assert_null(page_alloc_contiguous(PAGE_USE_HOST, 2));
        expect_stats(0, 0, USABLE, 0, 2 * (uint64_t)round + 2);
        for (size_t i = 0; i < USABLE; i++) {
            assert_int_equal(*(uint8_t *)pages[i], i + 1); /* all different pages */
            page_free(pages[i], PAGE_USE_PARTITION);
        }
        expect_stats(0, 0, 0, 0, 2 * (uint64_t)round + 2);
    }
}

static void test_contiguous(void **state)
{
    (void)state;
    uint8_t *run = page_alloc_contiguous(PAGE_USE_HOST, 5);
    assert_true(is_usable(run));
    assert_true(is_usable(run + 4 * PAGE_SIZE));
    assert_true(is_zero(run, 5 * PAGE_SIZE));
    expect_stats(5, 0, 0, 0, 0);
    page_free_contiguous(run, PAGE_USE_HOST, 2);
    page_free(run + 4 * PAGE_SIZE, PAGE_USE_HOST);
    page_free_contiguous(run + 2 * PAGE_SIZE, PAGE_USE_HOST, 2);
    expect_stats(0, 0, 0, 0, 0);
    run = page_alloc_contiguous(PAGE_USE_VP, USABLE);
    assert_ptr_equal(run, arena + RECORD_PAGES * PAGE_SIZE);
    assert_null(page_alloc(PAGE_USE_HOST));
    page_free_contiguous(run, PAGE_USE_VP, USABLE);
    expect_stats(0, 0, 0, 0, 1);
}

static void test_impossible_runs(void **state)
{
    (void)state;
    assert_null(page_alloc_contiguous(PAGE_USE_HOST, 0));
    assert_null(page_alloc_contiguous(PAGE_USE_HOST, USABLE + 1));
    assert_null(page_alloc_contiguous(PAGE_USE_HOST, SIZE_MAX));
    assert_null(page_alloc_contiguous(PAGE_USE_HOST, SIZE_MAX / PAGE_SIZE + 2));
    expect_stats(0, 0, 0, 0, 4);
}

static void test_fragmentation(void **state)
{
    uint8_t *all;
    (void)state;
    all = page_alloc_contiguous(PAGE_USE_HOST, USABLE);
    for (size_t i = 0; i < USABLE; i += 2) {
        page_free(all + i * PAGE_SIZE, PAGE_USE_HOST);
    }
    assert_null(page_alloc_contiguous(PAGE_USE_HOST, 2));
    page_free(all + 9 * PAGE_SIZE, PAGE_USE_HOST);
    assert_ptr_equal(page_alloc_contiguous(PAGE_USE_HOST, 3), all + 8 * PAGE_SIZE);
    assert_null(page_alloc_contiguous(PAGE_USE_HOST, 2));
    assert_non_null(page_alloc(PAGE_USE_HOST));
}

static void test_bad_frees_panic(void **state)
{
    uint8_t *page = page_alloc(PAGE_USE_EPT);
    uint8_t *run = page_alloc_contiguous(PAGE_USE_VP, 3);
    uint8_t outside;
    (void)state;

    EXPECT_PANIC(page_free(page, PAGE_USE_VP));
    EXPECT_PANIC(page_free(page + 8, PAGE_USE_EPT));
    EXPECT_PANIC(page_free(page + PAGE_SIZE, PAGE_USE_EPT));
    EXPECT_PANIC(page_free(&outside, PAGE_USE_EPT));
    EXPECT_PANIC(page_free(arena - PAGE_SIZE, PAGE_USE_EPT));
    EXPECT_PANIC(page_free(arena + HEAP_PAGES * PAGE_SIZE, PAGE_USE_EPT));
    EXPECT_PANIC(page_free(arena, PAGE_USE_HOST)); /* the allocator's own */
    EXPECT_PANIC(page_free(arena, PAGE_USE_COUNT));
    EXPECT_PANIC(page_free_contiguous(run, PAGE_USE_VP, 4));
    EXPECT_PANIC(page_free_contiguous(run, PAGE_USE_VP, 0));
    EXPECT_PANIC(page_free_contiguous(run, PAGE_USE_VP, SIZE_MAX));
    expect_stats(0, 1, 0, 3, 0);
    page_free(page, PAGE_USE_EPT);
    EXPECT_PANIC(page_free(page, PAGE_USE_EPT));
    assert_non_null(strstr(stub_panic_text, "page_free"));
    page_free(run + PAGE_SIZE, PAGE_USE_VP);
    EXPECT_PANIC(page_free_contiguous(run, PAGE_USE_VP, 3));
    expect_stats(0, 0, 0, 2, 0);
}

static void test_null_is_ignored(void **state)
{
    (void)state;
    page_free(NULL, PAGE_USE_EPT);
    page_free_contiguous(NULL, PAGE_USE_EPT, 3);
    expect_stats(0, 0, 0, 0, 0);
}

static void test_fail_after(void **state)
{
    (void)state;
    page_alloc_fail_after(2);
    uint8_t *first = page_alloc(PAGE_USE_EPT);
    uint8_t *second = page_alloc_contiguous(PAGE_USE_EPT, 3);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(page_alloc(PAGE_USE_EPT));
    assert_null(page_alloc_contiguous(PAGE_USE_EPT, 2));
    expect_stats(0, 4, 0, 0, 2);
    page_free(first, PAGE_USE_EPT);
    assert_null(page_alloc(PAGE_USE_EPT));
    page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
    assert_non_null(page_alloc(PAGE_USE_EPT));
    page_alloc_fail_after(0);
    assert_null(page_alloc(PAGE_USE_EPT));
    page_alloc_init(HEAP_PA, HEAP_PAGES * PAGE_SIZE);
    assert_non_null(page_alloc(PAGE_USE_EPT));
}

#define ACCOUNT (PAGE_ACCOUNT_PARTITIONS + 3u)

static void test_bounds(void **state)
{
    void *pages[4];
    (void)state;
    assert_int_equal(page_account_bound(ACCOUNT), PAGE_NO_BOUND);
    page_account_set_bound(ACCOUNT, 4);
    for (size_t i = 0; i < 4; i++) {
        pages[i] = page_alloc_for(ACCOUNT, PAGE_USE_EPT);
        assert_true(is_usable(pages[i]));
    }
    assert_null(page_alloc_for(ACCOUNT, PAGE_USE_VP));
    assert_int_equal(page_account_used(ACCOUNT), 4);
    assert_non_null(page_alloc_for(ACCOUNT + 1, PAGE_USE_VP)); /* nobody else's matter */
    expect_stats(0, 4, 0, 1, 1);
    page_account_set_bound(ACCOUNT, 2);
    page_free(pages[0], PAGE_USE_EPT);
    page_free(pages[1], PAGE_USE_EPT);
    assert_null(page_alloc_for(ACCOUNT, PAGE_USE_EPT));
    page_free(pages[2], PAGE_USE_EPT);
    assert_ptr_equal(page_alloc_for(ACCOUNT, PAGE_USE_EPT), pages[2]);
    assert_null(page_alloc_for(ACCOUNT, PAGE_USE_EPT));
    page_account_set_bound(ACCOUNT, PAGE_NO_BOUND);
    assert_non_null(page_alloc_for(ACCOUNT, PAGE_USE_EPT));
    assert_int_equal(page_account_used(ACCOUNT), 3);
    assert_int_equal(page_account_used(PAGE_ACCOUNT_HYPERVISOR), RECORD_PAGES);
}

/* Pages kept are used from the start, survive a full heap, and come back to who they are kept for. */
static void test_kept_pages(void **state)
{
    void *pages[3];
    (void)state;
    assert_non_null(page_alloc_for(PAGE_ACCOUNT_ROOT_MAP, PAGE_USE_EPT));
    assert_false(page_account_keep(PAGE_ACCOUNT_ROOT_MAP, PAGE_USE_EPT, USABLE));
    assert_true(page_account_keep(PAGE_ACCOUNT_ROOT_MAP, PAGE_USE_EPT, 3));
    expect_stats(0, 4, 0, 0, 0);
    assert_null(page_alloc_contiguous(PAGE_USE_HOST, USABLE - 3));
    for (size_t i = 0; i < USABLE - 4; i++) {
        assert_non_null(page_alloc(PAGE_USE_VP));
    }
    assert_null(page_alloc(PAGE_USE_VP));
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++) {
            pages[i] = page_alloc_for(PAGE_ACCOUNT_ROOT_MAP, PAGE_USE_EPT);
            assert_true(is_usable(pages[i]));
        }
        assert_null(page_alloc_for(PAGE_ACCOUNT_ROOT_MAP, PAGE_USE_EPT));
        for (size_t i = 0; i < 3; i++) {
            page_free(pages[i], PAGE_USE_EPT);
            assert_null(page_alloc(PAGE_USE_VP));
        }
        assert_int_equal(page_account_used(PAGE_ACCOUNT_ROOT_MAP), 4);
    }
}

static void test_unaligned_region(void **state)
{
    struct page_stats stats;
    (void)state;
    page_alloc_init(HEAP_PA + 1, 8 * PAGE_SIZE);
    page_alloc_stats(&stats);
    assert_int_equal(stats.total, 7);
    assert_int_equal(stats.free, 6);
    page_alloc_init(HEAP_PA, 2 * PAGE_SIZE);
    page_alloc_stats(&stats);
    assert_int_equal(stats.free, 1);
}

static void test_regions_too_small(void **state)
{
    (void)state;
    EXPECT_PANIC(page_alloc_init(HEAP_PA, 0));
    EXPECT_PANIC(page_alloc_init(HEAP_PA, PAGE_SIZE));
    EXPECT_PANIC(page_alloc_init(HEAP_PA + 1, 2 * PAGE_SIZE));
    EXPECT_PANIC(page_alloc_init(HEAP_PA, UINT64_MAX));
    EXPECT_PANIC(page_alloc_init(HEAP_PA, 1ull << 50));
}

struct held {
    uint8_t *memory;
    size_t pages;
    enum page_use use;
    uint8_t pattern;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void release(struct held *held)
{
    for (size_t i = 0; i < held->pages * PAGE_SIZE; i += 256) {
        assert_int_equal(held->memory[i], held->pattern);
    }
    page_free_contiguous(held->memory, held->use, held->pages);
    held->memory = NULL;
}

static void acquire(struct held *held, uint32_t *seed)
{
    held->pages = 1 + (next_random(seed) % 4 == 0 ? next_random(seed) % 6 : 0);
    held->use = (enum page_use)(next_random(seed) % PAGE_USE_COUNT);
    held->pattern = (uint8_t)(1 + next_random(seed) % 255);
    held->memory = page_alloc_contiguous(held->use, held->pages);
    if (held->memory != NULL) {
        assert_true(is_zero(held->memory, held->pages * PAGE_SIZE));
        memset(held->memory, held->pattern, held->pages * PAGE_SIZE);
    }
}

static void test_random_use(void **state)
{
    struct held held[40] = {{.memory = NULL}};
    struct page_stats stats;
    uint32_t seed = 7;
    (void)state;
    for (int step = 0; step < 4000; step++) {
        struct held *slot = &held[next_random(&seed) % 40];
        if (slot->memory != NULL) {
            release(slot);
        } else {
            acquire(slot, &seed);
        }
        uint64_t used[PAGE_USE_COUNT] = {RECORD_PAGES};
        for (size_t i = 0; i < 40; i++) {
            used[held[i].use] += held[i].memory != NULL ? held[i].pages : 0;
        }
        page_alloc_stats(&stats);
        assert_memory_equal(stats.used, used, sizeof(used));
        uint64_t sum = stats.free;
        for (size_t i = 0; i < PAGE_USE_COUNT; i++) {
            sum += used[i];
        }
        assert_int_equal(sum, HEAP_PAGES);
    }
    for (size_t i = 0; i < 40; i++) {
        if (held[i].memory != NULL) {
            release(&held[i]);
        }
    }
    assert_non_null(page_alloc_contiguous(PAGE_USE_HOST, USABLE));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_exhaustion, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_contiguous, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_impossible_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fragmentation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_frees_panic, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_null_is_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fail_after, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kept_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unaligned_region, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_regions_too_small, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random_use, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
