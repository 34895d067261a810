/* SPDX-License-Identifier: MIT */
/* sources: kernel/boot/multiboot2.c kernel/memory/memory_map.c */
#include <stdlib.h>
#include <string.h>

#include "kernel/boot/multiboot2.h"
#include "tests/unit/cmocka_tests.h"

enum { CMDLINE = 1, MODULE = 3, MEMORY_MAP = 6, FRAMEBUFFER = 8, EFI64 = 12, RSDP_OLD = 14, RSDP_NEW = 15, LOAD = 21 };

/* An information block under construction. */
static uint8_t block[65536];
static size_t length;
static struct boot_info info;

static void put(const void *bytes, size_t size)
{
    memcpy(block + length, bytes, size);
    length += size;
}

static void put32(uint32_t value)
{
    put(&value, sizeof(value));
}

static void put64(uint64_t value)
{
    put(&value, sizeof(value));
}

static void patch32(size_t offset, uint32_t value)
{
    memcpy(block + offset, &value, sizeof(value));
}

static void begin(void)
{
    memset(block, 0xee, sizeof(block));
    length = 8;
}

static void put_tag_with_size(uint32_t type, const void *payload, size_t size, uint32_t declared)
{
    put32(type);
    put32(declared);
    if (size > 0) {
        put(payload, size);
    }
    length = (length + 7) & ~(size_t)7;
}

static void put_tag(uint32_t type, const void *payload, size_t size)
{
    put_tag_with_size(type, payload, size, (uint32_t)size + 8);
}

static void put_map(uint32_t entry_size, const struct memory_range *ranges, size_t count)
{
    put32(MEMORY_MAP);
    put32((uint32_t)(16 + entry_size * count));
    put32(entry_size);
    put32(0);
    for (size_t i = 0; i < count; i++) {
        size_t start = length;
        put64(ranges[i].base);
        put64(ranges[i].size);
        put32(ranges[i].type);
        put32(0);
        length = start + entry_size;
    }
    length = (length + 7) & ~(size_t)7;
}

static void put_small_map(void)
{
    static const struct memory_range range = {0x100000, 0x700000, MEMORY_AVAILABLE, 0};
    put_map(24, &range, 1);
}

static void put_module(uint32_t start, uint32_t end, const char *cmdline)
{
    uint8_t payload[2048];
    memcpy(payload, &start, 4);
    memcpy(payload + 4, &end, 4);
    strcpy((char *)payload + 8, cmdline);
    put_tag(MODULE, payload, 9 + strlen(cmdline));
}

/* Parses a copy of exactly `size` bytes at an odd address, so that the sanitizer sees any read beyond it. */
static enum mb2_status parse_limited(size_t size)
{
    uint8_t *copy = malloc(size + 1);
    memcpy(copy + 1, block, size);
    memset(&info, 0xa5, sizeof(info));
    enum mb2_status status = mb2_parse(copy + 1, size, &info);
    free(copy);
    return status;
}

static enum mb2_status finish(void)
{
    put_tag(0, NULL, 0);
    patch32(0, (uint32_t)length);
    patch32(4, 0);
    return parse_limited(length);
}

static void test_everything(void **state)
{
    static const struct memory_range map[] = {
        {0, 0x9fc00, MEMORY_AVAILABLE, 0},
        {0x9fc00, 0x400, MEMORY_RESERVED, 0},
        {0x100000, 0x1ff00000, MEMORY_AVAILABLE, 0},
        {0x1fff0000, 0x10000, MEMORY_ACPI, 0},
    };
    uint8_t framebuffer[30] = {0};
    uint64_t base = 0xfd000000, system_table = 0x7f001018;
    uint32_t load = 0x200000;
    uint32_t shape[3] = {4096, 1024, 768};
    (void)state;

    memcpy(framebuffer, &base, 8);
    memcpy(framebuffer + 8, shape, 12);
    memcpy(framebuffer + 20, "\x20\x01\0\0\x10\x08\x08\x07\x00\x06", 10);
    begin();
    put_tag(CMDLINE, "heap=64M", 9);
    put_tag(2, "GRUB", 5);
    put_module(0x300000, 0x345678, "root.elf a=b");
    put_module(0x400000, 0x400000, "");
    put_map(24, map, 4);
    put_tag(FRAMEBUFFER, framebuffer, 30);
    put_tag(EFI64, &system_table, 8);
    put_tag(RSDP_NEW, "RSD PTR 0123456789abcdef0123456789ab", 36);
    put_tag(LOAD, &load, 4);
    assert_int_equal(finish(), MB2_OK);

    assert_string_equal(info.cmdline, "heap=64M");
    assert_false(info.cmdline_cut);
    assert_true(info.efi);
    assert_int_equal(info.rsdp_size, 36);
    assert_memory_equal(info.rsdp, "RSD PTR 0123456789abcdef0123456789ab", 36);
    assert_int_equal(info.module_count, 2);
    assert_int_equal(info.modules[0].start, 0x300000);
    assert_int_equal(info.modules[0].end, 0x345678);
    assert_string_equal(info.modules[0].cmdline, "root.elf a=b");
    assert_string_equal(info.modules[1].cmdline, "");
    assert_int_equal(info.framebuffer.base, base);
    assert_int_equal(info.framebuffer.pitch, 4096);
    assert_int_equal(info.framebuffer.width, 1024);
    assert_int_equal(info.framebuffer.height, 768);
    assert_int_equal(info.framebuffer.bits_per_pixel, 32);
    assert_int_equal(info.framebuffer.type, 1);
    assert_int_equal(info.framebuffer.red_position, 16);
    assert_int_equal(info.framebuffer.blue_size, 6);
    assert_int_equal(info.framebuffer.green_size, 7);
    assert_int_equal(info.range_count, 4);
    assert_int_equal(info.ranges[0].size, 0x9f000);
    assert_int_equal(info.ranges[2].size, 0x1fef0000);
    assert_int_equal(info.ranges[3].type, MEMORY_ACPI);
}

