/* SPDX-License-Identifier: MIT */
/* sources: vmm/memory/extent_list.c */
#include "tests/unit/cmocka_tests.h"
#include "vmm/memory/extent_list.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define PAGE 4096ull

static uint32_t piece_of_one(uint64_t gpa, uint64_t pa, uint64_t size, uint64_t *fits)
{
    struct whb_extent e = {.gpa = gpa, .pa = pa, .size = size, .flags = WHB_MAP_READ};
    uint64_t bytes = 0;
    uint32_t count = extent_list_piece(&e, 1, &bytes);
    *fits = e.size;
    assert_int_equal(bytes, e.size);
    assert_int_equal(e.gpa, gpa);
    assert_int_equal(e.pa, pa);
    return count;
}

static void test_one_extent(void **state)
{
    static const struct {
        uint64_t gpa, pa, size, fits;
    } cases[] = {
        {0, 0, PAGE, PAGE},
        {PAGE, 0, 4 * MIB, 4 * MIB},                /* 1,024 small pages */
        {PAGE, 0, 4 * MIB + PAGE, 4 * MIB},         /* one more */
        {0, 2 * MIB, 2 * GIB, 2 * GIB},             /* 1,024 large pages */
        {0, 2 * MIB, 2 * GIB + PAGE, 2 * GIB},      /* one more */
        {0, 5 * GIB, 1024 * GIB, 1024 * GIB},       /* 1,024 huge pages */
        {0, 5 * GIB, 4096 * GIB, 1024 * GIB},       /* and more */
        {MIB, MIB, 2 * MIB, 2 * MIB},               /* no large page in it */
        {2 * MIB - PAGE, 2 * MIB - PAGE, GIB, GIB}, /* a page, 511 large ones, 511 pages */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t fits;
        assert_int_equal(piece_of_one(cases[i].gpa, cases[i].pa, cases[i].size, &fits), 1);
        assert_int_equal(fits, cases[i].fits);
    }
}

static void test_lists(void **state)
{
    (void)state;
    struct whb_extent list[WHB_MAP_EXTENTS];
    uint64_t bytes = 1;
    for (uint32_t i = 0; i < WHB_MAP_EXTENTS; i++) {
        list[i] = (struct whb_extent){.gpa = i * 16 * KIB, .pa = i * 64 * KIB, .size = 8 * KIB, .flags = 1};
    }
    assert_int_equal(extent_list_piece(list, WHB_MAP_EXTENTS, &bytes), WHB_MAP_EXTENTS); /* two pages each */
    assert_int_equal(list[WHB_MAP_EXTENTS - 1].size, 8 * KIB);
    list[0].size = 12 * KIB;
    assert_int_equal(extent_list_piece(list, WHB_MAP_EXTENTS, &bytes), WHB_MAP_EXTENTS); /* one page too many */
    assert_int_equal(list[WHB_MAP_EXTENTS - 1].size, 4 * KIB);
    list[0].size = 16 * KIB;
    list[WHB_MAP_EXTENTS - 1].size = 8 * KIB;
    assert_int_equal(extent_list_piece(list, WHB_MAP_EXTENTS, &bytes), WHB_MAP_EXTENTS - 1); /* two pages too many */
    assert_int_equal(list[WHB_MAP_EXTENTS - 2].size, 8 * KIB);
    assert_int_equal(bytes, 4 * MIB);
    assert_int_equal(extent_list_piece(list, 0, &bytes), 0);
    assert_int_equal(bytes, 0);
}

static const struct extent_limits limits = {
    .gpa = 1ull << 40,
    .pa = 1ull << 39,
    .hypervisor = {{2 * MIB, 3 * MIB}, {64 * MIB, 96 * MIB}},
    .apic = {0xfee00000, 0xfee01000},
};

static enum extent_verdict verdict(const struct whb_extent *list, uint32_t count)
{
    uint64_t bytes = 0, sum = 0;
    enum extent_verdict v = extent_list_check(list, count, &limits, &bytes);
    for (uint32_t i = 0; i < count; i++) {
        sum += list[i].size;
    }
    assert_true(v != EXTENTS_GOOD || bytes == sum);
    return v;
}

