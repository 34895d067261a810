/* SPDX-License-Identifier: MIT */
/* sources: root/devices/acpi_tables.c root/devices/acpi_dsdt.c root/devices/acpi_aml.c */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "root/devices/acpi_format.h"
#include "root/devices/acpi_tables.h"
#include "root/devices/platform.h"
#include "tests/unit/cmocka_tests.h"

#define ADDRESS 0xe0000u

static uint8_t tables[ACPI_TABLES_MAX];
static size_t used;

static const struct acpi_machine everything = {.cpus = 4, .virtio_slots = 0xf, .serial = true, .keyboard = true};

static void build(const struct acpi_machine *m)
{
    memset(tables, 0xee, sizeof(tables));
    used = acpi_tables_build(m, ADDRESS, tables, sizeof(tables));
    assert_true(used > 0 && used <= sizeof(tables));
}

static uint8_t sum(const void *from, size_t size)
{
    const uint8_t *bytes = from;
    uint8_t total = 0;
    for (size_t i = 0; i < size; i++) {
        total = (uint8_t)(total + bytes[i]);
    }
    return total;
}

static const void *at(uint64_t address, size_t size)
{
    assert_true(address >= ADDRESS && address - ADDRESS + size <= used);
    return tables + (address - ADDRESS);
}

static const struct acpi_header *table_at(uint64_t address, const char *signature)
{
    const struct acpi_header *h = at(address, sizeof(*h));
    at(address, h->length);
    assert_memory_equal(h->signature, signature, 4);
    assert_int_equal(sum(h, h->length), 0);
    return h;
}

static const struct acpi_header *find(uint32_t index, const char *signature)
{
    const struct acpi_rsdp *r = (const struct acpi_rsdp *)tables;
    const struct acpi_header *rsdt = table_at(r->rsdt, "RSDT");
    const struct acpi_header *xsdt = table_at(r->xsdt, "XSDT");
    uint32_t low;
    uint64_t full;
    assert_int_equal(rsdt->length, sizeof(*rsdt) + 2 * 4);
    assert_int_equal(xsdt->length, sizeof(*xsdt) + 2 * 8);
    memcpy(&low, (const uint8_t *)(rsdt + 1) + index * 4, 4);
    memcpy(&full, (const uint8_t *)(xsdt + 1) + index * 8, 8);
    assert_int_equal(low, full);
    return table_at(full, signature);
}

static const struct acpi_fadt *find_fadt(void)
{
    return (const struct acpi_fadt *)find(0, "FACP");
}

static const struct acpi_header *find_dsdt(void)
{
    return table_at(find_fadt()->dsdt, "DSDT");
}

