/* SPDX-License-Identifier: MIT */
/* sources: root/devices/fw_cfg.c */
#include <stdio.h>
#include <string.h>

#include "root/devices/fw_cfg.h"
#include "tests/unit/cmocka_tests.h"

enum { SELECTOR = 0, DATA = 1, DMA_HIGH = 4, DMA_LOW = 8 };
enum { ERROR = 1, READ = 2, SKIP = 4, SELECT = 8, WRITE = 16 };

#define REQUEST 0x1000u
#define TARGET 0x2000u

static uint8_t ram[65536], high[4096];
static const struct guest_memory memory = {ram, sizeof(ram), high, sizeof(high)};
static struct fw_cfg cfg;
static const char text[] = "bootable";

static int fresh(void **state)
{
    (void)state;
    memset(ram, 0xcc, sizeof(ram));
    memset(high, 0xcc, sizeof(high));
    fw_cfg_init(&cfg, &memory);
    return 0;
}

static uint64_t in(uint64_t port, uint32_t size)
{
    return fw_cfg_ops.read(&cfg, port, size);
}

static void out(uint64_t port, uint32_t size, uint64_t value)
{
    fw_cfg_ops.write(&cfg, port, size, value);
}

static void select_key(uint16_t key)
{
    out(SELECTOR, 2, key);
}

static void expect(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(in(DATA, 1), ((const uint8_t *)bytes)[i]);
    }
}

static void put_big(uint8_t *to, uint64_t value, uint32_t size)
{
    while (size-- > 0) {
        *to++ = (uint8_t)(value >> (8 * size));
    }
}

/* Makes a request, and returns the control word that is left. */
static uint32_t dma(uint32_t control, uint32_t length, uint64_t address)
{
    put_big(ram + REQUEST, control, 4);
    put_big(ram + REQUEST + 4, length, 4);
    put_big(ram + REQUEST + 8, address, 8);
    out(DMA_HIGH, 4, 0);
    out(DMA_LOW, 4, __builtin_bswap32(REQUEST));
    uint32_t left;
    memcpy(&left, ram + REQUEST, 4);
    return __builtin_bswap32(left);
}

static void firmware_finds_the_device(void **state)
{
    (void)state;
    select_key(FW_CFG_SIGNATURE);
    expect("QEMU\0\0", 6);
    select_key(FW_CFG_ID);
    assert_int_equal(in(DATA, 4), 3);
    assert_int_equal(in(DMA_HIGH, 4), 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24);
    assert_int_equal(in(DMA_LOW, 4), ' ' | 'C' << 8 | 'F' << 16 | 'G' << 24);
    assert_int_equal(in(DMA_LOW + 3, 1), 'G');
    assert_int_equal(in(DMA_LOW + 3, 4), 'G');
}

static void an_item_reads_by_bytes_and_wider(void **state)
{
    (void)state;
    assert_true(fw_cfg_add(&cfg, 0x8003, text, sizeof(text)));
    select_key(0x8003);
    assert_int_equal(in(DATA, 1), 'b');
    assert_int_equal(in(DATA, 2), 'o' | 'o' << 8);
    assert_int_equal(in(DATA, 4), 't' | 'a' << 8 | 'b' << 16 | 'l' << 24);
    assert_int_equal(in(DATA, 8), 'e');
    assert_int_equal(in(DATA, 1), 0);
    select_key(0x8003);
    expect(text, sizeof(text));
}

static void what_is_not_there_reads_zero(void **state)
{
    (void)state;
    select_key(0x77);
    assert_int_equal(in(DATA, 8), 0);
    assert_int_equal(in(SELECTOR, 2), UINT64_MAX);
    assert_int_equal(in(2, 2), UINT64_MAX);
}

static void numbers_are_little_endian(void **state)
{
    (void)state;
    assert_true(fw_cfg_add_number(&cfg, FW_CFG_RAM_SIZE, 0x123456789abcdef0, 8));
    assert_true(fw_cfg_add_number(&cfg, FW_CFG_CPUS, 0x10203, 2));
    assert_false(fw_cfg_add_number(&cfg, FW_CFG_MAX_CPUS, 0, 0));
    assert_false(fw_cfg_add_number(&cfg, FW_CFG_MAX_CPUS, 0, 9));
    select_key(FW_CFG_RAM_SIZE);
    assert_int_equal(in(DATA, 8), 0x123456789abcdef0);
    select_key(FW_CFG_CPUS);
    assert_int_equal(in(DATA, 4), 0x0203);
}

static void the_directory_lists_files_in_big_endian(void **state)
{
    (void)state;
    uint8_t entry[64] = {0, 0, 0, 9, 0, 0x20};
    assert_true(fw_cfg_add_file(&cfg, "etc/text", text, sizeof(text)));
    assert_true(fw_cfg_add_file_number(&cfg, "etc/number", 0x3f8, 2));
    select_key(FW_CFG_DIRECTORY);
    expect("\0\0\0\2", 4);
    memcpy(entry + 8, "etc/text", 8);
    expect(entry, sizeof(entry));
    memset(entry, 0, sizeof(entry));
    entry[3] = 2;
    entry[5] = 0x21;
    memcpy(entry + 8, "etc/number", 10);
    expect(entry, sizeof(entry));
    assert_int_equal(in(DATA, 8), 0);
    select_key(0x20);
    expect(text, sizeof(text));
    select_key(0x21);
    assert_int_equal(in(DATA, 2), 0x3f8);
}

