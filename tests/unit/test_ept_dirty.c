/* SPDX-License-Identifier: MIT */
/* sources: vmm/memory/ept.c vmm/memory/ept_retired.c vmm/memory/ept_protect.c vmm/memory/ept_dirty.c
 * kernel/memory/page_alloc.c tests/unit/ept_model.c tests/unit/stubs.c */
#include "arch/cpu/direct_map.h"
#include "kernel/memory/page_alloc.h"
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/ept_model.h"

#define KIB 1024ull
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)
#define BASE (510 * GIB)
#define RW (EPT_READ | EPT_WRITE)
#define RWX (RW | EPT_EXECUTE)
#define TRACKED (RWX | EPT_TRACK)

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
    random_state = 0x9e3779b97f4a7c15ull;
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

static uint8_t write_back(void *ctx, uint64_t hpa, uint64_t size)
{
    (void)ctx, (void)hpa, (void)size;
    return 6;
}

/* The entry that maps `gpa` at the level, as a processor reads it. */
static uint64_t entry_at(const struct ept *ept, uint64_t gpa, unsigned level)
{
    uint64_t entry = ept->pml4;
    for (unsigned l = 4; l >= level; l--) {
        const uint64_t *table = phys_to_virt(entry & 0x000ffffffffff000ull);
        entry = table[(gpa >> (12 + 9 * (l - 1))) % 512];
    }
    return entry;
}

static void test_clean_pages_have_no_write_right(void **state)
{
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, true, true);
    assert_int_equal(ept_map(&m.ept, BASE, 4 * GIB, 4 * MIB, TRACKED, write_back, NULL, &m.retired), EPT_OK);
    assert_int_equal(m.ept.leaf_2m, 2);
    assert_int_equal(entry_at(&m.ept, BASE, 2) & 7, EPT_READ | EPT_EXECUTE);
    assert_int_equal(ept_mark_dirty(&m.ept, BASE + 0x5123), EPT_DIRTY_DONE);
    assert_int_equal(m.ept.leaf_2m, 1);
    assert_int_equal(m.ept.leaf_4k, 512);
    assert_int_equal(entry_at(&m.ept, BASE + 0x5000, 1) & 7, RWX);
    assert_int_equal(entry_at(&m.ept, BASE + 0x4000, 1) & 7, EPT_READ | EPT_EXECUTE);
    assert_int_equal(entry_at(&m.ept, BASE + 2 * MIB, 2) & 7, EPT_READ | EPT_EXECUTE);
    uint64_t bits[16], count = 0;
    assert_int_equal(ept_query_dirty(&m.ept, BASE, 4 * MIB, bits, &count), EPT_OK);
    assert_int_equal(bits[0], 1 << 5);
    assert_int_equal(count, 1);
    assert_int_equal(entry_at(&m.ept, BASE + 0x5000, 1) & 7, EPT_READ | EPT_EXECUTE);
    count = 0;
    assert_int_equal(ept_query_dirty(&m.ept, BASE, 4 * MIB, bits, &count), EPT_OK);
    assert_int_equal(bits[0] | count, 0);
    assert_int_equal(ept_unmap(&m.ept, BASE, 4 * MIB, &m.retired), EPT_OK);
    ept_model_end(&m);
}

static void test_query_needs_tracking_everywhere(void **state)
{
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, true, true);
    assert_int_equal(ept_model_query(&m, BASE, 0x1000, EPT_NOT_MAPPED), 0);
    assert_int_equal(ept_model_map(&m, BASE, 4 * GIB, 8 * MIB, TRACKED), EPT_OK);
    assert_int_equal(ept_model_map(&m, BASE + 8 * MIB, 4 * GIB, 0x1000, RWX), EPT_OK);
    assert_true(ept_model_write(&m, BASE + 8 * MIB - 1));
    assert_false(ept_model_write(&m, BASE + 8 * MIB));
    assert_false(ept_model_write(&m, BASE + 9 * MIB));
    assert_int_equal(ept_model_query(&m, BASE, 8 * MIB + 0x1000, EPT_NOT_MAPPED), 0);
    assert_int_equal(ept_model_query(&m, BASE - 0x1000, 0x2000, EPT_NOT_MAPPED), 0);
    assert_int_equal(ept_model_query(&m, BASE, 8 * MIB, EPT_OK), 1);
    assert_int_equal(ept_query_dirty(&m.ept, BASE + 1, 0x1000, NULL, &random_state), EPT_INVALID);
    assert_int_equal(ept_query_dirty(&m.ept, BASE, 0, NULL, &random_state), EPT_INVALID);
    assert_int_equal(ept_query_dirty(&m.ept, 0, 1ull << 49, NULL, &random_state), EPT_INVALID);
    ept_model_check(&m);
    ept_model_end(&m);
}

