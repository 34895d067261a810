/* SPDX-License-Identifier: MIT */
/* sources: kernel/boot/elf64.c */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/boot/elf64.h"
#include "tests/unit/cmocka_tests.h"

#define MAX_HEADERS 20u
#define IMAGE_SIZE 0x6000u

/* An image under construction, by the host's own <elf.h>. */
static struct {
    Elf64_Ehdr header;
    Elf64_Phdr segments[MAX_HEADERS];
} elf;
static struct elf_layout layout;

static void put_segment(size_t index, uint32_t flags, uint64_t address, uint64_t offset, uint64_t size)
{
    elf.segments[index] = (Elf64_Phdr){.p_type = PT_LOAD,
                                       .p_flags = flags,
                                       .p_offset = offset,
                                       .p_vaddr = address,
                                       .p_paddr = address,
                                       .p_filesz = size,
                                       .p_memsz = size,
                                       .p_align = 0x1000};
}

/* Code at 1 MiB, data with a zeroed part after it. */
static int set_up(void **state)
{
    (void)state;
    memset(&elf, 0, sizeof(elf));
    memcpy(elf.header.e_ident, ELFMAG, SELFMAG);
    elf.header.e_ident[EI_CLASS] = ELFCLASS64;
    elf.header.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.header.e_ident[EI_VERSION] = EV_CURRENT;
    elf.header.e_type = ET_EXEC;
    elf.header.e_machine = EM_X86_64;
    elf.header.e_version = EV_CURRENT;
    elf.header.e_entry = 0x100010;
    elf.header.e_phoff = sizeof(Elf64_Ehdr);
    elf.header.e_ehsize = sizeof(Elf64_Ehdr);
    elf.header.e_phentsize = sizeof(Elf64_Phdr);
    elf.header.e_phnum = 2;
    put_segment(0, PF_R | PF_X, 0x100000, 0x1000, 0x800);
    put_segment(1, PF_R | PF_W, 0x101000, 0x2000, 0x100);
    elf.segments[1].p_memsz = 0x3000;
    return 0;
}

static enum elf_status check_size(size_t size)
{
    uint8_t *image = calloc(1, IMAGE_SIZE + 1);
    uint8_t *exact = malloc(size + 1);

    memcpy(image, &elf, sizeof(elf));
    memcpy(exact + 1, image, size);
    memset(&layout, 0xa5, sizeof(layout));
    enum elf_status status = elf64_check(exact + 1, size, &layout);
    free(exact);
    free(image);
    return status;
}

static enum elf_status check(void)
{
    return check_size(IMAGE_SIZE);
}

static void test_executable(void **state)
{
    (void)state;
    elf.segments[1].p_paddr = 0x400000;
    assert_int_equal(check(), ELF_OK);
    assert_false(layout.relocatable);
    assert_int_equal(layout.entry, 0x100010);
    assert_int_equal(layout.virtual_start, 0x100000);
    assert_int_equal(layout.virtual_end, 0x104000);
    assert_int_equal(layout.physical_start, 0x100000);
    assert_int_equal(layout.physical_end, 0x403000);
    assert_int_equal(layout.alignment, 0x1000);
    assert_int_equal(layout.segment_count, 2);
    assert_int_equal(layout.segments[0].flags, ELF_SEGMENT_READ | ELF_SEGMENT_EXECUTE);
    assert_int_equal(layout.segments[1].flags, ELF_SEGMENT_READ | ELF_SEGMENT_WRITE);
    assert_int_equal(layout.segments[1].virtual_address, 0x101000);
    assert_int_equal(layout.segments[1].physical_address, 0x400000);
    assert_int_equal(layout.segments[1].file_offset, 0x2000);
    assert_int_equal(layout.segments[1].file_size, 0x100);
    assert_int_equal(layout.segments[1].memory_size, 0x3000);
    assert_int_equal(layout.segments[1].alignment, 0x1000);
}

static void test_position_independent(void **state)
{
    (void)state;
    elf.header.e_type = ET_DYN;
    elf.header.e_entry = 0x10;
    put_segment(0, PF_R | PF_X, 0, 0, 0x800);
    put_segment(1, PF_R | PF_W, 0x201000, 0x1000, 0x100);
    elf.segments[1].p_align = 0x200000;
    elf.segments[1].p_paddr = UINT64_MAX; /* means nothing here */
    elf.header.e_phnum = 3;
    elf.segments[2] = (Elf64_Phdr){.p_type = PT_DYNAMIC, .p_offset = UINT64_MAX, .p_filesz = UINT64_MAX};
    elf.segments[1].p_offset = 0x1000;
    elf.segments[1].p_vaddr = 0x201000;
    assert_int_equal(check(), ELF_OK);
    assert_true(layout.relocatable);
    assert_int_equal(layout.virtual_start, 0);
    assert_int_equal(layout.virtual_end, 0x201100);
    assert_int_equal(layout.physical_start, 0);
    assert_int_equal(layout.physical_end, 0);
    assert_int_equal(layout.alignment, 0x200000);
}

