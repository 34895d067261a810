/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/load_linux.c root/monitor/load_problem.c root/monitor/e820.c */
#include <stdlib.h>
#include <string.h>

#include "root/monitor/e820.h"
#include "root/monitor/load_linux.h"
#include "tests/unit/cmocka_tests.h"

/* The protocol is Documentation/x86/boot.rst; numbers here are its offsets, not the loader's names for them. */
#define MIB 0x100000ull
#define LOW (32 * MIB)
#define HIGH (1 * MIB)
#define SETUP (5 * 512u)
#define CODE 0x5123u
#define AT (16 * MIB)
#define NEED (8 * MIB)
#define FILL 0xcc

static uint8_t *file, *low, *high, initrd_data[3 * 4096 + 17];
static struct guest_memory memory;
static struct boot_file kernel, initrd;
static struct e820_map map;
static struct boot_state result;

static void set(size_t at, uint64_t value, size_t size)
{
    memcpy(file + at, &value, size);
}

static uint64_t value_at(uint64_t gpa, size_t size)
{
    uint64_t value = 0;
    assert_true(gpa < LOW);
    memcpy(&value, low + gpa, size);
    return value;
}

static const char *text_at(uint64_t address)
{
    return (const char *)low + address;
}

static void make_kernel(void)
{
    for (size_t i = 0; i < CODE; i++) {
        file[SETUP + i] = (uint8_t)(i * 7 + 1);
    }
    memset(file, 0x11, SETUP);
    set(0x1f1, 4, 1);
    set(0x1f4, CODE / 16, 4);
    set(0x1fe, 0xaa55, 2);
    set(0x200, 0x6aeb, 2); /* jmp to 26CH: the header's end */
    memcpy(file + 0x202, "HdrS", 4);
    set(0x206, 0x20f, 2);
    set(0x210, 0, 1);
    set(0x211, 0x81, 1);
    set(0x22c, 0x7fffffff, 4);
    set(0x230, 0x200000, 4);
    set(0x234, 1, 1);
    set(0x236, 0x3f, 2);
    set(0x238, 2047, 4);
    set(0x258, AT, 8);
    set(0x260, NEED, 4);
}

static int fresh(void **state)
{
    (void)state;
    file = malloc(SETUP + CODE);
    low = malloc(LOW);
    high = malloc(HIGH);
    memset(low, FILL, LOW);
    memset(high, FILL, HIGH);
    memory = (struct guest_memory){low, LOW, high, HIGH};
    kernel = (struct boot_file){file, SETUP + CODE, ""};
    for (size_t i = 0; i < sizeof(initrd_data); i++) {
        initrd_data[i] = (uint8_t)(i * 3);
    }
    initrd = (struct boot_file){initrd_data, sizeof(initrd_data), ""};
    memset(&result, 0, sizeof(result));
    make_kernel();
    e820_for_guest(&map, &memory);
    return 0;
}

static int done(void **state)
{
    (void)state;
    free(file);
    free(low);
    free(high);
    return 0;
}

static const char *load(const char *line)
{
    return load_linux(&memory, &kernel, &initrd, line, &map, 0xe0000, &result);
}

