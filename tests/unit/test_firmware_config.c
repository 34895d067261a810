/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/firmware_config.c root/devices/acpi_*.c root/devices/fw_cfg.c */
#include <string.h>

#include "root/monitor/firmware_config.h"
#include "tests/unit/cmocka_tests.h"

static uint8_t ram[4096];
static struct firmware_config config;
static const struct acpi_machine machine = {.cpus = 3, .virtio_slots = 1, .serial = true};
static const struct firmware_options options = {.boot_menu = true, .boot_menu_wait = 1500, .console = true};

static uint64_t data(uint32_t size)
{
    return fw_cfg_ops.read(&config.fw_cfg, 1, size);
}

static uint64_t number(uint16_t key, uint32_t size)
{
    fw_cfg_ops.write(&config.fw_cfg, 0, 2, key);
    return data(size);
}

/* Selects the file; its size. */
static uint32_t open_file(const char *name)
{
    for (uint32_t i = 0; i < config.fw_cfg.file_count; i++) {
        const uint8_t *entry = config.fw_cfg.directory + 4 + 64 * i;
        if (strcmp((const char *)entry + 8, name) == 0) {
            number((uint16_t)(entry[4] << 8 | entry[5]), 0);
            return (uint32_t)(entry[2] << 8 | entry[3]);
        }
    }
    return 0;
}

static void init(uint64_t low, uint64_t high)
{
    const struct guest_memory memory = {ram, low, high == 0 ? NULL : ram, high};
    assert_true(firmware_config_init(&config, &memory, &machine, &options));
}

static void firmware_learns_the_machine(void **state)
{
    (void)state;
    init(0x8000000, 0);
    assert_int_equal(number(FW_CFG_RAM_SIZE, 8), 0x8000000);
    assert_int_equal(number(FW_CFG_CPUS, 2), 3);
    assert_int_equal(number(FW_CFG_MAX_CPUS, 2), 3);
    assert_int_equal(number(FW_CFG_BOOT_MENU, 2), 1);
    assert_int_equal(number(FW_CFG_NO_GRAPHIC, 2), 1);
    assert_int_equal(number(FW_CFG_IRQ0_OVERRIDE, 1), 1);
    assert_int_equal(open_file("etc/boot-menu-wait"), 2);
    assert_int_equal(data(2), 1500);
    assert_true(open_file("etc/table-loader") > 0);
}

static void check_range(uint64_t base, uint64_t size)
{
    assert_int_equal(data(8), base);
    assert_int_equal(data(8), size);
    assert_int_equal(data(4), 1);
}

static void the_memory_map_has_ram_below_and_above_4_gib(void **state)
{
    (void)state;
    init(0x8000000, 0);
    assert_int_equal(open_file("etc/e820"), 20);
    check_range(0, 0x8000000);
    init(GUEST_LOW_MAX, 0x40000000);
    assert_int_equal(open_file("etc/e820"), 40);
    check_range(0, GUEST_LOW_MAX);
    check_range(GUEST_HIGH_BASE, 0x40000000);
    assert_int_equal(number(FW_CFG_RAM_SIZE, 8), GUEST_LOW_MAX + 0x40000000);
}

static void a_machine_out_of_range_is_refused(void **state)
{
    (void)state;
    const struct guest_memory memory = {.low = ram, .low_size = sizeof(ram)};
    assert_false(firmware_config_init(&config, &memory, &(struct acpi_machine){.cpus = 0}, &options));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_learns_the_machine),
        cmocka_unit_test(the_memory_map_has_ram_below_and_above_4_gib),
        cmocka_unit_test(a_machine_out_of_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