static void test_every_truncation(void **state)
{
    (void)state;
    for (size_t size = 0; size < 0x2100; size++) {
        if (size < 64 || size % 61 == 0 || size > 0x20f0) {
            assert_int_equal(check_size(size), ELF_TRUNCATED);
        }
    }
    assert_int_equal(check_size(0x2100), ELF_OK);
}

static void test_identification(void **state)
{
    (void)state;
    for (size_t i = 0; i < SELFMAG; i++) {
        elf.header.e_ident[i] ^= 1;
        assert_int_equal(check(), ELF_BAD_MAGIC);
        elf.header.e_ident[i] ^= 1;
    }
    for (size_t i = EI_CLASS; i <= EI_VERSION; i++) {
        elf.header.e_ident[i] ^= 3;
        assert_int_equal(check(), ELF_BAD_CLASS);
        elf.header.e_ident[i] ^= 3;
    }
    elf.header.e_version = 2;
    assert_int_equal(check(), ELF_BAD_CLASS);
}

static void test_type_and_machine(void **state)
{
    (void)state;
    for (uint16_t type = 0; type < 6; type++) {
        elf.header.e_type = type;
        assert_int_equal(check(), type == ET_EXEC || type == ET_DYN ? ELF_OK : ELF_BAD_TYPE);
    }
    elf.header.e_type = ET_EXEC;
    elf.header.e_machine = EM_386;
    assert_int_equal(check(), ELF_BAD_MACHINE);
}

static void test_program_header_table(void **state)
{
    static const uint64_t offsets[] = {IMAGE_SIZE - 111, IMAGE_SIZE, IMAGE_SIZE + 1, UINT64_MAX, UINT64_MAX - 55};
    (void)state;
    elf.header.e_phentsize = 55;
    assert_int_equal(check(), ELF_BAD_HEADERS);
    elf.header.e_phentsize = 0;
    assert_int_equal(check(), ELF_BAD_HEADERS);
    elf.header.e_phentsize = 56;
    elf.header.e_phnum = 0xffff;
    assert_int_equal(check(), ELF_BAD_HEADERS);
    elf.header.e_phnum = 0xfffe;
    assert_int_equal(check(), ELF_TRUNCATED);
    elf.header.e_phnum = 0;
    assert_int_equal(check(), ELF_NO_SEGMENT);
    elf.header.e_phnum = 2;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        elf.header.e_phoff = offsets[i];
        assert_int_equal(check(), ELF_TRUNCATED);
    }
}

static void test_nothing_to_load(void **state)
{
    (void)state;
    elf.segments[0].p_type = PT_NOTE;
    elf.segments[1].p_memsz = 0;
    elf.segments[1].p_filesz = 0;
    assert_int_equal(check(), ELF_NO_SEGMENT);
}

static void test_interpreter(void **state)
{
    (void)state;
    elf.header.e_phnum = 3;
    elf.segments[2].p_type = PT_INTERP;
    assert_int_equal(check(), ELF_NOT_STATIC);
}

