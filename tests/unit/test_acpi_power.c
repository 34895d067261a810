/* SPDX-License-Identifier: MIT */
/* sources: kernel/boot/acpi_power.c kernel/boot/acpi.c */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/boot/acpi_power.h"
#include "tests/unit/cmocka_tests.h"

#define XSDT_AT 0x100u
#define FADT_AT 0x200u
#define DSDT_AT 0x400u
#define FADT_SIZE 276u

static uint8_t memory[0x1000];
static uint8_t rsdp[36];

static void put(size_t at, uint64_t value, size_t size)
{
    memcpy(memory + at, &value, size);
}

static uint8_t sum(const uint8_t *bytes, size_t size)
{
    uint8_t total = 0;
    for (size_t i = 0; i < size; i++) {
        total = (uint8_t)(total + bytes[i]);
    }
    return total;
}

static void seal(uint8_t *table, size_t at, size_t size)
{
    table[at] = 0;
    table[at] = (uint8_t)-sum(table, size);
}

static void put_table(size_t at, const char *signature, uint32_t length)
{
    memset(memory + at, 0, length);
    memcpy(memory + at, signature, 4);
    put(at + 4, length, 4);
    seal(memory + at, 9, length);
}

static void put_gas(size_t at, uint8_t space, uint64_t address)
{
    put(FADT_AT + at, space, 1);
    put(FADT_AT + at + 4, address, 8);
}

/* A DSDT of this code. */
static void put_dsdt(const uint8_t *aml, size_t size)
{
    put_table(DSDT_AT, "DSDT", (uint32_t)(36 + size));
    memcpy(memory + DSDT_AT + 36, aml, size);
    seal(memory + DSDT_AT, 9, 36 + size);
}

#define PUT_DSDT(...)                                                                                                  \
    do {                                                                                                               \
        static const uint8_t aml[] = {__VA_ARGS__};                                                                    \
        put_dsdt(aml, sizeof(aml));                                                                                    \
    } while (0)

static int set_up(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    put_table(FADT_AT, "FACP", FADT_SIZE);
    put(FADT_AT + 40, DSDT_AT, 4);
    put(FADT_AT + 64, 0x404, 4);
    put_table(XSDT_AT, "XSDT", 36 + 8);
    put(XSDT_AT + 36, FADT_AT, 8);
    seal(memory + XSDT_AT, 9, 36 + 8);
    memset(rsdp, 0, sizeof(rsdp));
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = 2;
    rsdp[24] = XSDT_AT & 0xff;
    rsdp[25] = XSDT_AT >> 8;
    seal(rsdp, 8, 20);
    seal(rsdp, 32, 36);
    PUT_DSDT(0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x01, 0x00, 0x00);
    return 0;
}

static const void *map(uint64_t pa, size_t size, void *ctx)
{
    (void)ctx;
    return pa < sizeof(memory) && size <= sizeof(memory) - pa ? memory + pa : NULL;
}

static struct acpi_power find(void)
{
    struct acpi_reader reader = {map, NULL};
    struct acpi_power power;
    seal(memory + FADT_AT, 9, FADT_SIZE);
    assert_true(acpi_find_power(rsdp, sizeof(rsdp), &reader, &power));
    return power;
}

static void expect_port(const struct acpi_register *r, uint64_t port)
{
    assert_int_equal(r->address, port);
    assert_false(r->memory);
}

static void test_registers(void **state)
{
    (void)state;
    put(FADT_AT + 68, 0x504, 4);
    put_gas(116, 1, 0xcf9);
    put(FADT_AT + 128, 0x0e, 1);
    put_gas(172, 1, 0x1804);
    put_gas(184, 0, 0xfed80804);
    put_gas(244, 0, 0x100000000);
    struct acpi_power p = find();
    expect_port(&p.leaving[ACPI_PM1A], 0x405); /* the byte with SLP_EN */
    expect_port(&p.leaving[ACPI_PM1B], 0x505);
    expect_port(&p.leaving[ACPI_X_PM1A], 0x1805);
    assert_int_equal(p.leaving[ACPI_X_PM1B].address, 0xfed80805);
    assert_true(p.leaving[ACPI_X_PM1B].memory);
    assert_int_equal(p.leaving[ACPI_SLEEP_CONTROL].address, 0x100000000);
    assert_true(p.leaving[ACPI_SLEEP_CONTROL].memory);
    expect_port(&p.leaving[ACPI_RESET], 0xcf9);
    assert_int_equal(p.reset_value, 0x0e);
    assert_true(p.s5_known);
    assert_int_equal(p.s5_type[0], 5);
    assert_int_equal(p.s5_type[1], 1);
    assert_int_equal(p.dsdt, DSDT_AT);
    assert_int_equal(p.dsdt_length, 36 + 13);
}

