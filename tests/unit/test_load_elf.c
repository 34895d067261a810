/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/load_elf.c root/monitor/load_problem.c */
#include <stdlib.h>

#include "root/monitor/load_elf.h"
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/elf_file.h"

#define MIB 0x100000u
#define LOW (4 * MIB)
#define FILL 0xcc
#define KEPT 0x90000u

static struct elf_file f;
static struct elf_image image;
static uint8_t *low;
static struct guest_memory memory;

static int fresh(void **state)
{
    (void)state;
    low = malloc(LOW);
    memset(low, FILL, LOW);
    memory = (struct guest_memory){low, LOW, NULL, 0};
    return 0;
}

static int done(void **state)
{
    (void)state;
    free(low);
    return 0;
}

static const char *parse(uint64_t size)
{
    return elf_parse(&(struct boot_file){f.bytes, size, ""}, &image);
}

static void assert_says(const char *problem, const char *words)
{
    assert_non_null(problem);
    if (strstr(problem, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", problem, words);
    }
}

static void check_two_segments(bool is_64)
{
    elf_file_begin(&f, is_64, 2 * MIB + 4);
    elf_file_add(&f, PT_LOAD, 0x1000, 0x234, 2 * MIB, 0x1000, 2 * MIB);
    elf_file_add(&f, PT_NOTE, 0x400, 0x20, 0, 0, 0);
    elf_file_add(&f, PT_LOAD, 0x2000, 0x10, MIB, 0x10, MIB);
    assert_null(parse(ELF_FILE_SIZE));
    assert_int_equal(image.is_64, is_64);
    assert_int_equal(image.count, 2);
    assert_int_equal(image.entry, 2 * MIB + 4);
    assert_int_equal(image.low, MIB);
    assert_int_equal(image.high, 2 * MIB + 0x1000);
    assert_int_equal(image.notes, 1);
    assert_int_equal(image.notes_offset[0], 0x400);
    assert_int_equal(image.notes_size[0], 0x20);
    assert_null(elf_check_memory(&image, &memory, KEPT));
    elf_place(&image, &(struct boot_file){f.bytes, ELF_FILE_SIZE, ""}, &memory);
    assert_memory_equal(low + 2 * MIB, f.bytes + 0x1000, 0x234);
    for (uint32_t i = 0x234; i < 0x1000; i++) {
        assert_int_equal(low[2 * MIB + i], 0);
    }
    assert_int_equal(low[2 * MIB + 0x1000], FILL);
    assert_memory_equal(low + MIB, f.bytes + 0x2000, 0x10);
}

static void test_both_classes(void **state)
{
    (void)state;
    check_two_segments(true);
    check_two_segments(false);
}

/* .bss alone: linkers give it an offset that may be behind the file's end. */
static void test_segment_without_bytes(void **state)
{
    (void)state;
    elf_file_begin(&f, true, MIB);
    elf_file_add(&f, PT_LOAD, 0x1000, 0x10, MIB, 0x10, MIB);
    elf_file_add(&f, PT_LOAD, ELF_FILE_SIZE + 0x1000, 0, 2 * MIB, 0x100, 2 * MIB);
    elf_file_add(&f, PT_LOAD, 0, 0, 8 * MIB, 0, 0);
    assert_null(parse(ELF_FILE_SIZE));
    assert_int_equal(image.count, 2);
    assert_null(elf_check_memory(&image, &memory, KEPT));
    elf_place(&image, &(struct boot_file){f.bytes, ELF_FILE_SIZE, ""}, &memory);
    assert_int_equal(low[2 * MIB], 0);
    assert_int_equal(low[2 * MIB + 0x100], FILL);
}

static void test_entry_of_a_kernel_linked_high(void **state)
{
    (void)state;
    elf_file_begin(&f, true, 0xffffffff80000123);
    elf_file_add(&f, PT_LOAD, 0x1000, 0x200, 2 * MIB, 0x200, 0xffffffff80000000);
    assert_null(parse(ELF_FILE_SIZE));
    assert_int_equal(image.entry, 2 * MIB + 0x123);
    elf_file_begin(&f, false, 2 * MIB + 0x123); /* physical already */
    elf_file_add(&f, PT_LOAD, 0x1000, 0x200, 2 * MIB, 0x200, 0xc0000000);
    assert_null(parse(ELF_FILE_SIZE));
    assert_int_equal(image.entry, 2 * MIB + 0x123);
}

static void test_not_an_executable(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{0, 0}, {4, 0}, {4, 3}, {5, 2}, {16, ET_REL}, {18, EM_386}, {19, 1}};
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        elf_file_begin(&f, true, MIB);
        elf_file_add(&f, PT_LOAD, 0x1000, 0x10, MIB, 0x10, MIB);
        f.bytes[changes[i].at] = changes[i].value;
        assert_says(parse(ELF_FILE_SIZE), "executable");
    }
    assert_says(parse(63), "not an ELF executable");
    assert_says(parse(0), "not an ELF executable");
}