static void test_protect_keeps_what_is_dirty(void **state)
{
    (void)state;
    struct ept_model m;
    ept_model_begin(&m, true, true);
    assert_int_equal(ept_model_map(&m, BASE, 4 * GIB, 8 * MIB, TRACKED), EPT_OK);
    assert_true(ept_model_write(&m, BASE + 0x3000));
    assert_true(ept_model_write(&m, BASE + 0x9000));
    assert_int_equal(ept_model_protect(&m, BASE, 0x5000, EPT_READ | EPT_TRACK), EPT_OK);
    assert_int_equal(entry_at(&m.ept, BASE + 0x3000, 1) & 7, EPT_READ);
    assert_false(ept_model_write(&m, BASE + 0x3000));
    assert_false(ept_model_write(&m, BASE + 0x4000));
    assert_int_equal(ept_model_protect(&m, BASE, 0x5000, TRACKED), EPT_OK);
    assert_int_equal(entry_at(&m.ept, BASE + 0x3000, 1) & 7, RWX);
    assert_int_equal(ept_model_query(&m, BASE, 8 * MIB, EPT_OK), 2);
    assert_true(ept_model_write(&m, BASE + 0x9000));
    assert_int_equal(ept_model_protect(&m, BASE + 0x9000, 0x1000, RWX), EPT_OK);
    assert_int_equal(ept_model_protect(&m, BASE + 0x9000, 0x1000, TRACKED), EPT_OK);
    assert_int_equal(ept_model_query(&m, BASE, 8 * MIB, EPT_OK), 0);
    ept_model_check(&m);
    ept_model_end(&m);
}

/* Without memory for tables a large page becomes dirty whole, and stays so until a query has all of it. */
static void test_out_of_memory_dirties_the_large_page(void **state)
{
    (void)state;
    for (uint64_t pages = 0; pages < 2; pages++) {
        struct ept ept;
        struct ept_retired retired = {0};
        uint64_t size = pages == 0 ? GIB : 2 * MIB, count = 0, word = 0;
        assert_true(ept_init(&ept, PAGE_ACCOUNT_PARTITIONS, true, true));
        assert_int_equal(ept_map(&ept, BASE, 4 * GIB, 2 * GIB, TRACKED, write_back, NULL, &retired), EPT_OK);
        page_alloc_fail_after(pages);
        assert_int_equal(ept_mark_dirty(&ept, BASE + 0x7000), EPT_DIRTY_WHOLE);
        assert_int_equal(ept_mark_dirty(&ept, BASE + 0x8000), EPT_DIRTY_WHOLE);
        page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
        assert_int_equal(ept_mark_dirty(&ept, BASE + 0x9000), EPT_DIRTY_WHOLE);
        assert_int_equal(ept_query_dirty(&ept, BASE + 0x7000, 0x2000, &word, &count), EPT_OK);
        assert_int_equal(word, 3);
        assert_int_equal(count, 2);
        count = 0;
        assert_int_equal(ept_query_dirty(&ept, BASE, 2 * GIB, NULL, &count), EPT_OK);
        assert_int_equal(count, size / 4096);
        count = 0;
        assert_int_equal(ept_query_dirty(&ept, BASE, 2 * GIB, NULL, &count), EPT_OK);
        assert_int_equal(count, 0);
        ept_destroy(&ept);
    }
}

static void random_range(uint64_t *gpa, uint64_t *size)
{
    static const uint64_t units[] = {4 * KIB, 64 * KIB, 2 * MIB};
    uint64_t unit = units[random_below(3)];
    *gpa = BASE + random_below(64 * MIB / unit) * unit;
    *size = (1 + random_below(300)) * (random_below(3) == 0 ? 4 * KIB : unit);
    *size = *size < BASE + 64 * MIB - *gpa ? *size : BASE + 64 * MIB - *gpa;
}

static void random_step(struct ept_model *m)
{
    static const unsigned rights[] = {EPT_READ, RWX, TRACKED, TRACKED, TRACKED, EPT_READ | EPT_TRACK};
    uint64_t gpa, size, kind = random_below(16);
    random_range(&gpa, &size);
    if (kind == 0) {
        (void)ept_model_unmap(m, gpa, size);
    } else if (kind < 4) {
        (void)ept_model_map(m, gpa, gpa - BASE + 4 * KIB * random_below(2), size, rights[random_below(6)]);
    } else if (kind < 7) {
        (void)ept_model_protect(m, gpa, size, rights[random_below(6)]);
    } else if (kind < 9) {
        (void)ept_model_query(m, gpa, size, ept_model_tracked(m, gpa, size) ? EPT_OK : EPT_NOT_MAPPED);
    } else {
        (void)ept_model_write(m, gpa);
    }
}

static void test_random_steps_against_the_model(void **state)
{
    (void)state;
    for (unsigned config = 0; config < 8; config++) {
        struct ept_model m;
        ept_model_begin(&m, (config & 1) != 0, (config & 2) != 0);
        assert_int_equal(ept_model_map(&m, BASE, 0, 64 * MIB, TRACKED), EPT_OK);
        for (unsigned i = 0; i < 400 && m.count + 4 < MODEL_CHANGES_MAX; i++) {
            page_alloc_fail_after((config & 4) != 0 && i % 3 == 0 ? i % 5 : PAGE_ALLOC_NEVER_FAIL);
            random_step(&m);
            page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
            if (i % 16 == 15) {
                ept_model_check(&m);
            }
        }
        ept_model_check(&m);
        ept_model_end(&m);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin_heap, end_heap)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_clean_pages_have_no_write_right), TEST(test_query_needs_tracking_everywhere),
        TEST(test_protect_keeps_what_is_dirty),     TEST(test_out_of_memory_dirties_the_large_page),
        TEST(test_random_steps_against_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
