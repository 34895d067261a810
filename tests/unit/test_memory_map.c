/* SPDX-License-Identifier: MIT */
/* sources: kernel/memory/memory_map.c */
#include <string.h>

#include "kernel/memory/memory_map.h"
#include "kernel/memory/page.h"
#include "tests/unit/cmocka_tests.h"

#define P ((uint64_t)PAGE_SIZE)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct memory_range out[64];
static size_t out_count;

static void normalise(const struct memory_range *raw, size_t count)
{
    out_count = 99;
    assert_true(memory_map_normalise(raw, count, out, COUNT(out), &out_count));
}

static void expect(size_t index, uint64_t base, uint64_t size, uint32_t type)
{
    assert_in_range(index, 0, out_count - 1);
    assert_int_equal(out[index].base, base);
    assert_int_equal(out[index].size, size);
    assert_int_equal(out[index].type, type);
    assert_int_equal(out[index].reserved, 0);
}

static void test_empty(void **state)
{
    static const struct memory_range raw[] = {{0, 0, MEMORY_AVAILABLE, 0}, {P, 0, MEMORY_BAD, 0}};
    (void)state;
    normalise(raw, 0);
    assert_int_equal(out_count, 0);
    normalise(raw, COUNT(raw));
    assert_int_equal(out_count, 0);
}

static void test_sorts_and_merges(void **state)
{
    static const struct memory_range raw[] = {
        {8 * P, P, MEMORY_AVAILABLE, 7}, {2 * P, P, MEMORY_RESERVED, 0},  {0, 2 * P, MEMORY_AVAILABLE, 0},
        {3 * P, P, MEMORY_RESERVED, 0},  {9 * P, P, MEMORY_AVAILABLE, 0},
    };
    (void)state;
    normalise(raw, COUNT(raw));
    assert_int_equal(out_count, 3);
    expect(0, 0, 2 * P, MEMORY_AVAILABLE);
    expect(1, 2 * P, 2 * P, MEMORY_RESERVED);
    expect(2, 8 * P, 2 * P, MEMORY_AVAILABLE);
}

static void test_alignment(void **state)
{
    static const struct memory_range raw[] = {
        {1, 3 * P, MEMORY_AVAILABLE, 0},      /* whole pages: 1 and 2 */
        {16 * P + 1, P, MEMORY_AVAILABLE, 0}, /* no whole page */
        {32 * P - 1, 2, MEMORY_RESERVED, 0},  /* touches two pages */
        {48 * P + 100, 1, MEMORY_ACPI, 0},    /* one byte takes its page */
        {64 * P, P - 1, MEMORY_AVAILABLE, 0}, /* less than a page */
    };
    (void)state;
    normalise(raw, COUNT(raw));
    assert_int_equal(out_count, 3);
    expect(0, P, 2 * P, MEMORY_AVAILABLE);
    expect(1, 31 * P, 2 * P, MEMORY_RESERVED);
    expect(2, 48 * P, P, MEMORY_ACPI);
}

static void test_growing_ranges_take_pages_from_available_ones(void **state)
{
    /* The usual end of conventional memory: the EBDA starts within a page. */
    static const struct memory_range raw[] = {{0, 0x9fc00, MEMORY_AVAILABLE, 0}, {0x9fc00, 0x400, MEMORY_RESERVED, 0}};
    (void)state;
    normalise(raw, COUNT(raw));
    assert_int_equal(out_count, 2);
    expect(0, 0, 0x9f000, MEMORY_AVAILABLE);
    expect(1, 0x9f000, 0x1000, MEMORY_RESERVED);
}

static void test_restrictive_type_wins(void **state)
{
    static const uint32_t ascending[] = {MEMORY_AVAILABLE, MEMORY_ACPI, MEMORY_NVS, MEMORY_RESERVED, MEMORY_BAD};
    (void)state;
    for (size_t low = 0; low < COUNT(ascending); low++) {
        for (size_t high = low + 1; high < COUNT(ascending); high++) {
            struct memory_range raw[] = {{0, 9 * P, ascending[low], 0}, {3 * P, 3 * P, ascending[high], 0}};
            for (int order = 0; order < 2; order++) {
                normalise(raw, 2);
                assert_int_equal(out_count, 3);
                expect(0, 0, 3 * P, ascending[low]);
                expect(1, 3 * P, 3 * P, ascending[high]);
                expect(2, 6 * P, 3 * P, ascending[low]);
                struct memory_range first = raw[0];
                raw[0] = raw[1];
                raw[1] = first;
            }
        }
    }
}