static void test_the_least(void **state)
{
    (void)state;
    begin();
    put_small_map();
    assert_int_equal(finish(), MB2_OK);
    assert_string_equal(info.cmdline, "");
    assert_false(info.efi);
    assert_int_equal(info.rsdp_size, 0);
    assert_int_equal(info.module_count, 0);
    assert_int_equal(info.framebuffer.base, 0);
    assert_int_equal(info.range_count, 1);
}

static void test_block_size(void **state)
{
    (void)state;
    begin();
    put_small_map();
    assert_int_equal(finish(), MB2_OK);
    size_t total = length;
    for (size_t limit = 0; limit < total; limit++) {
        assert_int_equal(parse_limited(limit), MB2_BAD_SIZE);
    }
    for (uint32_t declared = 0; declared < 8; declared++) {
        patch32(0, declared);
        assert_int_equal(parse_limited(total), MB2_BAD_SIZE);
    }
    patch32(0, UINT32_MAX);
    assert_int_equal(parse_limited(total), MB2_BAD_SIZE);
    patch32(0, (uint32_t)total);
    assert_int_equal(parse_limited(total + 4096), MB2_OK);
}

static void test_size_above_the_maximum(void **state)
{
    size_t size = MB2_MAX_SIZE + 8;
    uint8_t *big = calloc(1, size);
    uint32_t declared = (uint32_t)size;
    (void)state;
    memcpy(big, &declared, 4);
    assert_int_equal(mb2_parse(big, size, &info), MB2_BAD_SIZE);
    free(big);
}

/* The block's declared size cuts it anywhere: never accepted, never read beyond. */
static void test_every_truncation(void **state)
{
    (void)state;
    begin();
    put_tag(CMDLINE, "text", 5);
    put_module(1, 2, "m");
    put_small_map();
    assert_int_equal(finish(), MB2_OK);
    for (size_t size = 8; size < length; size++) {
        patch32(0, (uint32_t)size);
        enum mb2_status status = parse_limited(size);
        assert_true(status == MB2_NO_END || status == MB2_BAD_TAG);
    }
}

static void test_no_end(void **state)
{
    (void)state;
    begin();
    patch32(0, 8);
    assert_int_equal(parse_limited(8), MB2_NO_END);
    put_small_map();
    patch32(0, (uint32_t)length);
    assert_int_equal(parse_limited(length), MB2_NO_END);
}

static void test_tags_after_the_end_do_not_count(void **state)
{
    (void)state;
    begin();
    put_small_map();
    put_tag(0, NULL, 0);
    put_tag(CMDLINE, "late", 5);
    assert_int_equal(finish(), MB2_OK);
    assert_string_equal(info.cmdline, "");
}

static void test_tag_sizes(void **state)
{
    static const uint32_t sizes[] = {0, 1, 7, 0x1000, 0x7fffffff, 0xfffffff8, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        begin();
        put_small_map();
        put_tag_with_size(99, "1234", 4, sizes[i]);
        assert_int_equal(finish(), MB2_BAD_TAG);
    }
}

