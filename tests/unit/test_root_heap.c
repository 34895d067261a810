/* SPDX-License-Identifier: MIT */
/* sources: root/lib/heap.c -Dmalloc=root_malloc -Dcalloc=root_calloc -Drealloc=root_realloc -Dfree=root_free */
#include "root/lib/heap.h"

#include <stdint.h>
#include <string.h>

#include "root/lib/memory.h"
#include "tests/unit/cmocka_tests.h"

#define POOL_PAGES 64u

static uint8_t pool[POOL_PAGES * 4096] __attribute__((aligned(4096)));
static size_t pages_used;

/* Large blocks come from here, once each. */
#define LARGE_PAGES 12800u
static uint8_t large_pool[LARGE_PAGES * 4096] __attribute__((aligned(4096)));
static size_t large_used;

void *root_alloc_pages(size_t pages, size_t alignment)
{
    (void)alignment;
    if (pages > 4096 && pages <= LARGE_PAGES - large_used) {
        large_used += pages;
        return large_pool + (large_used - pages) * 4096;
    }
    if (pages > POOL_PAGES - pages_used) {
        return NULL;
    }
    pages_used += pages;
    return pool + (pages_used - pages) * 4096;
}

static int empty_pool(void **state)
{
    (void)state;
    memset(pool, 0xcc, sizeof(pool));
    return 0;
}

static void test_blocks_do_not_meet(void **state)
{
    static uint8_t *blocks[60];
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        blocks[i] = calloc(i * 20 + 1, 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (unsigned k = 0; k < i * 20 + 1; k++) {
            assert_int_equal(blocks[i][k], 0);
        }
        memset(blocks[i], (int)i, i * 20 + 1);
    }
    for (unsigned i = 0; i < 60; i++) {
        for (unsigned k = 0; k < i * 20 + 1; k++) {
            assert_int_equal(blocks[i][k], i);
        }
        free(blocks[i]);
    }
    size_t before = pages_used;
    for (unsigned i = 0; i < 60; i++) {
        blocks[i] = malloc(i * 20 + 1);
    }
    assert_int_equal(before, pages_used); /* freed blocks were used again */
    for (unsigned i = 0; i < 60; i++) {
        free(blocks[i]);
    }
}

static void test_growth(void **state)
{
    char *block = realloc(NULL, 10);
    (void)state;
    memcpy(block, "123456789", 10);
    block = realloc(block, 5000);
    assert_string_equal(block, "123456789");
    block = realloc(block, 5);
    assert_memory_equal(block, "12345", 5);
    free(block);
    free(NULL);
}

#define MIB ((size_t)1 << 20)

/* Above the largest class: whole pages, that are used again for what is not much smaller. */
static void test_large_blocks(void **state)
{
    (void)state;
    uint8_t *block = malloc(17 * MIB);
    assert_non_null(block);
    assert_int_equal(large_used, 17 * 256 + 1);
    memset(block, 7, 17 * MIB);
    uint8_t *grown = realloc(block, 20 * MIB);
    assert_non_null(grown);
    assert_int_equal(grown[0], 7);
    assert_int_equal(grown[17 * MIB - 1], 7);
    assert_int_equal(large_used, 37 * 256 + 2);
    uint8_t *again = malloc(16 * MIB), *none = malloc(20 * MIB);
    assert_ptr_equal(again, block); /* the one that realloc gave back */
    assert_null(none);
    free(grown);
    uint8_t *last = malloc(20 * MIB);
    assert_ptr_equal(last, grown);
    free(last);
    free(again);
    free(none);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    /* NOLINTBEGIN(clang-analyzer-*): these are root/lib/heap.c's, under other names */
    assert_null(malloc(POOL_PAGES * 4096));
    assert_null(malloc(SIZE_MAX));
    assert_null(calloc(SIZE_MAX / 2, 3));
    void *block = malloc(100);
    assert_null(realloc(block, SIZE_MAX / 2));
    free(block);
    /* NOLINTEND(clang-analyzer-*) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_do_not_meet),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_large_blocks),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, empty_pool, NULL);
}