static void test_unknown_types_are_reserved(void **state)
{
    static const uint32_t unknown[] = {0, 6, 7, 12, 0x10, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < COUNT(unknown); i++) {
        struct memory_range raw = {P, P, unknown[i], 0};
        normalise(&raw, 1);
        assert_int_equal(out_count, 1);
        expect(0, P, P, MEMORY_RESERVED);
    }
}

static void test_ends_of_the_address_space(void **state)
{
    static const struct memory_range wraps[] = {{UINT64_MAX - P, 2 * P, MEMORY_AVAILABLE, 0},
                                                {P, UINT64_MAX, MEMORY_AVAILABLE, 0}};
    static const struct memory_range reserved = {8 * P, UINT64_MAX, MEMORY_RESERVED, 0};
    static const struct memory_range above = {MEMORY_ADDRESS_END, P, MEMORY_RESERVED, 0};
    static const struct memory_range across = {MEMORY_ADDRESS_END - P, 2 * P, MEMORY_AVAILABLE, 0};
    static const struct memory_range last_byte = {UINT64_MAX, 1, MEMORY_BAD, 0};
    (void)state;
    normalise(wraps, COUNT(wraps));
    assert_int_equal(out_count, 0);
    normalise(&reserved, 1);
    assert_int_equal(out_count, 1);
    expect(0, 8 * P, MEMORY_ADDRESS_END - 8 * P, MEMORY_RESERVED);
    normalise(&above, 1);
    assert_int_equal(out_count, 0);
    normalise(&across, 1);
    expect(0, MEMORY_ADDRESS_END - P, P, MEMORY_AVAILABLE);
    normalise(&last_byte, 1);
    assert_int_equal(out_count, 0);
}

static void test_limit(void **state)
{
    struct memory_range raw[8];
    (void)state;
    for (size_t i = 0; i < COUNT(raw); i++) {
        raw[i] = (struct memory_range){2 * i * P, P, MEMORY_AVAILABLE, 0};
    }
    out_count = 99;
    assert_false(memory_map_normalise(raw, 8, out, 7, &out_count));
    assert_int_equal(out_count, 99);
    assert_true(memory_map_normalise(raw, 8, out, 8, &out_count));
    assert_int_equal(out_count, 8);
    assert_false(memory_map_normalise(raw, 1, out, 0, &out_count));
}

#define MODEL_PAGES 40u

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Restrictiveness of what covers page `page`, computed the slow way from the definition. */
static uint32_t model_type(const struct memory_range *raw, size_t count, uint64_t page)
{
    static const uint32_t order[] = {MEMORY_BAD, MEMORY_RESERVED, MEMORY_NVS, MEMORY_ACPI, MEMORY_AVAILABLE};
    for (size_t t = 0; t < COUNT(order); t++) {
        for (size_t i = 0; i < count; i++) {
            uint64_t start = raw[i].base, end = raw[i].base + raw[i].size;
            bool whole = start <= page * P && end >= (page + 1) * P;
            bool touched = start < (page + 1) * P && end > page * P && start < end;
            if (raw[i].type == order[t] && (order[t] == MEMORY_AVAILABLE ? whole : touched)) {
                return order[t];
            }
        }
    }
    return 0;
}

static uint32_t output_type(uint64_t page)
{
    for (size_t i = 0; i < out_count; i++) {
        if (out[i].base <= page * P && page * P < out[i].base + out[i].size) {
            return out[i].type;
        }
    }
    return 0;
}

static void test_against_a_model(void **state)
{
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct memory_range raw[8];
        size_t count = next_random(&seed) % (COUNT(raw) + 1);
        for (size_t i = 0; i < count; i++) {
            uint64_t unit = next_random(&seed) % 2 == 0 ? P : 1000;
            raw[i].base = next_random(&seed) % 20 * unit;
            raw[i].size = next_random(&seed) % 15 * unit;
            raw[i].type = 1 + next_random(&seed) % 5;
            raw[i].reserved = next_random(&seed);
        }
        normalise(raw, count);
        for (uint64_t page = 0; page < MODEL_PAGES; page++) {
            assert_int_equal(output_type(page), model_type(raw, count, page));
        }
        for (size_t i = 0; i < out_count; i++) {
            assert_true(out[i].size > 0 && out[i].base % P == 0 && out[i].size % P == 0);
            if (i > 0) {
                uint64_t end = out[i - 1].base + out[i - 1].size;
                assert_true(end < out[i].base || (end == out[i].base && out[i].type != out[i - 1].type));
            }
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_sorts_and_merges),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_growing_ranges_take_pages_from_available_ones),
        cmocka_unit_test(test_restrictive_type_wins),
        cmocka_unit_test(test_unknown_types_are_reserved),
        cmocka_unit_test(test_ends_of_the_address_space),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
