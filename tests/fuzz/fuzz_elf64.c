/* SPDX-License-Identifier: MIT */
/* sources: kernel/boot/elf64.c */
#include <elf.h>
#include <stdbool.h>
#include <string.h>

#include "kernel/boot/elf64.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

static bool are_apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a + a_size <= b || b + b_size <= a;
}

static void check_segment(const struct elf_layout *layout, const struct elf_segment *segment, size_t size)
{
    uint64_t end;

    CHECK(segment->memory_size > 0 && segment->file_size <= segment->memory_size);
    CHECK(!__builtin_add_overflow(segment->file_offset, segment->file_size, &end) && end <= size);
    CHECK(!__builtin_add_overflow(segment->virtual_address, segment->memory_size, &end));
    CHECK(segment->virtual_address >= layout->virtual_start && end <= layout->virtual_end);
    CHECK(segment->alignment > 0 && (segment->alignment & (segment->alignment - 1)) == 0);
    CHECK(segment->alignment <= layout->alignment);
    CHECK((segment->virtual_address - segment->file_offset) % segment->alignment == 0);
    if (!layout->relocatable) {
        CHECK(!__builtin_add_overflow(segment->physical_address, segment->memory_size, &end));
        CHECK(segment->physical_address >= layout->physical_start && end <= layout->physical_end);
    }
}

static void check_layout(const struct elf_layout *layout, size_t size)
{
    bool entry_found = false;

    CHECK(layout->segment_count > 0 && layout->segment_count <= ELF_MAX_SEGMENTS);
    for (uint32_t i = 0; i < layout->segment_count; i++) {
        const struct elf_segment *a = &layout->segments[i];
        check_segment(layout, a, size);
        for (uint32_t j = 0; j < i; j++) {
            const struct elf_segment *b = &layout->segments[j];
            CHECK(are_apart(a->virtual_address, a->memory_size, b->virtual_address, b->memory_size));
            CHECK(layout->relocatable ||
                  are_apart(a->physical_address, a->memory_size, b->physical_address, b->memory_size));
        }
        entry_found |= (a->flags & ELF_SEGMENT_EXECUTE) != 0 && layout->entry >= a->virtual_address &&
                       layout->entry < a->virtual_address + a->memory_size;
    }
    CHECK(entry_found);
}

static void check_image(const uint8_t *image, size_t size)
{
    struct elf_layout layout;
    enum elf_status status = elf64_check(image, size, &layout);

    CHECK(status < ELF_STATUS_COUNT);
    if (status == ELF_OK) {
        check_layout(&layout, size);
    }
}

#define MAX_HEADERS 24u

struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segments[MAX_HEADERS];
    uint8_t rest[0x4000];
};

static void build_segment(struct tape *tape, Elf64_Phdr *segment)
{
    segment->p_type = tape_choose(tape, 16) == 15 ? tape_choose(tape, 8) : PT_LOAD;
    segment->p_flags = tape_choose(tape, 8);
    segment->p_offset = tape_address(tape) % 0x6000;
    segment->p_vaddr = tape_address(tape);
    segment->p_paddr = tape_choose(tape, 2) == 0 ? segment->p_vaddr : tape_address(tape);
    segment->p_filesz = tape_byte(tape);
    segment->p_memsz = segment->p_filesz + (tape_choose(tape, 2) == 0 ? 0 : tape_address(tape));
    segment->p_align = tape_choose(tape, 32) == 31 ? tape_u64(tape) : 1ull << tape_choose(tape, 14);
}

/* An image with a sound header and segments as the tape tells. */
static void build(struct image *image, struct tape *tape)
{
    memset(image, 0, sizeof(*image));
    memcpy(image->header.e_ident, "\177ELF\2\1\1", 7);
    image->header.e_type = tape_choose(tape, 2) == 0 ? ET_EXEC : ET_DYN;
    image->header.e_machine = EM_X86_64;
    image->header.e_version = EV_CURRENT;
    image->header.e_phoff = sizeof(Elf64_Ehdr);
    image->header.e_phentsize = sizeof(Elf64_Phdr);
    image->header.e_phnum = (uint16_t)tape_choose(tape, MAX_HEADERS + 1);
    for (uint16_t i = 0; i < image->header.e_phnum; i++) {
        build_segment(tape, &image->segments[i]);
    }
    image->header.e_entry = image->segments[0].p_vaddr + tape_byte(tape);
}

/* Each input is an image as it is, and directions for building one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct image image;
    struct tape tape = {data, size};

    check_image(data, size);
    build(&image, &tape);
    check_image((const uint8_t *)&image, sizeof(image));
    return 0;
}