static void test_segment_contents(void **state)
{
    static const struct {
        uint64_t offset, size;
    } outside[] = {{IMAGE_SIZE, 1}, {0x2000, IMAGE_SIZE}, {UINT64_MAX - 0xfff, 0x1000}, {1ull << 63, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        elf.segments[1].p_offset = outside[i].offset;
        elf.segments[1].p_filesz = outside[i].size;
        elf.segments[1].p_memsz = outside[i].size;
        assert_int_equal(check(), ELF_TRUNCATED);
    }
    elf.segments[1].p_offset = IMAGE_SIZE; /* nothing in the file: any offset up to its end will do */
    elf.segments[1].p_filesz = 0;
    elf.segments[1].p_memsz = 0x1000;
    assert_int_equal(check(), ELF_OK);
}

static void test_segment_addresses(void **state)
{
    (void)state;
    elf.segments[1].p_filesz = 0x3001;
    assert_int_equal(check(), ELF_BAD_SEGMENT);
    set_up(state);
    elf.segments[1].p_vaddr = UINT64_MAX - 0xfff;
    assert_int_equal(check(), ELF_BAD_SEGMENT);
    elf.segments[1].p_memsz = 0xfff;
    assert_int_equal(check(), ELF_OK);
    set_up(state);
    elf.segments[1].p_paddr = UINT64_MAX - 0xfff;
    assert_int_equal(check(), ELF_BAD_SEGMENT);
    elf.header.e_type = ET_DYN;
    assert_int_equal(check(), ELF_OK);
    set_up(state);
    elf.segments[1].p_memsz = UINT64_MAX;
    assert_int_equal(check(), ELF_BAD_SEGMENT);
}

static void test_alignment(void **state)
{
    (void)state;
    elf.segments[1].p_align = 3;
    assert_int_equal(check(), ELF_BAD_ALIGNMENT);
    elf.segments[1].p_align = 0x2000;
    assert_int_equal(check(), ELF_BAD_ALIGNMENT);
    elf.segments[1].p_align = UINT64_MAX;
    assert_int_equal(check(), ELF_BAD_ALIGNMENT);
    elf.segments[1].p_align = 1ull << 63;
    assert_int_equal(check(), ELF_BAD_ALIGNMENT);
    elf.segments[1].p_align = 0;
    assert_int_equal(check(), ELF_OK);
    assert_int_equal(layout.segments[1].alignment, 1);
    elf.segments[1].p_align = 1;
    elf.segments[1].p_vaddr += 5;
    assert_int_equal(check(), ELF_OK);
    elf.segments[1].p_align = 16;
    assert_int_equal(check(), ELF_BAD_ALIGNMENT);
    elf.segments[1].p_vaddr -= 5;
    elf.segments[1].p_paddr += 5;
    assert_int_equal(check(), ELF_BAD_ALIGNMENT);
    elf.header.e_type = ET_DYN;
    assert_int_equal(check(), ELF_OK);
}

static void test_overlaps(void **state)
{
    (void)state;
    for (int swap = 0; swap < 2; swap++) {
        set_up(state);
        elf.segments[1].p_align = 1;
        elf.segments[1].p_vaddr = 0x1007ff;
        elf.segments[1].p_paddr = 0x200000;
        if (swap != 0) {
            Elf64_Phdr first = elf.segments[0];
            elf.segments[0] = elf.segments[1];
            elf.segments[1] = first;
        }
        assert_int_equal(check(), ELF_OVERLAP);
        elf.segments[swap == 0 ? 1 : 0].p_vaddr++;
        assert_int_equal(check(), ELF_OK);
    }
    set_up(state);
    elf.segments[1].p_paddr = elf.segments[0].p_paddr;
    assert_int_equal(check(), ELF_OVERLAP);
    elf.header.e_type = ET_DYN;
    assert_int_equal(check(), ELF_OK);
}

static void test_number_of_segments(void **state)
{
    (void)state;
    elf.header.e_phnum = MAX_HEADERS;
    for (size_t i = 0; i < MAX_HEADERS; i++) {
        put_segment(i, PF_R | PF_X, 0x100000 + i * 0x1000, 0x1000, 0x800);
        if (i >= ELF_MAX_SEGMENTS) {
            elf.segments[i].p_type = PT_NULL;
        }
    }
    assert_int_equal(check(), ELF_OK);
    assert_int_equal(layout.segment_count, ELF_MAX_SEGMENTS);
    elf.segments[ELF_MAX_SEGMENTS].p_type = PT_LOAD;
    elf.segments[ELF_MAX_SEGMENTS].p_filesz = elf.segments[ELF_MAX_SEGMENTS].p_memsz = 0;
    assert_int_equal(check(), ELF_OK); /* an empty one takes no place */
    elf.segments[ELF_MAX_SEGMENTS].p_memsz = 1;
    assert_int_equal(check(), ELF_TOO_MANY_SEGMENTS);
}

static void test_entry(void **state)
{
    static const struct {
        uint64_t entry;
        enum elf_status expected;
    } cases[] = {{0x100000, ELF_OK},       {0x1007ff, ELF_OK},        {0x100800, ELF_BAD_ENTRY},
                 {0xfffff, ELF_BAD_ENTRY}, {0x101000, ELF_BAD_ENTRY}, {UINT64_MAX, ELF_BAD_ENTRY},
                 {0, ELF_BAD_ENTRY}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        elf.header.e_entry = cases[i].entry;
        assert_int_equal(check(), cases[i].expected);
    }
}

static void test_status_texts(void **state)
{
    (void)state;
    for (int status = 0; status < ELF_STATUS_COUNT; status++) {
        assert_true(strlen(elf64_status_text((enum elf_status)status)) > 10);
    }
    assert_string_equal(elf64_status_text(ELF_STATUS_COUNT), "unknown status");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_executable, set_up),
        cmocka_unit_test_setup(test_position_independent, set_up),
        cmocka_unit_test_setup(test_every_truncation, set_up),
        cmocka_unit_test_setup(test_identification, set_up),
        cmocka_unit_test_setup(test_type_and_machine, set_up),
        cmocka_unit_test_setup(test_program_header_table, set_up),
        cmocka_unit_test_setup(test_nothing_to_load, set_up),
        cmocka_unit_test_setup(test_interpreter, set_up),
        cmocka_unit_test_setup(test_segment_contents, set_up),
        cmocka_unit_test_setup(test_segment_addresses, set_up),
        cmocka_unit_test_setup(test_alignment, set_up),
        cmocka_unit_test_setup(test_overlaps, set_up),
        cmocka_unit_test_setup(test_number_of_segments, set_up),
        cmocka_unit_test_setup(test_entry, set_up),
        cmocka_unit_test(test_status_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
