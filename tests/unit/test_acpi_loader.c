/* SPDX-License-Identifier: MIT */
/* sources: root/devices/acpi_*.c root/devices/fw_cfg.c */
#include <stdlib.h>
#include <string.h>

#include "root/devices/acpi_loader.h"
#include "tests/unit/cmocka_tests.h"

enum { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3, ENTRY = 128, NAME = 56, ZONE_HIGH = 1, ZONE_FSEG = 2 };

/* Firmware's side: files read by fw_cfg, with the addresses that it chose for them. */
struct loaded {
    const char *name;
    uint8_t *data;
    uint32_t size;
    uint64_t address;
};

static uint8_t ram[4096];
static const struct guest_memory memory = {.low = ram, .low_size = sizeof(ram)};
static struct fw_cfg cfg;
static struct acpi_loader loader;
static uint8_t bytes[2][ACPI_TABLES_MAX];
static struct loaded files[2];
static uint32_t file_count;

static uint32_t little(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint32_t read_file(const char *name, uint8_t *to, size_t room)
{
    for (uint32_t i = 0; i < cfg.file_count; i++) {
        const uint8_t *entry = cfg.directory + 4 + 64 * i;
        uint32_t size = __builtin_bswap32(little(entry));
        if (strcmp((const char *)entry + 8, name) == 0) {
            assert_true(size <= room);
            fw_cfg_ops.write(&cfg, 0, 2, (uint64_t)(entry[4] << 8 | entry[5]));
            for (uint32_t n = 0; n < size; n++) {
                to[n] = (uint8_t)fw_cfg_ops.read(&cfg, 1, 1);
            }
            return size;
        }
    }
    fail_msg("no file %s", name);
    return 0;
}

static const struct loaded *find(const char *name)
{
    for (uint32_t i = 0; i < file_count; i++) {
        if (strcmp(files[i].name, name) == 0) {
            return &files[i];
        }
    }
    fail_msg("%s was not allocated", name);
    return NULL;
}

/* A name fills its field with zeroes after it. */
static const struct loaded *named(const uint8_t *field)
{
    assert_int_equal(field[NAME - 1], 0);
    return find((const char *)field);
}

static void allocate(const uint8_t *e)
{
    const char *name = (const char *)e + 4;
    uint32_t align = little(e + 60);
    uint8_t zone = e[64];
    assert_true(file_count < 2 && e[4 + NAME - 1] == 0);
    assert_true(zone == ZONE_HIGH || zone == ZONE_FSEG);
    struct loaded *f = &files[file_count];
    f->name = name;
    f->data = bytes[file_count++];
    f->size = read_file(name, f->data, ACPI_TABLES_MAX);
    f->address = zone == ZONE_FSEG ? 0xf5a00 : 0x7fe0000;
    assert_int_equal(f->address % align, 0);
    assert_int_equal(zone, strcmp(name, "etc/acpi/rsdp") == 0 ? ZONE_FSEG : ZONE_HIGH);
}

static void add_pointer(const uint8_t *e)
{
    const struct loaded *to = named(e + 4), *from = named(e + 4 + NAME);
    uint32_t offset = little(e + 4 + 2 * NAME), size = e[8 + 2 * NAME];
    uint64_t value = 0;
    assert_true(size == 4 || size == 8);
    assert_true(offset + size <= to->size);
    memcpy(&value, to->data + offset, size);
    assert_true(value < from->size);
    value += from->address;
    memcpy(to->data + offset, &value, size);
}

static void add_checksum(const uint8_t *e)
{
    const struct loaded *f = named(e + 4);
    uint32_t offset = little(e + 60), start = little(e + 64), length = little(e + 68);
    assert_true(offset < f->size && start + length <= f->size);
    uint8_t sum = 0;
    for (uint32_t i = 0; i < length; i++) {
        sum = (uint8_t)(sum + f->data[start + i]);
    }
    f->data[offset] = (uint8_t)(f->data[offset] - sum);
}

static void run_script(void)
{
    static uint8_t script[64 * ENTRY];
    uint32_t size = read_file("etc/table-loader", script, sizeof(script));
    assert_int_equal(size % ENTRY, 0);
    file_count = 0;
    for (const uint8_t *e = script; e < script + size; e += ENTRY) {
        switch (little(e)) {
        case ALLOCATE:
            allocate(e);
            break;
        case ADD_POINTER:
            add_pointer(e);
            break;
        case ADD_CHECKSUM:
            add_checksum(e);
            break;
        default:
            fail_msg("command %u", little(e));
        }
    }
}

/* Placed by firmware, the tables are those that would have been built there at once. */
static void check(const struct acpi_machine *m)
{
    static uint8_t expected[ACPI_TABLES_MAX];
    fw_cfg_init(&cfg, &memory);
    assert_true(acpi_loader_build(&loader, m));
    assert_true(acpi_loader_add(&loader, &cfg));
    run_script();
    const struct loaded *rsdp = find("etc/acpi/rsdp");
    const struct loaded *tables = find("etc/acpi/tables");
    size_t used = acpi_tables_build(m, tables->address - ACPI_TABLES_OFFSET, expected, sizeof(expected));
    assert_int_equal(used, tables->size + ACPI_TABLES_OFFSET);
    assert_int_equal(rsdp->size, 36);
    assert_memory_equal(rsdp->data, expected, 36);
    assert_memory_equal(tables->data, expected + ACPI_TABLES_OFFSET, tables->size);
}

static void firmware_ends_with_the_same_tables(void **state)
{
    (void)state;
    check(&(struct acpi_machine){.cpus = 1});
    check(&(struct acpi_machine){.cpus = 2, .virtio_slots = 3, .serial = true});
    check(&(struct acpi_machine){.cpus = ACPI_CPUS_MAX, .virtio_slots = 0xf, .serial = true, .keyboard = true});
}

static void a_machine_out_of_range_is_refused(void **state)
{
    (void)state;
    assert_false(acpi_loader_build(&loader, &(struct acpi_machine){.cpus = 0}));
    assert_false(acpi_loader_build(&loader, &(struct acpi_machine){.cpus = ACPI_CPUS_MAX + 1}));
}

static void files_need_room(void **state)
{
    (void)state;
    fw_cfg_init(&cfg, &memory);
    assert_true(acpi_loader_build(&loader, &(struct acpi_machine){.cpus = 1}));
    assert_true(acpi_loader_add(&loader, &cfg));
    assert_false(acpi_loader_add(&loader, &cfg));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_ends_with_the_same_tables),
        cmocka_unit_test(a_machine_out_of_range_is_refused),
        cmocka_unit_test(files_need_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
