/* SPDX-License-Identifier: MIT */
/* sources: kernel/boot/acpi.c */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/boot/acpi.h"
#include "tests/unit/cmocka_tests.h"

#define RSDT_AT 0x100u
#define XSDT_AT 0x200u
#define FADT_AT 0x300u
#define MADT_AT 0x400u

/* Physical memory of the tests: reads outside of it fail. */
static uint8_t memory[0x4000];
static uint8_t rsdp[36];
static struct acpi_cpus cpus;
static size_t madt_end;

static void put32(size_t at, uint32_t value)
{
    memcpy(memory + at, &value, 4);
}

static void put64(size_t at, uint64_t value)
{
    memcpy(memory + at, &value, 8);
}

static uint32_t get32(size_t at)
{
    uint32_t value;
    memcpy(&value, memory + at, 4);
    return value;
}

static uint8_t sum(const uint8_t *bytes, size_t size)
{
    uint8_t total = 0;
    for (size_t i = 0; i < size; i++) {
        total = (uint8_t)(total + bytes[i]);
    }
    return total;
}

static void seal(size_t at)
{
    memory[at + 9] = 0;
    memory[at + 9] = (uint8_t)-sum(memory + at, get32(at + 4));
}

static void seal_rsdp(void)
{
    rsdp[8] = 0;
    rsdp[8] = (uint8_t)-sum(rsdp, 20);
    rsdp[32] = 0;
    rsdp[32] = (uint8_t)-sum(rsdp, 36);
}

static void put_table(size_t at, const char *signature, uint32_t length)
{
    memset(memory + at, 0, length);
    memcpy(memory + at, signature, 4);
    put32(at + 4, length);
    seal(at);
}

static void put_rsdp(uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
    memset(rsdp, 0, sizeof(rsdp));
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = revision;
    memcpy(rsdp + 16, &rsdt, 4);
    rsdp[20] = 36;
    memcpy(rsdp + 24, &xsdt, 8);
    seal_rsdp();
}

static void add_entry(const void *entry, size_t size)
{
    memcpy(memory + madt_end, entry, size);
    madt_end += size;
    put32(MADT_AT + 4, (uint32_t)(madt_end - MADT_AT));
    seal(MADT_AT);
}

static void add_apic(uint8_t id, uint32_t flags)
{
    uint8_t entry[8] = {0, 8, 77, id, (uint8_t)flags, 0, 0, 0};
    add_entry(entry, sizeof(entry));
}

static void add_x2apic(uint32_t id, uint32_t flags)
{
    uint8_t entry[16] = {9, 16};
    memcpy(entry + 4, &id, 4);
    memcpy(entry + 8, &flags, 4);
    add_entry(entry, sizeof(entry));
}

/* A sound set of tables whose MADT has no entries yet. */
static int set_up(void **state)
{
    (void)state;
    memset(memory, 0xcc, sizeof(memory));
    put_table(FADT_AT, "FACP", 0x40);
    put_table(MADT_AT, "APIC", 44);
    put32(MADT_AT + 36, 0xfee00000);
    seal(MADT_AT);
    madt_end = MADT_AT + 44;
    put_table(RSDT_AT, "RSDT", 36 + 8);
    put32(RSDT_AT + 36, FADT_AT);
    put32(RSDT_AT + 40, MADT_AT);
    seal(RSDT_AT);
    put_table(XSDT_AT, "XSDT", 36 + 16);
    put64(XSDT_AT + 36, FADT_AT);
    put64(XSDT_AT + 44, MADT_AT);
    seal(XSDT_AT);
    put_rsdp(2, RSDT_AT, XSDT_AT);
    return 0;
}

/* Each mapping is its own allocation, so that the sanitizer sees a read beyond what was asked for. */
struct mappings {
    void *list[64];
    size_t count;
};

static const void *map(uint64_t pa, size_t size, void *ctx)
{
    struct mappings *mappings = ctx;
    assert_in_range(size, 1, ACPI_MAX_TABLE);
    if (pa > sizeof(memory) || size > sizeof(memory) - pa) {
        return NULL;
    }
    void *copy = malloc(size);
    memcpy(copy, memory + pa, size);
    assert_in_range(mappings->count, 0, 63);
    mappings->list[mappings->count++] = copy;
    return copy;
}

static enum acpi_status find_with(size_t rsdp_size)
{
    struct mappings mappings = {.count = 0};
    struct acpi_reader reader = {map, &mappings};
    uint8_t *copy = malloc(rsdp_size + 1);

    memcpy(copy + 1, rsdp, rsdp_size);
    memset(&cpus, 0xa5, sizeof(cpus));
    enum acpi_status status = acpi_find_cpus(copy + 1, rsdp_size, &reader, &cpus);
    free(copy);
    while (mappings.count > 0) {
        free(mappings.list[--mappings.count]);
    }
    return status;
}

static void expect_failure(enum acpi_status expected)
{
    assert_int_equal(find_with(36), expected);
    assert_int_equal(cpus.count, 0);
    assert_int_equal(cpus.local_apic_address, 0);
}

