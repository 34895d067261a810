/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/load_pvh.c root/monitor/load_elf.c root/monitor/load_problem.c root/monitor/e820.c */
#include <stdlib.h>

#include "root/monitor/e820.h"
#include "root/monitor/load_pvh.h"
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/elf_file.h"

/* Offsets are those of Xen's public/arch-x86/hvm/start_info.h. */
#define MIB 0x100000u
#define LOW (4 * MIB)
#define FILL 0xcc
#define NOTES 0x800u

static struct elf_file f;
static struct boot_file kernel, initrd;
static uint8_t *low, initrd_data[0x1234];
static struct guest_memory memory;
static struct e820_map map;
static struct boot_state result;
static uint32_t notes_size;

static void add_note(const char *name, uint32_t type, const void *data, uint32_t size)
{
    uint32_t header[3] = {(uint32_t)strlen(name) + 1, size, type};
    uint8_t *at = f.bytes + NOTES + notes_size;
    memcpy(at, header, 12);
    memcpy(at + 12, name, header[0]);
    memcpy(at + 12 + (header[0] + 3) / 4 * 4, data, size);
    notes_size += 12 + (header[0] + 3) / 4 * 4 + (size + 3) / 4 * 4;
}

/* After the notes: the file's last header tells their size. */
static void make(bool is_64)
{
    elf_file_begin(&f, is_64, 0x123);
    elf_file_add(&f, PT_LOAD, 0x1000, 0x800, MIB, 0x2000, 0);
    notes_size = 0;
    add_note("GNU", 3, "\1\2\3\4\5", 5);
    add_note("Xen", 6, "linux", 6);
}

static void finish(void)
{
    elf_file_add(&f, PT_NOTE, NOTES, notes_size, 0, 0, 0);
}

static int fresh(void **state)
{
    (void)state;
    low = malloc(LOW);
    memset(low, FILL, LOW);
    memset(initrd_data, 0x99, sizeof(initrd_data));
    memory = (struct guest_memory){low, LOW, NULL, 0};
    kernel = (struct boot_file){f.bytes, ELF_FILE_SIZE, ""};
    initrd = (struct boot_file){initrd_data, sizeof(initrd_data), ""};
    e820_for_guest(&map, &memory);
    memset(&result, 0, sizeof(result));
    make(true);
    return 0;
}

static int done(void **state)
{
    (void)state;
    free(low);
    return 0;
}

static const char *load(const struct boot_file *with)
{
    return load_pvh(&memory, &kernel, with, "console=ttyS0", &map, 0xe0000, &result);
}

static uint64_t number(uint64_t gpa, size_t size)
{
    uint64_t value = 0;
    assert_true(gpa + size <= LOW);
    memcpy(&value, low + gpa, size);
    return value;
}

