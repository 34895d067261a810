/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/load_firmware.c */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "root/monitor/load_firmware.h"
#include "tests/unit/cmocka_tests.h"

#define MIB 0x100000u

static uint8_t ram[2 * MIB];
static struct guest_memory memory;
static uint8_t *image;
static struct firmware_layout layout;
static struct boot_state state_out;

static int fresh(void **state)
{
    (void)state;
    memset(ram, 0xcc, sizeof(ram));
    memory = (struct guest_memory){.low = ram, .low_size = sizeof(ram)};
    image = malloc(2 * FIRMWARE_MAX);
    assert_non_null(image);
    for (size_t i = 0; i < 2 * FIRMWARE_MAX; i++) {
        image[i] = (uint8_t)(i >> 12 ^ i >> 20 ^ i);
    }
    memset(&layout, 0xee, sizeof(layout));
    memset(&state_out, 0xee, sizeof(state_out));
    return 0;
}

static int done(void **state)
{
    (void)state;
    free(image);
    return 0;
}

static const char *firmware(uint64_t size)
{
    return load_firmware(&memory, &(struct boot_file){image, size, ""}, &layout, &state_out);
}

static const char *sector(uint64_t size)
{
    return load_boot_sector(&memory, &(struct boot_file){image, size, ""}, &state_out);
}

static bool untouched(void)
{
    for (size_t i = 0; i < sizeof(ram); i++) {
        if (ram[i] != 0xcc) {
            return false;
        }
    }
    return true;
}

static void check_image(uint64_t size, uint64_t shadow)
{
    memset(ram, 0xcc, sizeof(ram));
    assert_null(firmware(size));
    assert_int_equal(layout.base + layout.size, 0x100000000);
    assert_int_equal(layout.size, size);
    assert_int_equal(layout.shadow + layout.shadow_size, MIB);
    assert_int_equal(layout.shadow_size, shadow);
    assert_int_equal(ram[MIB - shadow - 1], 0xcc);
    assert_memory_equal(ram + MIB - shadow, image + size - shadow, shadow);
    assert_int_equal(ram[MIB], 0xcc);
    assert_int_equal(state_out.mode, BOOT_RESET);
}

static void an_image_ends_at_4_gib_and_at_1_mib(void **state)
{
    (void)state;
    check_image(FIRMWARE_MIN, 0x10000);
    check_image(0x20000, 0x20000);
    check_image(0x40000, 0x40000);
    check_image(0x41000, 0x40000);
    check_image(FIRMWARE_MAX, 0x40000);
}

static void images_of_other_sizes_are_refused(void **state)
{
    (void)state;
    assert_string_equal(firmware(0), "the firmware image is smaller than 64 KiB");
    assert_string_equal(firmware(FIRMWARE_MIN - 0x1000), "the firmware image is smaller than 64 KiB");
    assert_string_equal(firmware(FIRMWARE_MAX + 0x1000), "the firmware image is larger than 16 MiB");
    assert_string_equal(firmware(FIRMWARE_MIN + 1), "the firmware image's size is not a multiple of 4 KiB");
    assert_true(untouched());
    assert_int_equal(state_out.rip, 0xeeeeeeeeeeeeeeee);
    assert_int_equal(layout.size, 0xeeeeeeeeeeeeeeee);
}

static void an_image_must_have_code_where_the_cpu_begins(void **state)
{
    (void)state;
    memset(image + FIRMWARE_MIN - 16, 0xff, 16);
    assert_non_null(firmware(FIRMWARE_MIN));
    memset(image + FIRMWARE_MIN - 16, 0, 16);
    assert_non_null(firmware(FIRMWARE_MIN));
    assert_true(untouched());
    image[FIRMWARE_MIN - 16] = 0xea;
    assert_null(firmware(FIRMWARE_MIN));
}

static void firmware_needs_a_mebibyte(void **state)
{
    (void)state;
    memory.low_size = MIB - 0x1000;
    assert_non_null(firmware(FIRMWARE_MIN));
    assert_true(untouched());
    memory.low_size = MIB;
    assert_null(firmware(FIRMWARE_MIN));
}

static void a_boot_sector_starts_as_from_the_first_disk(void **state)
{
    (void)state;
    image[510] = 0x55;
    image[511] = 0xaa;
    assert_null(sector(512));
    assert_memory_equal(ram + 0x7c00, image, 512);
    assert_int_equal(ram[0x7bff], 0xcc);
    assert_int_equal(ram[0x7e00], 0xcc);
    assert_int_equal(state_out.mode, BOOT_REAL);
    assert_int_equal(state_out.rip, 0x7c00);
    assert_int_equal(state_out.rdx, 0x80);
}

static void other_files_are_no_boot_sectors(void **state)
{
    (void)state;
    image[510] = 0x55;
    image[511] = 0xaa;
    assert_non_null(sector(0));
    assert_non_null(sector(511));
    assert_non_null(sector(513));
    assert_non_null(sector(1024));
    image[510] = 0x54;
    assert_string_equal(sector(512), "the boot sector does not end in the bytes 55 AA");
    image[510] = 0x55;
    image[511] = 0xab;
    assert_non_null(sector(512));
    image[511] = 0xaa;
    memory.low_size = 0x7dff;
    assert_non_null(sector(512));
    assert_true(untouched());
    memory.low_size = 0x7e00;
    assert_null(sector(512));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_image_ends_at_4_gib_and_at_1_mib, fresh, done),
        cmocka_unit_test_setup_teardown(images_of_other_sizes_are_refused, fresh, done),
        cmocka_unit_test_setup_teardown(an_image_must_have_code_where_the_cpu_begins, fresh, done),
        cmocka_unit_test_setup_teardown(firmware_needs_a_mebibyte, fresh, done),
        cmocka_unit_test_setup_teardown(a_boot_sector_starts_as_from_the_first_disk, fresh, done),
        cmocka_unit_test_setup_teardown(other_files_are_no_boot_sectors, fresh, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