static void expect_cpus(size_t rsdp_size, const uint32_t *ids, uint32_t count)
{
    assert_int_equal(find_with(rsdp_size), ACPI_OK);
    assert_int_equal(cpus.count, count);
    assert_memory_equal(cpus.apic_id, ids, count * sizeof(ids[0]));
}

static void test_both_entry_types(void **state)
{
    (void)state;
    add_apic(0, 1);
    add_apic(4, 1);
    add_x2apic(0x123, 1);
    expect_cpus(36, (const uint32_t[]){0, 4, 0x123}, 3);
    assert_int_equal(cpus.left_out, 0);
    assert_int_equal(cpus.local_apic_address, 0xfee00000);
}

static void test_disabled_are_skipped(void **state)
{
    (void)state;
    add_apic(1, 0);
    add_apic(2, 2); /* may be enabled at run time, but is not */
    add_apic(3, 3);
    add_x2apic(4, 0);
    add_apic(0xff, 1);
    add_x2apic(0xffffffff, 1);
    add_x2apic(0xff, 1); /* a real identifier in this form */
    expect_cpus(36, (const uint32_t[]){3, 0xff}, 2);
}

static void test_duplicates_are_dropped(void **state)
{
    (void)state;
    add_apic(2, 1);
    add_x2apic(2, 1);
    add_apic(2, 1);
    add_apic(1, 1);
    expect_cpus(36, (const uint32_t[]){2, 1}, 2);
}

static void test_other_entries_are_skipped(void **state)
{
    static const uint8_t io_apic[12] = {1, 12, 0, 0, 0, 0, 0xc0, 0xfe};
    static const uint8_t strange[2] = {200, 2};
    static const uint8_t override[12] = {5, 12, 0, 0, 0, 0x10, 0xe0, 0xfe, 1};
    (void)state;
    add_entry(io_apic, sizeof(io_apic));
    add_apic(9, 1);
    add_entry(strange, sizeof(strange));
    add_entry(override, sizeof(override));
    expect_cpus(36, (const uint32_t[]){9}, 1);
    assert_int_equal(cpus.local_apic_address, 0x1fee01000);
}

static void test_more_cpus_than_fit(void **state)
{
    (void)state;
    for (uint32_t id = 0; id < ACPI_MAX_CPUS + 3; id++) {
        add_x2apic(id, 1);
    }
    assert_int_equal(find_with(36), ACPI_OK);
    assert_int_equal(cpus.count, ACPI_MAX_CPUS);
    assert_int_equal(cpus.apic_id[ACPI_MAX_CPUS - 1], ACPI_MAX_CPUS - 1);
    assert_int_equal(cpus.left_out, 3);
}

static void test_acpi_1(void **state)
{
    (void)state;
    add_apic(7, 1);
    put_rsdp(0, RSDT_AT, 0xdddddddd);
    expect_cpus(20, (const uint32_t[]){7}, 1);
    expect_cpus(36, (const uint32_t[]){7}, 1); /* revision 0: what follows is not an RSDP's */
}

static void test_bad_rsdp(void **state)
{
    (void)state;
    add_apic(7, 1);
    for (size_t size = 0; size < 20; size++) {
        assert_int_equal(find_with(size), ACPI_NO_RSDP);
    }
    for (size_t i = 0; i < 20; i++) {
        rsdp[i] ^= 0x10;
        expect_failure(ACPI_NO_RSDP);
        rsdp[i] ^= 0x10;
    }
    rsdp[0] = 'X';
    seal_rsdp();
    expect_failure(ACPI_NO_RSDP);
}

/* The RSDT lists a MADT of its own here, so that it shows which root table was used. */
static void put_other_madt_in_rsdt(void)
{
    add_apic(1, 1);
    memcpy(memory + 0x800, memory + MADT_AT, madt_end - MADT_AT);
    memory[0x800 + 44 + 3] = 2;
    seal(0x800);
    put32(RSDT_AT + 40, 0x800);
    seal(RSDT_AT);
}

static void test_xsdt_is_preferred(void **state)
{
    (void)state;
    put_other_madt_in_rsdt();
    expect_cpus(36, (const uint32_t[]){1}, 1);
}

static void test_damaged_xsdt_falls_back(void **state)
{
    (void)state;
    put_other_madt_in_rsdt();
    memory[XSDT_AT + 20]++;
    expect_cpus(36, (const uint32_t[]){2}, 1);
    seal(XSDT_AT);
    memory[XSDT_AT] = 'Y';
    seal(XSDT_AT);
    expect_cpus(36, (const uint32_t[]){2}, 1);
    put_rsdp(2, RSDT_AT, 0x100000000);
    expect_cpus(36, (const uint32_t[]){2}, 1);
    put_rsdp(2, RSDT_AT, 0);
    expect_cpus(36, (const uint32_t[]){2}, 1);
    put_rsdp(2, RSDT_AT, XSDT_AT);
    rsdp[33]++; /* reserved, in the extended checksum alone */
    expect_cpus(36, (const uint32_t[]){2}, 1);
}