static const char *text_at(uint64_t address)
{
    return (const char *)low + address;
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

static void check_start(bool is_64)
{
    uint64_t entry = MIB + 0x40;
    make(is_64);
    add_note("Xen", 18, &entry, is_64 ? 8 : 4);
    finish();
    assert_null(load(NULL));
    assert_int_equal(result.mode, BOOT_PROTECTED);
    assert_int_equal(result.rip, MIB + 0x40);
    assert_memory_equal(low + MIB, f.bytes + 0x1000, 0x800);
    assert_int_equal(number(result.gdt + result.code, 8), 0x00cf9b000000ffff);
    assert_int_equal(number(result.gdt + result.data, 8), 0x00cf93000000ffff);
}

static void test_start(void **state)
{
    (void)state;
    check_start(true);
    check_start(false);
}

static void add_entry(uint64_t entry)
{
    add_note("Xen", 18, &entry, 8);
    finish();
}

static void test_start_info(void **state)
{
    (void)state;
    add_entry(MIB);
    assert_null(load(&initrd));
    uint64_t info = result.rbx, module = number(info + 16, 8), at = number(module, 8);
    assert_int_equal(number(info, 4), 0x336ec578);
    assert_int_equal(number(info + 4, 4), 1);
    assert_int_equal(number(info + 8, 4), 0);
    assert_int_equal(number(info + 12, 4), 1);
    assert_string_equal(text_at(number(info + 24, 8)), "console=ttyS0");
    assert_int_equal(number(info + 32, 8), 0xe0000);
    assert_int_equal(at, LOW - 0x2000);
    assert_int_equal(number(module + 8, 8), sizeof(initrd_data));
    assert_int_equal(number(module + 16, 8), 0);
    assert_memory_equal(low + at, initrd_data, sizeof(initrd_data));
}

static void test_memory_map(void **state)
{
    (void)state;
    add_entry(MIB);
    assert_null(load(NULL));
    uint64_t entry = number(result.rbx + 40, 8);
    assert_int_equal(number(result.rbx + 48, 4), map.count);
    for (uint32_t i = 0; i < map.count; i++, entry += 24) {
        assert_int_equal(number(entry, 8), map.entries[i].base);
        assert_int_equal(number(entry + 8, 8), map.entries[i].size);
        assert_int_equal(number(entry + 16, 8), map.entries[i].type);
    }
}

static void test_no_initrd(void **state)
{
    (void)state;
    add_entry(MIB);
    assert_null(load(NULL));
    assert_int_equal(number(result.rbx + 12, 4), 0);
    initrd.size = 0;
    assert_null(load(&initrd));
    assert_int_equal(number(result.rbx + 12, 4), 0);
}

static void test_initrd_does_not_fit(void **state)
{
    (void)state;
    add_entry(MIB);
    initrd.size = LOW - MIB - 0x2000 + 1; /* never read */
    assert_refused(load(&initrd), "this kernel and its initrd: at least 5M");
    initrd.size = 1ull << 40;
    assert_refused(load(&initrd), "below 4 GiB");
}

static void test_no_entry(void **state)
{
    (void)state;
    finish();
    assert_refused(load(NULL), "no PVH entry point");
    make(true);
    add_note("Xeb", 18, "\0\0\1\0", 4); /* another's */
    finish();
    assert_refused(load(NULL), "no PVH entry point");
    make(true);
    add_note("Xen", 18, "\0\0\1\0\0\0", 6); /* no number */
    finish();
    assert_refused(load(NULL), "no PVH entry point");
    make(true);
    add_entry(0x100000000);
    assert_refused(load(NULL), "no PVH entry point");
}

static void test_entry_outside(void **state)
{
    (void)state;
    add_entry(MIB + 0x2000);
    assert_refused(load(NULL), "entry point is not in what its file loads");
}

static void test_notes_that_are_cut(void **state)
{
    (void)state;
    uint64_t entry = MIB;
    add_note("Xen", 18, &entry, 8);
    notes_size -= 1;
    finish();
    assert_refused(load(NULL), "no PVH entry point");
    make(true);
    uint32_t huge[3] = {0xffffffff, 0xffffffff, 18};
    memcpy(f.bytes + NOTES, huge, sizeof(huge));
    finish();
    assert_refused(load(NULL), "no PVH entry point");
}

static void test_bzimage(void **state)
{
    (void)state;
    add_entry(MIB);
    memcpy(f.bytes + 0x202, "HdrS", 4);
    assert_refused(load(NULL), "scripts/mkimage --pvh");
}

static void test_other_files(void **state)
{
    (void)state;
    kernel.size = 0;
    assert_refused(load(NULL), "not an ELF executable");
    kernel.size = ELF_FILE_SIZE;
    elf_file_begin(&f, true, 0);
    elf_file_add(&f, PT_LOAD, 0x1000, 0x800, 0x8000, 0x2000, 0);
    notes_size = 0;
    add_entry(0x8000);
    assert_refused(load(NULL), "below 1 MiB");
}

static void test_command_line_too_long(void **state)
{
    (void)state;
    static char line[0x6001];
    memset(line, 'x', 0x6000);
    add_entry(MIB);
    assert_refused(load_pvh(&memory, &kernel, NULL, line, &map, 0, &result), "command line is too long");
    line[0x5fff] = 0;
    assert_null(load_pvh(&memory, &kernel, NULL, line, &map, 0, &result));
    assert_string_equal(text_at(number(result.rbx + 24, 8)), line);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_start),
        T(test_start_info),
        T(test_memory_map),
        T(test_no_initrd),
        T(test_initrd_does_not_fit),
        T(test_no_entry),
        T(test_entry_outside),
        T(test_notes_that_are_cut),
        T(test_bzimage),
        T(test_other_files),
        T(test_command_line_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
