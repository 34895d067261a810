/* SPDX-License-Identifier: MIT */
#include "root/monitor/load_elf.h"

#include "root/lib/string.h"
#include "root/monitor/load_problem.h"

#define ELF_MAGIC 0x464c457fu
#define CLASS_32 1u
#define CLASS_64 2u
#define LITTLE_ENDIAN 1u
#define TYPE_EXEC 2u
#define TYPE_DYN 3u
#define MACHINE_386 3u
#define MACHINE_X86_64 62u
#define PT_LOAD 1u
#define PT_NOTE 4u
#define HEADER_32 52u
#define HEADER_64 64u
#define PROGRAM_32 32u
#define PROGRAM_64 56u
#define MIB 0x100000u

static uint64_t get(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, at, size);
    return value;
}

static bool in_file(const struct boot_file *f, uint64_t offset, uint64_t size)
{
    return offset <= f->size && size <= f->size - offset;
}

/* One program header, both classes. */
static void read_segment(const uint8_t *p, bool is_64, struct elf_segment *s)
{
    if (is_64) {
        *s = (struct elf_segment){get(p + 8, 8), get(p + 32, 8), get(p + 24, 8), get(p + 40, 8), get(p + 16, 8)};
    } else {
        *s = (struct elf_segment){get(p + 4, 4), get(p + 16, 4), get(p + 12, 4), get(p + 20, 4), get(p + 8, 4)};
    }
}

static const char *add_segment(struct elf_image *image, const struct boot_file *file, const struct elf_segment *s)
{
    if (s->mem_size == 0) {
        return NULL;
    }
    if (image->count == ELF_SEGMENTS_MAX) {
        return "the ELF file has too many segments (up to 16 are possible)";
    }
    bool is_there = s->file_size == 0 || in_file(file, s->offset, s->file_size);
    if (!is_there || s->file_size > s->mem_size || s->address > UINT64_MAX - s->mem_size) {
        return "the ELF file is cut or damaged: a segment is not in the file";
    }
    image->low = s->address < image->low ? s->address : image->low;
    image->high = s->address + s->mem_size > image->high ? s->address + s->mem_size : image->high;
    image->segments[image->count++] = *s;
    return NULL;
}

static const char *add_header(struct elf_image *image, const struct boot_file *file, const uint8_t *header)
{
    struct elf_segment s;
    uint32_t type = (uint32_t)get(header, 4);
    read_segment(header, image->is_64, &s);
    if (type == PT_LOAD) {
        return add_segment(image, file, &s);
    }
    if (type == PT_NOTE && image->notes < ELF_SEGMENTS_MAX && in_file(file, s.offset, s.file_size)) {
        image->notes_offset[image->notes] = s.offset;
        image->notes_size[image->notes++] = s.file_size;
    }
    return NULL;
}

static const char *check_header(const struct boot_file *file, struct elf_image *image)
{
    const uint8_t *d = file->data;
    if (file->size < HEADER_64 || get(d, 4) != ELF_MAGIC || (d[4] != CLASS_32 && d[4] != CLASS_64) ||
        d[5] != LITTLE_ENDIAN) {
        return "the file is not an ELF executable";
    }
    image->is_64 = d[4] == CLASS_64;
    uint64_t type = get(d + 16, 2), machine = get(d + 18, 2);
    if (machine != (image->is_64 ? MACHINE_X86_64 : MACHINE_386) || (type != TYPE_EXEC && type != TYPE_DYN)) {
        return "the ELF file is not an executable for x86";
    }
    image->entry = get(d + 24, image->is_64 ? 8 : 4);
    return NULL;
}

/* Kernels that are linked high give their entry point as they will see it; GRUB takes both forms too. */
static uint64_t physical_entry(const struct elf_image *image, uint64_t entry)
{
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        if (entry >= s->linked && entry - s->linked < s->mem_size) {
            return s->address + (entry - s->linked);
        }
    }
    return entry;
}

const char *elf_parse(const struct boot_file *file, struct elf_image *image)
{
    memset(image, 0, sizeof(*image));
    image->low = UINT64_MAX;
    const char *problem = check_header(file, image);
    if (problem != NULL) {
        return problem;
    }
    const uint8_t *d = file->data;
    uint64_t offset = image->is_64 ? get(d + 32, 8) : get(d + 28, 4);
    uint64_t size = get(d + (image->is_64 ? 54 : 42), 2), count = get(d + (image->is_64 ? 56 : 44), 2);
    if (size < (image->is_64 ? PROGRAM_64 : PROGRAM_32) || !in_file(file, offset, size * count)) {
        return "the ELF file is cut or damaged: its program headers are not in the file";
    }
    for (uint64_t i = 0; i < count && problem == NULL; i++) {
        problem = add_header(image, file, d + offset + i * size);
    }
    image->entry = physical_entry(image, image->entry);
    return problem == NULL && image->count == 0 ? "the ELF file has nothing to load" : problem;
}

const char *elf_check_memory(const struct elf_image *image, const struct guest_memory *memory, uint64_t kept)
{
    bool entered = false;
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        uint64_t end = s->address + s->mem_size;
        if (s->address < MIB && end > kept) {
            return "the kernel's file wants memory below 1 MiB that the loader or the firmware has";
        }
        if (end > GUEST_HIGH_BASE) {
            return "the kernel's file wants memory above 4 GiB, where its 32-bit start does not reach";
        }
        if (end > memory->low_size) {
            return load_too_small("this kernel", image->high);
        }
        entered = entered || (image->entry >= s->address && image->entry < end);
    }
    return entered ? NULL : "the kernel's entry point is not in what its file loads";
}

void elf_place(const struct elf_image *image, const struct boot_file *file, const struct guest_memory *memory)
{
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        uint8_t *to = memory->low + s->address;
        if (s->file_size != 0) {
            memcpy(to, file->data + s->offset, s->file_size);
        }
        memset(to + s->file_size, 0, s->mem_size - s->file_size);
    }
}