static void test_payloads_too_short(void **state)
{
    static const struct {
        uint32_t type;
        uint32_t needed;
    } tags[] = {{CMDLINE, 1}, {MODULE, 9}, {MEMORY_MAP, 8}, {FRAMEBUFFER, 24}, {RSDP_OLD, 20}, {RSDP_NEW, 36}};
    static const uint8_t zeros[64];
    (void)state;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        for (uint32_t size = 0; size < tags[i].needed; size++) {
            begin();
            put_small_map();
            put_tag(tags[i].type, zeros, size);
            assert_int_equal(finish(), MB2_BAD_TAG);
        }
    }
}

static void test_framebuffer_colours_need_room(void **state)
{
    uint8_t payload[30] = {0};
    (void)state;
    for (uint8_t type = 0; type < 3; type++) {
        payload[21] = type;
        for (uint32_t size = 24; size <= 30; size++) {
            begin();
            put_small_map();
            memset(payload + 22, 0x77, 8);
            put_tag(FRAMEBUFFER, payload, size);
            assert_int_equal(finish(), type == 1 && size < 30 ? MB2_BAD_TAG : MB2_OK);
        }
        assert_int_equal(info.framebuffer.red_size, type == 1 ? 0x77 : 0);
    }
}

static void test_strings(void **state)
{
    char text[1500];
    (void)state;
    memset(text, 'x', sizeof(text));
    begin();
    put_small_map();
    put_tag(CMDLINE, text, 16);
    assert_int_equal(finish(), MB2_BAD_STRING);
    begin();
    put_small_map();
    put_tag(MODULE, text, 17);
    memset(block + 56, 0, 8);
    assert_int_equal(finish(), MB2_BAD_STRING);

    for (size_t size = BOOT_CMDLINE_SIZE - 2; size <= BOOT_CMDLINE_SIZE + 1; size++) {
        bool fits = size < BOOT_CMDLINE_SIZE;
        text[size] = '\0';
        begin();
        put_small_map();
        put_tag(CMDLINE, text, size + 1);
        assert_int_equal(finish(), MB2_OK);
        assert_int_equal(strlen(info.cmdline), fits ? size : BOOT_CMDLINE_SIZE - 1);
        assert_int_equal(info.cmdline_cut, !fits);
        text[size] = 'x';
    }
}

static void test_last_command_line_counts(void **state)
{
    (void)state;
    begin();
    put_small_map();
    put_tag(CMDLINE, "a longer first one", 19);
    put_tag(CMDLINE, "second", 7);
    assert_int_equal(finish(), MB2_OK);
    assert_string_equal(info.cmdline, "second");
}

