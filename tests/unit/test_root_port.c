/* SPDX-License-Identifier: MIT */
/* sources: vmm/root/root_port_decode.c */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "vmm/root/root_port.h"

#define S5_A 7u
#define S5_B 6u
#define ENABLE 0x2000u
#define TYPE(t) ((uint32_t)(t) << 10)

static const struct acpi_power power = {
    .leaving =
        {
            [ACPI_PM1A] = {0x405, false},
            [ACPI_PM1B] = {0x505, false},
            [ACPI_X_PM1B] = {0x600, true},
            [ACPI_SLEEP_CONTROL] = {0xfff0, false},
            [ACPI_RESET] = {0xb2, false},
        },
    .reset_value = 0x73,
    .s5_known = true,
    .s5_type = {S5_A, S5_B},
};

struct row {
    uint32_t port, size, value;
    enum root_port_action action;
};

static void check(const struct acpi_power *p, bool output_port, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[i];
        enum root_port_action came = root_port_decode(p, output_port, (uint16_t)r->port, r->size, r->value);
        if (came != r->action) {
            fail_msg("row %zu: OUT of %u bytes, 0x%x to 0x%x: %u", i, r->size, r->value, r->port, (unsigned)came);
        }
    }
}

#define CHECK_ROWS(p, output_port, rows) check(p, output_port, rows, sizeof(rows) / sizeof((rows)[0]))

static void test_reset(void **state)
{
    static const struct row rows[] = {
        {0x64, 1, 0xfe, ROOT_PORT_RESET},
        {0x64, 1, 0xf0, ROOT_PORT_RESET},
        {0x64, 1, 0xff, ROOT_PORT_PASS},
        {0x64, 1, 0xf1, ROOT_PORT_PASS},
        {0x64, 1, 0xee, ROOT_PORT_PASS},
        {0x64, 1, 0xd1, ROOT_PORT_PASS},
        {0x60, 4, 0xfefefefe, ROOT_PORT_PASS},
        {0x61, 4, 0xfe000000, ROOT_PORT_RESET},
        {0x63, 2, 0xfe00, ROOT_PORT_RESET},
        {0x63, 2, 0x00fe, ROOT_PORT_PASS},
        {0x60, 1, 0xfe, ROOT_PORT_PASS},
        {0x92, 1, 0x01, ROOT_PORT_RESET},
        {0x92, 1, 0x02, ROOT_PORT_PASS},
        {0x91, 2, 0x0300, ROOT_PORT_RESET},
        {0x91, 2, 0x0203, ROOT_PORT_PASS},
        {0x8f, 4, 0x01000000, ROOT_PORT_RESET},
        {0xcf9, 1, 0x06, ROOT_PORT_RESET},
        {0xcf9, 1, 0x04, ROOT_PORT_RESET},
        {0xcf9, 1, 0x0a, ROOT_PORT_PASS},
        {0xcf8, 4, 0x80000600, ROOT_PORT_PASS}, /* an address in PCI configuration space */
        {0xcf8, 2, 0x0600, ROOT_PORT_RESET},
        {0xcf8, 1, 0x06, ROOT_PORT_PASS},
        {0xcf6, 4, 0x06000000, ROOT_PORT_RESET},
        {0xcf9, 4, 0x00000006, ROOT_PORT_RESET},
        {0xcfc, 4, 0xffffffff, ROOT_PORT_PASS},
        {0xb2, 1, 0x73, ROOT_PORT_RESET},
        {0xb2, 1, 0x72, ROOT_PORT_PASS},
        {0xb0, 4, 0x00730000, ROOT_PORT_RESET},
        {0xfffd, 4, 0x06060606, ROOT_PORT_PASS},
        {0, 4, 0, ROOT_PORT_PASS}, /* registers that are absent have address 0 */
    };
    static const struct row after_d1[] = {
        {0x60, 1, 0xde, ROOT_PORT_RESET}, {0x60, 1, 0xdf, ROOT_PORT_PASS}, {0x5d, 4, 0xde000000, ROOT_PORT_RESET},
        {0x5f, 1, 0x00, ROOT_PORT_PASS},  {0x64, 1, 0xd1, ROOT_PORT_PASS},
    };
    (void)state;
    CHECK_ROWS(&power, false, rows);
    CHECK_ROWS(&power, true, after_d1);
}