static void assert_refused(const char *problem, const char *words)
{
    assert_non_null(problem);
    if (strstr(problem, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", problem, words);
    }
    for (size_t i = 0; i < LOW; i++) {
        assert_int_equal(low[i], FILL);
    }
}

static void test_kernel_and_start(void **state)
{
    (void)state;
    assert_null(load("console=ttyS0"));
    assert_memory_equal(low + AT, file + SETUP, CODE);
    assert_int_equal(low[AT + CODE], FILL);
    assert_int_equal(result.mode, BOOT_LONG);
    assert_int_equal(result.rip, AT + 0x200);
    assert_int_equal(result.code, 0x10);
    assert_int_equal(result.data, 0x18);
    assert_true(result.gdt_limit >= 0x1f);
    assert_int_equal(value_at(result.gdt + 0x10, 8), 0x00af9b000000ffff);
    assert_int_equal(value_at(result.gdt + 0x18, 8), 0x00cf93000000ffff);
}

static void test_zero_page(void **state)
{
    (void)state;
    assert_null(load("console=ttyS0 quiet"));
    const uint8_t *z = low + result.rsi;
    assert_memory_equal(z + 0x1f1, file + 0x1f1, 0x210 - 0x1f1);
    assert_memory_equal(z + 0x230, file + 0x230, 0x26c - 0x230);
    assert_int_equal(value_at(result.rsi + 0x26c, 8), 0); /* not what follows the header in the file */
    assert_int_equal(z[0x210], 0xff);
    assert_int_equal(z[0x211], 0x01);
    assert_int_equal(value_at(result.rsi + 0x070, 8), 0xe0000);
    assert_int_equal(value_at(result.rsi + 0x1ef, 1), 0); /* the sentinel */
    assert_string_equal(text_at(value_at(result.rsi + 0x228, 4)), "console=ttyS0 quiet");
    assert_int_equal(value_at(result.rsi + 0x0c8, 4), 0);
}

static void test_memory_map(void **state)
{
    (void)state;
    static const uint64_t wanted[][3] = {
        {0, 0x9fc00, 1}, {0x9fc00, 0x400, 2}, {0xe0000, 0x20000, 2}, {MIB, LOW - MIB, 1}, {0x100000000, HIGH, 1},
    };
    assert_null(load(""));
    assert_int_equal(value_at(result.rsi + 0x1e8, 1), 5);
    for (uint64_t i = 0; i < 5; i++) {
        uint64_t entry = result.rsi + 0x2d0 + 20 * i;
        assert_int_equal(value_at(entry, 8), wanted[i][0]);
        assert_int_equal(value_at(entry + 8, 8), wanted[i][1]);
        assert_int_equal(value_at(entry + 16, 4), wanted[i][2]);
    }
}

/* What a walk by hand through four levels gives. */
static void test_page_tables_are_the_identity(void **state)
{
    (void)state;
    assert_null(load(""));
    for (uint64_t gpa = 0; gpa < 0x100000000; gpa += 0x1ff000) {
        uint64_t entry = value_at(result.cr3 + 8 * (gpa >> 39), 8);
        assert_int_equal(entry & 0x83, 3);
        entry = value_at((entry & ~0xfffull) + 8 * (gpa >> 30), 8);
        assert_int_equal(entry & 0x83, 3);
        entry = value_at((entry & ~0xfffull) + 8 * (gpa >> 21 & 0x1ff), 8);
        assert_int_equal(entry, (gpa & ~0x1fffffull) | 0x83);
    }
}

static void test_initrd_is_high_and_page_aligned(void **state)
{
    (void)state;
    assert_null(load(""));
    uint64_t at = value_at(result.rsi + 0x218, 4);
    assert_int_equal(at, LOW - 4 * 4096);
    assert_int_equal(value_at(result.rsi + 0x21c, 4), sizeof(initrd_data));
    assert_memory_equal(low + at, initrd_data, sizeof(initrd_data));
    assert_int_equal(high[0], FILL);
}

static void test_initrd_limit(void **state)
{
    (void)state;
    set(0x22c, 28 * MIB - 1, 4);
    set(0x236, 1, 2);
    assert_null(load(""));
    assert_int_equal(value_at(result.rsi + 0x218, 4), 28 * MIB - 4 * 4096);
    set(0x236, 3, 2); /* it may be loaded above 4 GiB: the limit is for older kernels */
    assert_null(load(""));
    assert_int_equal(value_at(result.rsi + 0x218, 4), LOW - 4 * 4096);
}

static void test_initrd_does_not_fit(void **state)
{
    (void)state;
    set(0x260, LOW - AT, 4);
    assert_refused(load(""), "too small for this kernel and its initrd: at least 33M");
    set(0x260, NEED, 4);
    set(0x22c, AT + NEED, 4);
    set(0x236, 1, 2);
    assert_refused(load(""), "initrd is too large");
    initrd.size = 4ull << 30; /* never read */
    set(0x236, 3, 2);
    assert_refused(load(""), "below 4 GiB");
}

static void test_initrd_fits_exactly(void **state)
{
    (void)state;
    set(0x260, LOW - AT - 4 * 4096, 4);
    assert_null(load(""));
    assert_int_equal(value_at(result.rsi + 0x218, 4), LOW - 4 * 4096);
}

static void test_no_initrd(void **state)
{
    (void)state;
    assert_null(load_linux(&memory, &kernel, NULL, "", &map, 0, &result));
    assert_int_equal(value_at(result.rsi + 0x218, 8), 0);
    initrd.size = 0;
    assert_null(load(""));
    assert_int_equal(value_at(result.rsi + 0x218, 8), 0);
}

static void test_memory_too_small(void **state)
{
    (void)state;
    memory.low_size = AT + NEED - 1;
    assert_refused(load(""), "memory= is too small for this kernel: at least 24M");
    memory.low_size = 1 * MIB;
    assert_refused(load(""), "at least 24M");
    memory.low_size = AT + NEED + MIB;
    assert_null(load(""));
}

/* RAM from 4 GiB on is no place for it: the entry is reached below. */
static void test_preferred_address_in_high_memory(void **state)
{
    (void)state;
    set(0x258, 0x100000000, 8);
    set(0x260, 0x1000, 4);
    assert_refused(load(""), "preferred address");
    set(0x258, 0x1000, 8);
    assert_refused(load(""), "preferred address");
    set(0x258, AT + 0x1000, 8);
    assert_refused(load(""), "preferred address");
    set(0x258, AT, 8);
    set(0x230, 0x300000, 4);
    assert_refused(load(""), "preferred address");
}

static void test_not_a_kernel(void **state)
{
    (void)state;
    kernel.size = 0xfff;
    assert_refused(load(""), "not a Linux bzImage");
    kernel.size = 0;
    assert_refused(load(""), "not a Linux bzImage");
    kernel.size = SETUP + CODE;
    set(0x1fe, 0, 2);
    assert_refused(load(""), "not a Linux bzImage");
    make_kernel();
    set(0x202, 0, 1);
    assert_refused(load(""), "not a Linux bzImage");
}

static void test_kernel_without_64_bit_entry(void **state)
{
    (void)state;
    static const struct {
        size_t at, size;
        uint64_t value;
    } changes[] = {{0x206, 2, 0x20b}, {0x211, 1, 0x80}, {0x236, 2, 0x3e}};
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        make_kernel();
        set(changes[i].at, changes[i].value, changes[i].size);
        assert_refused(load(""), "no 64-bit entry");
    }
}