static void test_damaged_program_headers(void **state)
{
    (void)state;
    elf_file_begin(&f, true, MIB);
    elf_file_add(&f, PT_LOAD, 0x1000, 0x10, MIB, 0x10, MIB);
    assert_says(parse(64 + 55), "program headers are not in the file");
    uint64_t offset = UINT64_MAX - 8;
    memcpy(f.bytes + offsetof(Elf64_Ehdr, e_phoff), &offset, 8);
    assert_says(parse(ELF_FILE_SIZE), "program headers are not in the file");
    elf_file_begin(&f, true, MIB);
    f.bytes[offsetof(Elf64_Ehdr, e_phentsize)] = 55;
    assert_says(parse(ELF_FILE_SIZE), "program headers are not in the file");
    elf_file_begin(&f, true, MIB);
    assert_says(parse(ELF_FILE_SIZE), "nothing to load");
}

static void test_damaged_segments(void **state)
{
    (void)state;
    static const uint64_t bad[][4] = {
        /* offset, size, address, memory */
        {ELF_FILE_SIZE - 8, 9, MIB, 9}, {UINT64_MAX, 2, MIB, 2},      {0x1000, 0x20, MIB, 0x10},
        {0x1000, 1, UINT64_MAX - 1, 2}, {0x1000, 1, MIB, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        elf_file_begin(&f, true, MIB);
        elf_file_add(&f, PT_LOAD, bad[i][0], bad[i][1], bad[i][2], bad[i][3], bad[i][2]);
        assert_says(parse(ELF_FILE_SIZE), "a segment is not in the file");
    }
}

static void test_segment_and_note_limits(void **state)
{
    (void)state;
    elf_file_begin(&f, false, MIB);
    for (uint32_t i = 0; i < ELF_SEGMENTS_MAX; i++) {
        elf_file_add(&f, PT_LOAD, 0x1000, 1, MIB + i, 1, MIB + i);
        elf_file_add(&f, PT_NOTE, 0x1000, 1, 0, 0, 0);
    }
    elf_file_add(&f, PT_NOTE, 0x1000, 1, 0, 0, 0);
    assert_null(parse(ELF_FILE_SIZE));
    assert_int_equal(image.count, ELF_SEGMENTS_MAX);
    assert_int_equal(image.notes, ELF_SEGMENTS_MAX);
    elf_file_add(&f, PT_LOAD, 0x1000, 1, MIB + 0x100, 1, MIB);
    assert_says(parse(ELF_FILE_SIZE), "too many segments");
}

static const char *check_at(uint64_t address, uint64_t size)
{
    elf_file_begin(&f, true, address);
    elf_file_add(&f, PT_LOAD, 0x1000, 1, address, size, address);
    assert_null(parse(ELF_FILE_SIZE));
    return elf_check_memory(&image, &memory, KEPT);
}

static void test_memory(void **state)
{
    (void)state;
    assert_null(check_at(0x1000, KEPT - 0x1000));
    assert_says(check_at(0x1000, KEPT - 0x1000 + 1), "below 1 MiB");
    assert_says(check_at(0xfffff, 1), "below 1 MiB");
    assert_null(check_at(MIB, LOW - MIB));
    assert_says(check_at(MIB, LOW - MIB + 1), "too small for this kernel: at least 5M");
    assert_says(check_at(0xfee00000, 0x1000), "this kernel would need 4079 MiB below 4 GiB");
    memory.high_size = MIB;
    memory.high = low;
    assert_says(check_at(0x100000000, 1), "above 4 GiB");
    elf_file_begin(&f, true, 3 * MIB);
    elf_file_add(&f, PT_LOAD, 0x1000, 1, 2 * MIB, MIB, 2 * MIB);
    assert_null(parse(ELF_FILE_SIZE));
    assert_says(elf_check_memory(&image, &memory, KEPT), "entry point");
}

#define T(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_both_classes),
        T(test_segment_without_bytes),
        T(test_entry_of_a_kernel_linked_high),
        T(test_not_an_executable),
        T(test_damaged_program_headers),
        T(test_damaged_segments),
        T(test_segment_and_note_limits),
        T(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