static void names_are_checked(void **state)
{
    (void)state;
    char name[FW_CFG_NAME_SIZE + 1];
    memset(name, 'a', sizeof(name));
    name[FW_CFG_NAME_SIZE] = 0;
    assert_false(fw_cfg_add_file(&cfg, name, text, 1));
    name[FW_CFG_NAME_SIZE - 1] = 0;
    assert_true(fw_cfg_add_file(&cfg, name, text, 1));
    assert_false(fw_cfg_add_file(&cfg, name, text, 1));
    assert_false(fw_cfg_add_file(&cfg, "", text, 1));
    assert_int_equal(cfg.file_count, 1);
}

static void there_is_an_end_to_room(void **state)
{
    (void)state;
    char name[8];
    for (uint32_t i = 0; i < FW_CFG_MAX_FILES; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        assert_true(fw_cfg_add_file(&cfg, name, text, 1));
    }
    assert_false(fw_cfg_add_file(&cfg, "more", text, 1));
    assert_false(fw_cfg_add_file_number(&cfg, "more", 1, 1));
    assert_false(fw_cfg_add(&cfg, FW_CFG_FIRST_FILE, text, 1));
    assert_false(fw_cfg_add(&cfg, 0x4001, text, 1));
    for (uint32_t i = cfg.item_count; i < FW_CFG_MAX_ITEMS; i++) {
        assert_true(fw_cfg_add(&cfg, (uint16_t)(0x8000 + i), text, 1));
    }
    assert_false(fw_cfg_add(&cfg, 0x9000, text, 1));
}

static void dma_selects_and_reads(void **state)
{
    (void)state;
    fw_cfg_add_file(&cfg, "etc/text", text, sizeof(text));
    assert_int_equal(dma(0x20 << 16 | SELECT | READ, 12, TARGET), 0);
    assert_memory_equal(ram + TARGET, "bootable\0\0\0\0\xcc", 13);
    assert_int_equal(dma(0x20 << 16 | SELECT | SKIP, 4, 0), 0);
    assert_int_equal(dma(READ, 4, TARGET), 0);
    assert_memory_equal(ram + TARGET, "able", 4);
    assert_int_equal(in(DATA, 1), 0);
    assert_int_equal(dma(SKIP, UINT32_MAX, 0), 0);
    assert_int_equal(dma(0x20 << 16 | SELECT | READ, 9, GUEST_HIGH_BASE), 0);
    assert_memory_equal(high, text, 9);
    assert_int_equal(dma(0x20 << 16 | SELECT, 0, 0), 0);
    expect(text, sizeof(text));
}

static void dma_refuses_writes_and_what_is_not_ram(void **state)
{
    (void)state;
    fw_cfg_add_file(&cfg, "etc/text", text, sizeof(text));
    assert_int_equal(dma(0x20 << 16 | SELECT | WRITE, 4, TARGET), ERROR);
    assert_int_equal(dma(0x20 << 16 | SELECT | READ, 4, sizeof(ram) - 3), ERROR);
    assert_int_equal(dma(0x20 << 16 | SELECT | READ, UINT32_MAX, 0), ERROR);
    assert_int_equal(dma(0x20 << 16 | SELECT | READ, 4, UINT64_MAX), ERROR);
    assert_int_equal(dma(0x20 << 16 | SELECT | READ, 0, UINT64_MAX), 0);
    expect(text, 4);
}

static void a_request_outside_ram_does_nothing(void **state)
{
    (void)state;
    uint8_t before[sizeof(ram)];
    memcpy(before, ram, sizeof(ram));
    out(DMA_LOW, 4, __builtin_bswap32(sizeof(ram) - 15));
    out(DMA_HIGH, 4, UINT32_MAX);
    out(DMA_LOW, 4, UINT32_MAX);
    out(DMA_LOW, 2, 0);
    out(DMA_HIGH, 1, 0);
    assert_memory_equal(before, ram, sizeof(ram));
}

/* The upper half counts for one request. */
static void the_upper_half_of_the_address_is_forgotten(void **state)
{
    (void)state;
    put_big(high, FW_CFG_SIGNATURE << 16 | SELECT | READ, 4);
    put_big(high + 4, 4, 4);
    put_big(high + 8, TARGET, 8);
    out(DMA_HIGH, 4, __builtin_bswap32(1));
    out(DMA_LOW, 4, 0);
    assert_memory_equal(ram + TARGET, "QEMU", 4);
    assert_int_equal(dma(FW_CFG_ID << 16 | SELECT | READ, 4, TARGET), 0);
    assert_memory_equal(ram + TARGET, "\3\0\0\0", 4);
}

static void only_words_select(void **state)
{
    (void)state;
    select_key(FW_CFG_SIGNATURE);
    out(SELECTOR, 1, FW_CFG_ID);
    out(SELECTOR, 4, FW_CFG_ID);
    out(DATA, 2, FW_CFG_ID);
    expect("QEMU", 4);
    select_key(0x4000 | FW_CFG_SIGNATURE);
    expect("QEMU", 4);
    fw_cfg_ops.reset(&cfg);
    expect("QEMU", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(firmware_finds_the_device, fresh),
        cmocka_unit_test_setup(an_item_reads_by_bytes_and_wider, fresh),
        cmocka_unit_test_setup(what_is_not_there_reads_zero, fresh),
        cmocka_unit_test_setup(numbers_are_little_endian, fresh),
        cmocka_unit_test_setup(the_directory_lists_files_in_big_endian, fresh),
        cmocka_unit_test_setup(names_are_checked, fresh),
        cmocka_unit_test_setup(there_is_an_end_to_room, fresh),
        cmocka_unit_test_setup(dma_selects_and_reads, fresh),
        cmocka_unit_test_setup(dma_refuses_writes_and_what_is_not_ram, fresh),
        cmocka_unit_test_setup(a_request_outside_ram_does_nothing, fresh),
        cmocka_unit_test_setup(the_upper_half_of_the_address_is_forgotten, fresh),
        cmocka_unit_test_setup(only_words_select, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