static bool table_has(const struct acpi_header *table, const void *bytes, size_t size)
{
    for (size_t i = 0; i + size <= table->length; i++) {
        if (memcmp((const uint8_t *)table + i, bytes, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool dsdt_has(const void *bytes, size_t size)
{
    return table_has(find_dsdt(), bytes, size);
}

static void the_root_pointer_is_valid_in_both_revisions(void **state)
{
    (void)state;
    build(&everything);
    const struct acpi_rsdp *r = (const struct acpi_rsdp *)tables;
    assert_memory_equal(r->signature, "RSD PTR ", 8);
    assert_int_equal(r->revision, 2);
    assert_int_equal(r->length, 36);
    assert_int_equal(sum(r, 20), 0);
    assert_int_equal(sum(r, 36), 0);
}

static void the_fadt_says_where_power_management_is(void **state)
{
    (void)state;
    build(&everything);
    const struct acpi_fadt *f = find_fadt();
    assert_int_equal(f->header.length, 276);
    assert_int_equal(f->sci, 9);
    assert_int_equal(f->smi_command, 0);
    assert_int_equal(f->pm1a_event, 0x600);
    assert_int_equal(f->x_pm1a_event.address, 0x600);
    assert_int_equal(f->pm1a_control, 0x604);
    assert_int_equal(f->x_pm1a_control.address, 0x604);
    assert_int_equal(f->pm_timer, 0x608);
    assert_int_equal(f->x_pm_timer.address, 0x608);
    assert_int_equal(f->reset.space, 1);
    assert_int_equal(f->reset.address, 0xcf9);
    assert_int_equal(f->reset_value, 6);
    assert_int_equal(f->century, 0x32);
    assert_int_equal(f->flags & (1u << 20 | 1u << 10), 1u << 10); /* not hardware-reduced; a reset register */
    assert_int_equal(f->flags & (1u << 4 | 1u << 8), 0);          /* a fixed power button; a PM timer of 24 bits */
    assert_int_equal(f->x_dsdt, f->dsdt);
    assert_int_equal(f->x_facs, 0);
}

static void the_facs_is_aligned(void **state)
{
    (void)state;
    build(&everything);
    uint32_t address = find_fadt()->facs;
    const struct acpi_facs *facs = at(address, sizeof(*facs));
    assert_int_equal(address % 64, 0);
    assert_memory_equal(facs->signature, "FACS", 4);
    assert_int_equal(facs->length, 64);
}

static void the_keyboard_shows_in_the_boot_flags(void **state)
{
    (void)state;
    struct acpi_machine m = everything;
    build(&m);
    assert_int_equal(find_fadt()->boot_architecture & 3, 3);
    m.keyboard = false;
    build(&m);
    assert_int_equal(find_fadt()->boot_architecture & 3, 1);
}

/* The entries of one type, counted; `last` takes the last one's bytes. */
static uint32_t count_entries(uint8_t type, uint8_t last[16])
{
    const struct acpi_header *madt = find(1, "APIC");
    const uint8_t *p = (const uint8_t *)madt + sizeof(struct acpi_madt);
    const uint8_t *end = (const uint8_t *)madt + madt->length;
    uint32_t count = 0;
    for (; p < end; p += p[1]) {
        assert_true(p[1] >= 6 && p[1] <= end - p);
        if (p[0] == type) {
            count++;
            memcpy(last, p, p[1] < 16 ? p[1] : 16);
        }
    }
    assert_ptr_equal(p, end);
    return count;
}

static void the_madt_lists_every_processor(void **state)
{
    (void)state;
    uint8_t last[16];
    for (uint32_t n = 1; n <= ACPI_CPUS_MAX; n++) {
        build(&(struct acpi_machine){.cpus = n, .virtio_slots = 0xf, .serial = true, .keyboard = true});
        assert_int_equal(count_entries(0, last), n);
        assert_int_equal(last[3], n - 1);
        assert_int_equal(last[4], 1);
    }
}

static void the_madt_routes_interrupts(void **state)
{
    (void)state;
    uint8_t last[16];
    static const uint8_t ioapic[] = {1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0};
    static const uint8_t sci[] = {2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0};
    static const uint8_t pit[] = {2, 10, 0, 0, 2, 0, 0, 0, 0, 0};
    build(&everything);
    const struct acpi_madt *madt = (const struct acpi_madt *)find(1, "APIC");
    assert_int_equal(madt->local_apic, 0xfee00000);
    assert_int_equal(madt->flags, 1);
    assert_int_equal(count_entries(1, last), 1);
    assert_memory_equal(last, ioapic, sizeof(ioapic));
    assert_int_equal(count_entries(2, last), 2);
    assert_memory_equal(last, sci, sizeof(sci));
    assert_true(table_has(&madt->header, pit, sizeof(pit)));
}

static void the_dsdt_has_what_the_machine_has(void **state)
{
    (void)state;
    struct acpi_machine m = everything;
    static const uint8_t com1[] = {'_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x05, 0x01};
    static const uint8_t kbd[] = {'_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x03, 0x03};
    static const uint8_t slot2[] = {0x86, 9, 0, 1, 0, 0x20, 0xb0, 0xfe, 0, 0x10, 0, 0, 0x89, 6, 0, 1, 1, 5};
    static const uint8_t s5[] = {8, '\\', '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, 5, 0x0a, 5, 0, 0};
    build(&m);
    assert_true(dsdt_has(com1, sizeof(com1)));
    assert_true(dsdt_has(kbd, sizeof(kbd)));
    assert_true(dsdt_has(slot2, sizeof(slot2)));
    assert_true(dsdt_has(s5, sizeof(s5)));
    m = (struct acpi_machine){.cpus = 1, .virtio_slots = 1};
    build(&m);
    assert_false(dsdt_has(com1, sizeof(com1)));
    assert_false(dsdt_has(kbd, sizeof(kbd)));
    assert_false(dsdt_has(slot2, sizeof(slot2)));
    assert_true(dsdt_has("LNRO0005", 9));
}

static void what_does_not_fit_or_exist_is_refused(void **state)
{
    (void)state;
    static uint8_t small[ACPI_TABLES_MAX];
    build(&everything);
    for (size_t size = 0; size < used; size++) {
        assert_int_equal(acpi_tables_build(&everything, ADDRESS, small, size), 0);
    }
    assert_int_equal(acpi_tables_build(&everything, ADDRESS, small, used), used);
    assert_int_equal(acpi_tables_build(&(struct acpi_machine){.cpus = 0}, ADDRESS, small, sizeof(small)), 0);
    assert_int_equal(acpi_tables_build(&(struct acpi_machine){.cpus = 255}, ADDRESS, small, sizeof(small)), 0);
    assert_int_equal(acpi_tables_build(&(struct acpi_machine){1, 0x10, 0, 0}, ADDRESS, small, sizeof(small)), 0);
    assert_int_equal(acpi_tables_build(&everything, ADDRESS + 16, small, sizeof(small)), 0);
    assert_int_equal(acpi_tables_build(&everything, 0xffffffc0u, small, sizeof(small)), 0);
    assert_int_equal(acpi_tables_build(&everything, 1ull << 32, small, sizeof(small)), 0);
}

static void save(const char *folder, const char *name, const struct acpi_header *h)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s.aml", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(h, 1, h->length, f), h->length);
    assert_int_equal(fclose(f), 0);
}

/* Intel's compiler takes the tables apart without a complaint, and takes the source that it made of the DSDT back. */
static void intels_compiler_understands_the_tables(void **state)
{
    (void)state;
    char folder[] = "/tmp/acpi-tables-XXXXXX", command[512];
    assert_non_null(mkdtemp(folder));
    build(&everything);
    save(folder, "dsdt", find_dsdt());
    save(folder, "facp", &find_fadt()->header);
    save(folder, "apic", find(1, "APIC"));
    snprintf(command, sizeof(command),
             "cd %s && for t in dsdt facp apic; do iasl -d $t.aml >$t.log 2>&1 || exit 1; done && "
             "! grep -iE 'error|warning|invalid|unknown' *.log && iasl -we -p again dsdt.dsl >again.log 2>&1",
             folder);
    int failed = system(command);
    snprintf(command, sizeof(command), "%s; rm -r %s", failed == 0 ? ":" : "cat *.log", folder);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(system(command), 0);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_pointer_is_valid_in_both_revisions),
        cmocka_unit_test(the_fadt_says_where_power_management_is),
        cmocka_unit_test(the_facs_is_aligned),
        cmocka_unit_test(the_keyboard_shows_in_the_boot_flags),
        cmocka_unit_test(the_madt_lists_every_processor),
        cmocka_unit_test(the_madt_routes_interrupts),
        cmocka_unit_test(the_dsdt_has_what_the_machine_has),
        cmocka_unit_test(what_does_not_fit_or_exist_is_refused),
        cmocka_unit_test(intels_compiler_understands_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