/* PCI configuration space, ports and addresses that do not exist. */
static void test_registers_that_are_none(void **state)
{
    (void)state;
    put(FADT_AT + 64, 0xffff, 4);
    put(FADT_AT + 68, 0x10000, 4);
    put_gas(116, 2, 0xcf9);
    put_gas(172, 1, UINT64_MAX);
    put_gas(184, 0, UINT64_MAX);
    put_gas(244, 127, 0x604);
    struct acpi_power p = find();
    for (unsigned i = 0; i < ACPI_LEAVING_COUNT; i++) {
        expect_port(&p.leaving[i], 0);
    }
}

/* ACPI 1.0 knows neither the reset register nor the wide forms. */
static void test_short_fadt(void **state)
{
    (void)state;
    put_table(FADT_AT, "FACP", 116);
    put(FADT_AT + 64, 0xb004, 4);
    put(FADT_AT + 116, 0xcf900000001ull, 8); /* behind its end */
    seal(memory + FADT_AT, 9, 116);
    struct acpi_reader reader = {map, NULL};
    struct acpi_power p;
    assert_true(acpi_find_power(rsdp, sizeof(rsdp), &reader, &p));
    expect_port(&p.leaving[ACPI_PM1A], 0xb005);
    expect_port(&p.leaving[ACPI_RESET], 0);
    assert_false(p.s5_known);
    assert_int_equal(p.dsdt, 0);
}

static void test_no_fadt(void **state)
{
    struct acpi_reader reader = {map, NULL};
    struct acpi_power p, zero = {0};
    (void)state;
    memset(&p, 0xa5, sizeof(p));
    memory[FADT_AT + 20]++;
    assert_false(acpi_find_power(rsdp, sizeof(rsdp), &reader, &p));
    assert_memory_equal(&p, &zero, sizeof(p));
    assert_false(acpi_find_power(rsdp, 19, &reader, &p));
}

/* X_DSDT comes first, if there is a sound one. */
static void test_which_dsdt(void **state)
{
    (void)state;
    put(FADT_AT + 140, 0x800, 8);
    assert_int_equal(find().dsdt, DSDT_AT);
    memcpy(memory + 0x800, memory + DSDT_AT, 36 + 13);
    assert_int_equal(find().dsdt, 0x800);
    memory[0x800 + 40]++;
    assert_int_equal(find().dsdt, DSDT_AT);
    memory[DSDT_AT + 40]++;
    assert_int_equal(find().dsdt, 0);
    assert_false(find().s5_known);
}

#define NAME 0x08, '_', 'S', '5', '_'
#define BODY(...)                                                                                                      \
    sizeof((const uint8_t[]){__VA_ARGS__}),                                                                            \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