static void test_damaged_header(void **state)
{
    (void)state;
    set(0x201, 0x20, 1);
    assert_refused(load(""), "damaged");
    set(0x201, 0xff, 1);
    assert_refused(load(""), "damaged");
    set(0x201, 0x6a, 1);
    set(0x1f1, 1, 1);
    assert_refused(load(""), "damaged");
}

static void test_cut_file(void **state)
{
    (void)state;
    kernel.size = SETUP + CODE - CODE % 16 - 1;
    assert_refused(load(""), "cut");
    set(0x1f1, 64, 1); /* the setup alone is larger than the file */
    assert_refused(load(""), "cut");
    make_kernel();
    set(0x1f1, 0, 1); /* which means 4 */
    kernel.size = SETUP + CODE;
    assert_null(load(""));
}

static void test_command_line_limit(void **state)
{
    (void)state;
    char line[2049];
    memset(line, 'a', sizeof(line));
    line[2048] = 0;
    assert_refused(load(line), "command line is longer");
    line[2047] = 0;
    assert_null(load(line));
    assert_string_equal(text_at(value_at(result.rsi + 0x228, 4)), line);
}

static void test_map_of_small_guests(void **state)
{
    (void)state;
    struct guest_memory small = {low, MIB, NULL, 0};
    e820_for_guest(&map, &small);
    assert_int_equal(map.count, 3);
    assert_int_equal(map.entries[2].base + map.entries[2].size, MIB);
    small.low_size = MIB + 4096;
    e820_for_guest(&map, &small);
    assert_int_equal(map.count, 4);
    assert_int_equal(map.entries[3].size, 4096);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_kernel_and_start),
        T(test_zero_page),
        T(test_memory_map),
        T(test_page_tables_are_the_identity),
        T(test_initrd_is_high_and_page_aligned),
        T(test_initrd_limit),
        T(test_initrd_does_not_fit),
        T(test_initrd_fits_exactly),
        T(test_no_initrd),
        T(test_memory_too_small),
        T(test_preferred_address_in_high_memory),
        T(test_not_a_kernel),
        T(test_kernel_without_64_bit_entry),
        T(test_damaged_header),
        T(test_cut_file),
        T(test_command_line_limit),
        T(test_map_of_small_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