static void test_sleep(void **state)
{
    static const struct row rows[] = {
        {0x404, 2, ENABLE | TYPE(S5_A), ROOT_PORT_PASS},
        {0x404, 2, ENABLE | TYPE(5), ROOT_PORT_REFUSE},
        {0x404, 2, ENABLE | TYPE(S5_B), ROOT_PORT_REFUSE},
        {0x504, 2, ENABLE | TYPE(S5_B), ROOT_PORT_PASS},
        {0x504, 2, ENABLE | TYPE(S5_A), ROOT_PORT_REFUSE},
        {0x404, 2, TYPE(5), ROOT_PORT_PASS}, /* without SLP_EN nothing happens */
        {0x404, 4, ENABLE | TYPE(5) | 0xffff0000u, ROOT_PORT_REFUSE},
        {0x405, 1, (ENABLE | TYPE(5)) >> 8, ROOT_PORT_REFUSE},
        {0x405, 1, (ENABLE | TYPE(S5_A)) >> 8, ROOT_PORT_PASS},
        {0x402, 4, (ENABLE | TYPE(5)) << 16, ROOT_PORT_REFUSE},
        {0x404, 1, 0xff, ROOT_PORT_PASS},
        {0x406, 2, ENABLE | TYPE(5), ROOT_PORT_PASS},
        {0x600, 1, 0x20, ROOT_PORT_PASS},
        {0xfff0, 1, 0x20 | S5_A << 2, ROOT_PORT_PASS},
        {0xfff0, 1, 0x20 | 3 << 2, ROOT_PORT_REFUSE},
    };
    struct acpi_power unknown = power;
    (void)state;
    CHECK_ROWS(&power, false, rows);
    unknown.s5_known = false;
    static const struct row refused[] = {
        {0x404, 2, ENABLE | TYPE(S5_A), ROOT_PORT_REFUSE},
        {0x405, 1, 0x20, ROOT_PORT_REFUSE},
        {0x404, 2, TYPE(S5_A), ROOT_PORT_PASS},
    };
    CHECK_ROWS(&unknown, false, refused);
}

/* Each write that is not passed on reaches a port that exits. */
static void test_bitmap(void **state)
{
    static uint8_t bitmap[ROOT_PORT_BITMAP_BYTES];
    static const uint16_t ports[] = {0x60, 0x64, 0x92, 0xb2, 0x405, 0x505, 0xcf9, 0xfff0};
    unsigned set = 0;
    (void)state;
    root_port_bitmap(bitmap, &power);
    for (unsigned i = 0; i < 8 * sizeof(bitmap); i++) {
        set += bitmap[i / 8] >> (i % 8) & 1u;
    }
    assert_int_equal(set, sizeof(ports) / sizeof(ports[0]));
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        assert_true(bitmap[ports[i] / 8] >> (ports[i] % 8) & 1);
    }
    for (uint32_t port = 0; port < 0x10000; port++) {
        for (uint32_t value = 0; value < 0x100; value++) {
            bool exits = (bitmap[port / 8] >> (port % 8) & 1) != 0;
            assert_true(exits || root_port_decode(&power, true, (uint16_t)port, 1, value) == ROOT_PORT_PASS);
        }
    }
}

static void test_pages(void **state)
{
    struct acpi_power p = power;
    (void)state;
    p.leaving[ACPI_RESET] = (struct acpi_register){0xfed01ff0, true};
    assert_true(root_port_in_range(&p, 0xfed01000, 0x1000));
    assert_true(root_port_in_range(&p, 0xfed01ff0, 1));
    assert_true(root_port_in_range(&p, 0, UINT64_MAX));
    assert_false(root_port_in_range(&p, 0xfed01ff1, 0x1000));
    assert_false(root_port_in_range(&p, 0xfed00000, 0x1ff0));
    assert_true(root_port_in_range(&p, 0, 0x1000));       /* ACPI_X_PM1B */
    assert_false(root_port_in_range(&p, 0xf000, 0x1000)); /* a port is none */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_bitmap),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