static void test_packages(void **state)
{
    static const struct {
        size_t size;
        uint8_t aml[24];
        bool found;
        uint8_t a, b;
    } rows[] = {
        {BODY(NAME, 0x12, 0x04, 0x02, 0x00, 0x01), true, 0, 1},
        {BODY(0xff, 0x08, '\\', '_', 'S', '5', '_', 0x12, 0x05, 0x02, 0x0a, 0x07, 0x01), true, 7, 1},
        {BODY(NAME, 0x12, 0x08, 0x02, 0x0b, 0x06, 0x00, 0x0b, 0x07, 0x00, 0xff), true, 6, 7},
        {BODY(NAME, 0x12, 0x0c, 0x02, 0x0c, 6, 0, 0, 0, 0x0c, 5, 0, 0, 0), true, 6, 5},
        {BODY(NAME, 0x12, 0x0c, 0x02, 0x0e, 6, 0, 0, 0, 0, 0, 0, 0, 0x01), true, 6, 1},
        /* lengths of two, three and four bytes; both types in one element; the same twice, and not the same */
        {BODY(NAME, 0x12, 0x45, 0x00, 0x02, 0x01, 0x00), true, 1, 0},
        {BODY(NAME, 0x12, 0x86, 0x00, 0x00, 0x02, 0x01, 0x00), true, 1, 0},
        {BODY(NAME, 0x12, 0xc7, 0x00, 0x00, 0x00, 0x02, 0x01, 0x00), true, 1, 0},
        {BODY(NAME, 0x12, 0x05, 0x01, 0x0b, 0x05, 0x03), true, 5, 3},
        {BODY(NAME, 0x12, 0x04, 0x02, 0x00, 0x01, NAME, 0x12, 0x04, 0x02, 0x00, 0x01), true, 0, 1},
        {BODY(NAME, 0x12, 0x04, 0x02, 0x00, 0x01, NAME, 0x12, 0x04, 0x02, 0x00, 0x00), false, 0, 0},
        /* a reference; not a package; longer than the code */
        {BODY('_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x00, 0x01), false, 0, 0},
        {BODY(NAME, 0x0a, 0x04, 0x02, 0x00, 0x01), false, 0, 0},
        {BODY(NAME, 0x12, 0x05, 0x02, 0x00, 0x01), false, 0, 0},
        /* the second element outside, its byte outside, no such type, a name, an empty package, cut lengths */
        {BODY(NAME, 0x12, 0x03, 0x02, 0x00, 0x01), false, 0, 0},
        {BODY(NAME, 0x12, 0x04, 0x02, 0x00, 0x0a, 0x01), false, 0, 0},
        {BODY(NAME, 0x12, 0x05, 0x02, 0x0a, 0x08, 0x00), false, 0, 0},
        {BODY(NAME, 0x12, 0x06, 0x02, 'A', 'B', 'C', 'D'), false, 0, 0},
        {BODY(NAME, 0x12, 0x04, 0x00, 0x00, 0x01), false, 0, 0},
        {BODY(NAME, 0x12, 0x01, 0x02, 0x00, 0x01), false, 0, 0},
        {BODY(NAME, 0x12, 0xc7), false, 0, 0},
        {BODY(NAME, 0x12), false, 0, 0},
        {BODY(NAME), false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t type[2] = {0, 0}, *copy = malloc(rows[i].size); /* the sanitizer sees its end */
        memcpy(copy, rows[i].aml, rows[i].size);
        assert_int_equal(acpi_sleep_type(copy, rows[i].size, 5, type), rows[i].found);
        if (rows[i].found) {
            assert_int_equal(type[0], rows[i].a);
            assert_int_equal(type[1], rows[i].b);
        }
        assert_false(acpi_sleep_type(copy, rows[i].size, 3, type));
        free(copy);
    }
}

static void test_hiding(void **state)
{
    (void)state;
    PUT_DSDT(0x08, '_', 'S', '0', '_', 0x12, 0x04, 0x02, 0x00, 0x00, 0x08, '\\', '_', 'S', '1', '_', 0x12, 0x04, 0x02,
             0x01, 0x01, 0x08, '_', 'S', '3', '_', 0x12, 0x04, 0x02, 0x01, 0x01, 0x08, '_', 'S', '4', '_', 0x12, 0x04,
             0x02, 0x01, 0x01, 0x08, '_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x01, 0x00);
    uint32_t length = find().dsdt_length;
    uint8_t type[2];
    assert_int_equal(acpi_hide_sleep(memory + DSDT_AT, length), 3);
    assert_int_equal(sum(memory + DSDT_AT, length), 0);
    for (unsigned s = 0; s <= 5; s++) {
        assert_int_equal(acpi_sleep_type(memory + DSDT_AT, length, s, type), s == 0 || s == 5);
    }
    assert_memory_equal(memory + DSDT_AT + 36 + 12, "XS1_", 4);
    assert_int_equal(acpi_hide_sleep(memory + DSDT_AT, length), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_registers, set_up),  cmocka_unit_test_setup(test_registers_that_are_none, set_up),
        cmocka_unit_test_setup(test_short_fadt, set_up), cmocka_unit_test_setup(test_no_fadt, set_up),
        cmocka_unit_test_setup(test_which_dsdt, set_up), cmocka_unit_test(test_packages),
        cmocka_unit_test_setup(test_hiding, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