static void test_modules(void **state)
{
    char text[BOOT_MODULE_CMDLINE_SIZE + 8];
    (void)state;
    begin();
    put_small_map();
    put_module(2, 1, "backwards");
    assert_int_equal(finish(), MB2_BAD_MODULE);

    memset(text, 'y', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    begin();
    put_small_map();
    for (uint32_t i = 0; i < BOOT_MAX_MODULES; i++) {
        put_module(i * 0x1000, i * 0x1000 + 1, text);
    }
    assert_int_equal(finish(), MB2_OK);
    assert_int_equal(info.module_count, BOOT_MAX_MODULES);
    assert_int_equal(info.modules[16].start, 0x10000);
    assert_int_equal(strlen(info.modules[16].cmdline), BOOT_MODULE_CMDLINE_SIZE - 1);
    length -= 8; /* over the end tag */
    put_module(0, 1, "one too many");
    assert_int_equal(finish(), MB2_TOO_MANY_MODULES);

    begin();
    put_small_map();
    put_module(0xfffff000, UINT32_MAX, "high");
    assert_int_equal(finish(), MB2_OK);
    assert_int_equal(info.modules[0].end, UINT32_MAX);
}

static void test_rsdp_preference(void **state)
{
    static const char *const old = "RSD PTR old-old-old-";
    static const char *const new = "RSD PTR new-new-new-new-new-new-new-";
    (void)state;
    begin();
    put_small_map();
    put_tag(RSDP_OLD, old, 20);
    assert_int_equal(finish(), MB2_OK);
    assert_int_equal(info.rsdp_size, 20);
    assert_memory_equal(info.rsdp, old, 20);
    for (int order = 0; order < 2; order++) {
        begin();
        put_small_map();
        put_tag(order == 0 ? RSDP_OLD : RSDP_NEW, order == 0 ? old : new, order == 0 ? 20 : 36);
        put_tag(order == 0 ? RSDP_NEW : RSDP_OLD, order == 0 ? new : old, order == 0 ? 36 : 20);
        assert_int_equal(finish(), MB2_OK);
        assert_int_equal(info.rsdp_size, 36);
        assert_memory_equal(info.rsdp, new, 36);
    }
    begin(); /* a longer RSDP of the future: its known part */
    put_small_map();
    put_tag(RSDP_NEW, "RSD PTR new-new-new-new-new-new-new-more", 40);
    assert_int_equal(finish(), MB2_OK);
    assert_int_equal(info.rsdp_size, 36);
}

static void test_map_entry_size(void **state)
{
    static const struct memory_range map[] = {{0x1000, 0x1000, 1, 0}, {0x2000, 0x1000, 2, 0}, {0x4000, 0x1000, 1, 0}};
    (void)state;
    for (uint32_t entry_size = 0; entry_size < 80; entry_size++) {
        begin();
        if (entry_size >= 24) {
            put_map(entry_size, map, 3);
            assert_int_equal(finish(), MB2_OK);
            assert_int_equal(info.range_count, 3);
            assert_int_equal(info.ranges[2].base, 0x4000);
        } else {
            put_map(24, map, 3);
            patch32(8 + 8, entry_size);
            assert_int_equal(finish(), MB2_BAD_MEMORY_MAP);
        }
    }
    begin(); /* half an entry more */
    put_map(24, map, 3);
    patch32(8 + 4, 16 + 60);
    assert_int_equal(finish(), MB2_BAD_MEMORY_MAP);
    begin();
    put_map(24, map, 3);
    patch32(8 + 8, UINT32_MAX);
    assert_int_equal(finish(), MB2_BAD_MEMORY_MAP);
    begin(); /* larger than the tag: no whole entry */
    put_map(24, map, 1);
    patch32(8 + 8, 48);
    assert_int_equal(finish(), MB2_BAD_MEMORY_MAP);
}

static void test_map_missing_or_empty(void **state)
{
    (void)state;
    begin();
    put_tag(CMDLINE, "x", 2);
    assert_int_equal(finish(), MB2_NO_MEMORY_MAP);
    assert_string_equal(info.cmdline, "x");
    begin();
    put_map(24, NULL, 0);
    assert_int_equal(finish(), MB2_OK);
    assert_int_equal(info.range_count, 0);
}

static void test_map_in_two_tags(void **state)
{
    static const struct memory_range map[] = {{0, 0x8000, 1, 0}, {0x4000, 0x1000, 2, 0}};
    (void)state;
    begin();
    put_map(24, &map[0], 1);
    put_map(32, &map[1], 1);
    assert_int_equal(finish(), MB2_OK);
    assert_int_equal(info.range_count, 3);
    assert_int_equal(info.ranges[1].type, MEMORY_RESERVED);
}

static void test_too_many_ranges(void **state)
{
    struct memory_range map[BOOT_MAX_RANGES + 1];
    (void)state;
    for (size_t i = 0; i <= BOOT_MAX_RANGES; i++) {
        map[i] = (struct memory_range){i * 0x2000, 0x1000, MEMORY_AVAILABLE, 0};
    }
    begin();
    put_map(24, map, BOOT_MAX_RANGES);
    assert_int_equal(finish(), MB2_OK);
    assert_int_equal(info.range_count, BOOT_MAX_RANGES);
    begin();
    put_map(24, map, BOOT_MAX_RANGES + 1);
    assert_int_equal(finish(), MB2_TOO_MANY_RANGES);

    /* Few enough as reported, too many once the first is split by all the others. */
    map[0] = (struct memory_range){0, BOOT_MAX_RANGES * 0x2000, MEMORY_AVAILABLE, 0};
    for (size_t i = 1; i < BOOT_MAX_RANGES; i++) {
        map[i].type = MEMORY_RESERVED;
    }
    begin();
    put_map(24, map, BOOT_MAX_RANGES);
    assert_int_equal(finish(), MB2_TOO_MANY_RANGES);
}

static void test_status_texts(void **state)
{
    (void)state;
    for (int status = 0; status < MB2_STATUS_COUNT; status++) {
        assert_true(strlen(mb2_status_text((enum mb2_status)status)) > 10);
    }
    assert_string_equal(mb2_status_text(MB2_STATUS_COUNT), "unknown status");
    assert_string_equal(mb2_status_text((enum mb2_status)UINT32_MAX), "unknown status");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_the_least),
        cmocka_unit_test(test_block_size),
        cmocka_unit_test(test_size_above_the_maximum),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_no_end),
        cmocka_unit_test(test_tags_after_the_end_do_not_count),
        cmocka_unit_test(test_tag_sizes),
        cmocka_unit_test(test_payloads_too_short),
        cmocka_unit_test(test_framebuffer_colours_need_room),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_last_command_line_counts),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_rsdp_preference),
        cmocka_unit_test(test_map_entry_size),
        cmocka_unit_test(test_map_missing_or_empty),
        cmocka_unit_test(test_map_in_two_tags),
        cmocka_unit_test(test_too_many_ranges),
        cmocka_unit_test(test_status_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
