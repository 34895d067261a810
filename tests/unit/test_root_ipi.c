/* SPDX-License-Identifier: MIT */
/* sources: vmm/root/root_ipi_decode.c */
#include "tests/unit/cmocka_tests.h"

#include "vmm/root/root_ipi.h"

#define TO(id) ((uint64_t)(id) << 32)

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(root_ipi_decode(TO(1) | 0x4500), IPI_INIT);
    assert_int_equal(root_ipi_decode(TO(1) | 0xc500), IPI_INIT); /* level, asserted */
    assert_int_equal(root_ipi_decode(TO(1) | 0x8500), IPI_NONE); /* level, deasserted */
    assert_int_equal(root_ipi_decode(TO(1) | 0x4608), IPI_SIPI);
    assert_int_equal(root_ipi_decode(TO(1) | 0x40), IPI_PASS);
    assert_int_equal(root_ipi_decode(TO(1) | 0x400), IPI_PASS); /* NMI */
    assert_int_equal(root_ipi_decode(TO(1) | 0x200), IPI_NONE); /* SMI */
    assert_int_equal(root_ipi_decode(0xc0200), IPI_NONE);
    assert_int_equal(root_ipi_decode(0xc0040), IPI_PASS);
}

static void test_reserved_bits(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        bool reserved = bit == 12 || bit == 13 || bit == 16 || bit == 17 || bit >= 20;
        assert_int_equal(root_ipi_decode(TO(3) | (1ull << bit)) == IPI_FAULT, reserved);
    }
}

static void test_physical_targets(void **state)
{
    (void)state;
    assert_true(root_ipi_targets(TO(5) | 0x4500, 0, 5));
    assert_false(root_ipi_targets(TO(5) | 0x4500, 5, 4));
    assert_true(root_ipi_targets(TO(0xffffffff) | 0x4500, 0, 7));
}

static void test_shorthands(void **state)
{
    (void)state;
    assert_true(root_ipi_targets(0x40040, 3, 3));
    assert_false(root_ipi_targets(0x40040, 3, 4));
    assert_true(root_ipi_targets(0x80040, 3, 3));
    assert_true(root_ipi_targets(0x80040, 3, 9));
    assert_false(root_ipi_targets(0xc0040, 3, 3));
    assert_true(root_ipi_targets(0xc0040, 3, 9));
}

static void test_logical_targets(void **state)
{
    (void)state;
    const uint64_t logical = 0x800;
    assert_true(root_ipi_targets(TO(0x00000002) | logical, 0, 1));
    assert_false(root_ipi_targets(TO(0x00000002) | logical, 0, 2));
    assert_true(root_ipi_targets(TO(0x00010001) | logical, 0, 16));
    assert_false(root_ipi_targets(TO(0x00010001) | logical, 0, 0));
    assert_true(root_ipi_targets(TO(0x0001ffff) | logical, 0, 31));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_reserved_bits),
        cmocka_unit_test(test_physical_targets),
        cmocka_unit_test(test_shorthands),
        cmocka_unit_test(test_logical_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