/* Each is put among two good extents. */
static void test_what_is_wrong(void **state)
{
    static const struct {
        struct whb_extent e;
        enum extent_verdict expected;
    } cases[] = {
        {{GIB, GIB, PAGE, 7}, EXTENTS_GOOD},
        {{GIB, GIB, PAGE, 15}, EXTENTS_GOOD},
        {{GIB, GIB, PAGE, 1}, EXTENTS_GOOD},
        {{GIB, GIB, PAGE, 6}, EXTENTS_INVALID},
        {{GIB, GIB, PAGE, 0}, EXTENTS_INVALID},
        {{GIB, GIB, PAGE, 17}, EXTENTS_INVALID},
        {{GIB, GIB, PAGE, 1 | 1ull << 63}, EXTENTS_INVALID},
        {{GIB + 1, GIB, PAGE, 7}, EXTENTS_INVALID},
        {{GIB, GIB + 2048, PAGE, 7}, EXTENTS_INVALID},
        {{GIB, GIB, PAGE - 1, 7}, EXTENTS_INVALID},
        {{GIB, GIB, 0, 7}, EXTENTS_INVALID},
        {{GIB, (1ull << 39) - PAGE, PAGE, 7}, EXTENTS_GOOD},
        {{GIB, (1ull << 39) - PAGE, 2 * PAGE, 7}, EXTENTS_INVALID},
        {{GIB, 1ull << 39, PAGE, 7}, EXTENTS_INVALID},
        {{GIB, 0 - PAGE, 2 * PAGE, 7}, EXTENTS_INVALID},
        {{GIB, 1ull << 63, PAGE, 7}, EXTENTS_INVALID},
        {{GIB, PAGE, 0 - PAGE, 7}, EXTENTS_INVALID},
        {{1ull << 40, GIB, PAGE, 7}, EXTENTS_INVALID},
        {{1ull << 52, GIB, PAGE, 7}, EXTENTS_INVALID},
        {{4 * PAGE, GIB, PAGE, 7}, EXTENTS_GOOD},       /* right behind the one before */
        {{3 * PAGE, GIB, PAGE, 7}, EXTENTS_INVALID},    /* in it */
        {{0, GIB, PAGE, 7}, EXTENTS_INVALID},           /* before it */
        {{8 * GIB - PAGE, GIB, PAGE, 7}, EXTENTS_GOOD}, /* right before the next */
        {{8 * GIB - PAGE, GIB, 2 * PAGE, 7}, EXTENTS_INVALID},
        {{GIB, 2 * MIB - PAGE, PAGE, 7}, EXTENTS_GOOD},
        {{GIB, 2 * MIB - PAGE, 2 * PAGE, 7}, EXTENTS_DENIED},
        {{GIB, 3 * MIB - PAGE, PAGE, 7}, EXTENTS_DENIED},
        {{GIB, 3 * MIB, PAGE, 7}, EXTENTS_GOOD},
        {{GIB, 0, GIB, 7}, EXTENTS_DENIED},
        {{GIB, 95 * MIB, PAGE, 7}, EXTENTS_DENIED},
        {{GIB, 96 * MIB, PAGE, 7}, EXTENTS_GOOD},
        {{0xfee00000, GIB, PAGE, 7}, EXTENTS_DENIED},
        {{0xfedff000, GIB, PAGE, 7}, EXTENTS_GOOD},
        {{0xfedff000, GIB, 3 * PAGE, 7}, EXTENTS_DENIED},
        {{0xfee01000, GIB, PAGE, 7}, EXTENTS_GOOD},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct whb_extent list[3] = {{2 * PAGE, GIB, 2 * PAGE, 7}, cases[i].e, {8 * GIB, GIB, PAGE, 7}};
        assert_int_equal(verdict(list, 3), cases[i].expected);
    }
    assert_int_equal(verdict(NULL, 0), EXTENTS_GOOD);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_extent), cmocka_unit_test(test_lists),
                                              cmocka_unit_test(test_what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