static void test_xsdt_alone(void **state)
{
    (void)state;
    add_apic(7, 1);
    put_rsdp(2, 0, XSDT_AT);
    expect_cpus(36, (const uint32_t[]){7}, 1);
    put_rsdp(2, 0, 0);
    expect_failure(ACPI_NO_TABLE);
}

static void test_bad_root_tables(void **state)
{
    (void)state;
    add_apic(7, 1);
    put_rsdp(2, RSDT_AT, 0);
    memory[RSDT_AT + 20]++;
    expect_failure(ACPI_BAD_TABLE);
    put_rsdp(2, (uint32_t)sizeof(memory) - 35, 0); /* its header ends outside */
    expect_failure(ACPI_UNREADABLE);
    put_rsdp(2, UINT32_MAX, UINT64_MAX);
    expect_failure(ACPI_UNREADABLE);
}

static void test_table_lengths(void **state)
{
    static const uint32_t lengths[] = {0, 1, 35, ACPI_MAX_TABLE + 1, 0x7fffffff, UINT32_MAX};
    (void)state;
    add_apic(7, 1);
    put_rsdp(2, RSDT_AT, 0);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        put32(RSDT_AT + 4, lengths[i]);
        expect_failure(ACPI_BAD_TABLE);
    }
    put32(RSDT_AT + 4, ACPI_MAX_TABLE); /* allowed, but not all there */
    expect_failure(ACPI_UNREADABLE);
    put32(RSDT_AT + 4, 36);
    seal(RSDT_AT);
    expect_failure(ACPI_NO_TABLE);
    put32(RSDT_AT + 4, 39); /* no whole entry */
    seal(RSDT_AT);
    expect_failure(ACPI_NO_TABLE);
}

static void test_list_entries_that_lead_nowhere(void **state)
{
    (void)state;
    add_apic(7, 1);
    put64(XSDT_AT + 36, UINT64_MAX - 1);
    seal(XSDT_AT);
    expect_cpus(36, (const uint32_t[]){7}, 1);
    put64(XSDT_AT + 36, 0);
    seal(XSDT_AT);
    expect_cpus(36, (const uint32_t[]){7}, 1);
}

static void test_damaged_madt(void **state)
{
    (void)state;
    add_apic(7, 1);
    memory[MADT_AT + 50]++;
    expect_failure(ACPI_BAD_TABLE);
    put32(MADT_AT + 4, 43);
    seal(MADT_AT);
    expect_failure(ACPI_BAD_MADT);
    put32(MADT_AT + 4, 36);
    seal(MADT_AT);
    expect_failure(ACPI_BAD_MADT);
}

static void test_damaged_entries(void **state)
{
    static const struct {
        uint8_t bytes[16];
        size_t size;
    } entries[] = {
        {{0}, 1},    {{0, 0}, 2},   {{7, 0}, 2},  {{7, 1}, 2},   {{0, 7}, 8},
        {{0, 8}, 7}, {{9, 15}, 15}, {{9, 16}, 8}, {{5, 11}, 11}, {{200, 255}, 16},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        set_up(state);
        add_apic(7, 1);
        add_entry(entries[i].bytes, entries[i].size);
        expect_failure(ACPI_BAD_MADT);
    }
}

static void test_no_cpu(void **state)
{
    (void)state;
    expect_failure(ACPI_NO_CPU);
    add_apic(3, 0);
    expect_failure(ACPI_NO_CPU);
}

static void test_status_texts(void **state)
{
    (void)state;
    for (int status = 0; status < ACPI_STATUS_COUNT; status++) {
        assert_true(strlen(acpi_status_text((enum acpi_status)status)) > 10);
    }
    assert_string_equal(acpi_status_text(ACPI_STATUS_COUNT), "unknown status");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_both_entry_types, set_up),
        cmocka_unit_test_setup(test_disabled_are_skipped, set_up),
        cmocka_unit_test_setup(test_duplicates_are_dropped, set_up),
        cmocka_unit_test_setup(test_other_entries_are_skipped, set_up),
        cmocka_unit_test_setup(test_more_cpus_than_fit, set_up),
        cmocka_unit_test_setup(test_acpi_1, set_up),
        cmocka_unit_test_setup(test_bad_rsdp, set_up),
        cmocka_unit_test_setup(test_xsdt_is_preferred, set_up),
        cmocka_unit_test_setup(test_damaged_xsdt_falls_back, set_up),
        cmocka_unit_test_setup(test_xsdt_alone, set_up),
        cmocka_unit_test_setup(test_bad_root_tables, set_up),
        cmocka_unit_test_setup(test_table_lengths, set_up),
        cmocka_unit_test_setup(test_list_entries_that_lead_nowhere, set_up),
        cmocka_unit_test_setup(test_damaged_madt, set_up),
        cmocka_unit_test_setup(test_damaged_entries, set_up),
        cmocka_unit_test_setup(test_no_cpu, set_up),
        cmocka_unit_test(test_status_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
