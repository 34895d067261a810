/* SPDX-License-Identifier: MIT */
/* sources: vmm/root/root_map.c */
#include "tests/unit/cmocka_tests.h"

#include "vmm/root/root_map.h"

#define MIB (1ull << 20)

static const struct memory_range machine[] = {
    {0, 0x9f000, MEMORY_AVAILABLE, 0},
    {0x9f000, 0x61000, MEMORY_RESERVED, 0},
    {1 * MIB, 63 * MIB, MEMORY_AVAILABLE, 0},
    {64 * MIB, 1 * MIB, MEMORY_ACPI, 0},
};
#define RANGES (sizeof(machine) / sizeof(machine[0]))

static void test_take_keeps_order_and_widens(void **state)
{
    (void)state;
    struct root_map map = {0};
    assert_true(root_map_take(&map, 8 * MIB + 5, 10, WHB_MEMORY_MODULE));
    assert_true(root_map_take(&map, 2 * MIB, 1 * MIB, WHB_MEMORY_HYPERVISOR));
    assert_true(root_map_take(&map, 3 * MIB, 4096, WHB_MEMORY_ROOT_IMAGE));
    assert_int_equal(map.count, 3);
    assert_int_equal(map.taken[0].base, 2 * MIB);
    assert_int_equal(map.taken[1].base, 3 * MIB);
    assert_int_equal(map.taken[2].base, 8 * MIB);
    assert_int_equal(map.taken[2].size, 4096);
}

static void test_take_refuses_overlap_and_overflow(void **state)
{
    (void)state;
    struct root_map map = {0};
    assert_true(root_map_take(&map, 2 * MIB, 1 * MIB, WHB_MEMORY_HYPERVISOR));
    assert_false(root_map_take(&map, 3 * MIB - 1, 4, WHB_MEMORY_MODULE));
    assert_false(root_map_take(&map, 1 * MIB, 4 * MIB, WHB_MEMORY_MODULE));
    assert_false(root_map_take(&map, 2 * MIB + 1, 2, WHB_MEMORY_MODULE));
    assert_true(root_map_take(&map, 5 * MIB, 0, WHB_MEMORY_MODULE));
    assert_int_equal(map.count, 1);
    for (unsigned i = 1; i < ROOT_MAP_MAX_TAKEN; i++) {
        assert_true(root_map_take(&map, (10 + i) * MIB, 4096, WHB_MEMORY_MODULE));
    }
    assert_false(root_map_take(&map, 50 * MIB, 4096, WHB_MEMORY_MODULE));
}

static void test_find(void **state)
{
    (void)state;
    struct root_map map = {0};
    assert_true(root_map_take(&map, 2 * MIB, 1 * MIB, WHB_MEMORY_HYPERVISOR));
    assert_int_equal(root_map_find(&map, machine, RANGES, 2 * MIB, 1 * MIB, 2 * MIB), 4 * MIB);
    assert_int_equal(root_map_find(&map, machine, RANGES, 2 * MIB, 4096, 4096), 3 * MIB);
    assert_int_equal(root_map_find(&map, machine, RANGES, 0, 61 * MIB, 4096), 3 * MIB);
    assert_int_equal(root_map_find(&map, machine, RANGES, 0, 62 * MIB, 4096), 0);
    assert_int_equal(root_map_find(&map, machine, RANGES, 64 * MIB, 4096, 4096), 0);
    assert_int_equal(root_map_find(&map, machine, RANGES, 0, ~0ull, 4096), 0);
}

static void test_is_free(void **state)
{
    (void)state;
    struct root_map map = {0};
    assert_true(root_map_take(&map, 2 * MIB, 1 * MIB, WHB_MEMORY_HYPERVISOR));
    assert_true(root_map_is_free(&map, machine, RANGES, 1 * MIB, 1 * MIB));
    assert_false(root_map_is_free(&map, machine, RANGES, 1 * MIB, 1 * MIB + 1));
    assert_false(root_map_is_free(&map, machine, RANGES, 63 * MIB, 2 * MIB));
    assert_false(root_map_is_free(&map, machine, RANGES, 64 * MIB, 4096));
    assert_false(root_map_is_free(&map, machine, RANGES, 0x9f000, 4096));
}

static void test_describe(void **state)
{
    (void)state;
    struct root_map map = {0};
    struct whb_memory_range out[8];
    uint32_t n = 0;
    assert_true(root_map_take(&map, 2 * MIB, 1 * MIB, WHB_MEMORY_HYPERVISOR));
    assert_true(root_map_take(&map, 63 * MIB, 1 * MIB, WHB_MEMORY_MODULE));
    assert_true(root_map_describe(&map, machine, RANGES, out, 8, &n));
    const struct whb_memory_range expected[] = {
        {0, 0x9f000, WHB_MEMORY_AVAILABLE, 0},        {0x9f000, 0x61000, WHB_MEMORY_RESERVED, 0},
        {1 * MIB, 1 * MIB, WHB_MEMORY_AVAILABLE, 0},  {2 * MIB, 1 * MIB, WHB_MEMORY_HYPERVISOR, 0},
        {3 * MIB, 60 * MIB, WHB_MEMORY_AVAILABLE, 0}, {63 * MIB, 1 * MIB, WHB_MEMORY_MODULE, 0},
        {64 * MIB, 1 * MIB, WHB_MEMORY_ACPI, 0},
    };
    assert_int_equal(n, 7);
    assert_memory_equal(out, expected, sizeof(expected));
    assert_false(root_map_describe(&map, machine, RANGES, out, 6, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take_keeps_order_and_widens),
        cmocka_unit_test(test_take_refuses_overlap_and_overflow),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_is_free),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
