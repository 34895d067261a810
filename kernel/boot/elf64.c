/* SPDX-License-Identifier: MIT */
/* System V ABI, generic (chapters 4 and 5) and AMD64 supplement (4.1). */
#include "kernel/boot/elf64.h"

#include "arch/cpu/string.h"

#define IDENT_CLASS 4
#define IDENT_DATA 5
#define IDENT_VERSION 6
#define CLASS_64 2
#define DATA_LITTLE_ENDIAN 1
#define VERSION_CURRENT 1
#define TYPE_EXEC 2
#define TYPE_DYN 3
#define MACHINE_X86_64 62
#define SEGMENT_LOAD 1
#define SEGMENT_INTERPRETER 3
#define COUNT_ELSEWHERE 0xffff /* PN_XNUM: the count is in section header 0 */

struct file_header {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_headers;
    uint64_t section_headers;
    uint32_t flags;
    uint16_t header_size;
    uint16_t program_header_size;
    uint16_t program_header_count;
    uint16_t section_header_size;
    uint16_t section_header_count;
    uint16_t section_names;
};

struct program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t virtual_address;
    uint64_t physical_address;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t alignment;
};

_Static_assert(sizeof(struct file_header) == 64, "Elf64_Ehdr");
_Static_assert(sizeof(struct program_header) == 56, "Elf64_Phdr");

static bool is_within(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

static bool wraps(uint64_t base, uint64_t size)
{
    uint64_t end;
    return __builtin_add_overflow(base, size, &end);
}

static enum elf_status check_header(const struct file_header *header, uint64_t size)
{
    if (memcmp(header->ident, "\177ELF", 4) != 0) {
        return ELF_BAD_MAGIC;
    }
    if (header->ident[IDENT_CLASS] != CLASS_64 || header->ident[IDENT_DATA] != DATA_LITTLE_ENDIAN ||
        header->ident[IDENT_VERSION] != VERSION_CURRENT || header->version != VERSION_CURRENT) {
        return ELF_BAD_CLASS;
    }
    if (header->type != TYPE_EXEC && header->type != TYPE_DYN) {
        return ELF_BAD_TYPE;
    }
    if (header->machine != MACHINE_X86_64) {
        return ELF_BAD_MACHINE;
    }
    if (header->program_header_size != sizeof(struct program_header) ||
        header->program_header_count == COUNT_ELSEWHERE) {
        return ELF_BAD_HEADERS;
    }
    uint64_t table = (uint64_t)header->program_header_count * sizeof(struct program_header);
    return is_within(header->program_headers, table, size) ? ELF_OK : ELF_TRUNCATED;
}

static enum elf_status check_alignment(const struct program_header *header, bool fixed)
{
    uint64_t mask = header->alignment == 0 ? 0 : header->alignment - 1;

    if ((header->alignment & mask) != 0 || ((header->virtual_address ^ header->offset) & mask) != 0) {
        return ELF_BAD_ALIGNMENT;
    }
    /* Only the address that the segment is placed at has to keep it; linkers give p_paddr any value otherwise. */
    return fixed && ((header->physical_address ^ header->offset) & mask) != 0 ? ELF_BAD_ALIGNMENT : ELF_OK;
}

static enum elf_status check_segment(const struct program_header *header, bool fixed, uint64_t size)
{
    if (header->file_size > header->memory_size || wraps(header->virtual_address, header->memory_size) ||
        (fixed && wraps(header->physical_address, header->memory_size))) {
        return ELF_BAD_SEGMENT;
    }
    if (!is_within(header->offset, header->file_size, size)) {
        return ELF_TRUNCATED;
    }
    return check_alignment(header, fixed);
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b ? b - a < a_size : a - b < b_size;
}

static bool overlaps_earlier(const struct elf_layout *layout, const struct elf_segment *segment)
{
    for (uint32_t i = 0; i < layout->segment_count; i++) {
        const struct elf_segment *other = &layout->segments[i];
        if (overlap(other->virtual_address, other->memory_size, segment->virtual_address, segment->memory_size) ||
            (!layout->relocatable &&
             overlap(other->physical_address, other->memory_size, segment->physical_address, segment->memory_size))) {
            return true;
        }
    }
    return false;
}

static void widen(uint64_t *start, uint64_t *end, uint64_t base, uint64_t size, bool first)
{
    if (first || base < *start) {
        *start = base;
    }
    if (first || base + size > *end) {
        *end = base + size;
    }
}

static void append(struct elf_layout *layout, const struct elf_segment *segment)
{
    bool first = layout->segment_count == 0;

    widen(&layout->virtual_start, &layout->virtual_end, segment->virtual_address, segment->memory_size, first);
    if (!layout->relocatable) {
        widen(&layout->physical_start, &layout->physical_end, segment->physical_address, segment->memory_size, first);
    }
    if (segment->alignment > layout->alignment) {
        layout->alignment = segment->alignment;
    }
    layout->segments[layout->segment_count++] = *segment;
}

static enum elf_status add_segment(const struct program_header *header, uint64_t size, struct elf_layout *layout)
{
    enum elf_status status = check_segment(header, !layout->relocatable, size);

    if (status != ELF_OK || header->memory_size == 0) {
        return status;
    }
    struct elf_segment segment = {
        .virtual_address = header->virtual_address,
        .physical_address = header->physical_address,
        .file_offset = header->offset,
        .file_size = header->file_size,
        .memory_size = header->memory_size,
        .alignment = header->alignment == 0 ? 1 : header->alignment,
        .flags = header->flags,
    };
    if (layout->segment_count == ELF_MAX_SEGMENTS) {
        return ELF_TOO_MANY_SEGMENTS;
    }
    if (overlaps_earlier(layout, &segment)) {
        return ELF_OVERLAP;
    }
    append(layout, &segment);
    return ELF_OK;
}

static enum elf_status collect_segments(const uint8_t *image, uint64_t size, const struct file_header *file,
                                        struct elf_layout *layout)
{
    struct program_header header;

    for (uint16_t i = 0; i < file->program_header_count; i++) {
        enum elf_status status = ELF_OK;
        memcpy(&header, image + file->program_headers + i * sizeof(header), sizeof(header));
        if (header.type == SEGMENT_INTERPRETER) {
            status = ELF_NOT_STATIC;
        } else if (header.type == SEGMENT_LOAD) {
            status = add_segment(&header, size, layout);
        }
        if (status != ELF_OK) {
            return status;
        }
    }
    return layout->segment_count > 0 ? ELF_OK : ELF_NO_SEGMENT;
}

static enum elf_status check_entry(const struct elf_layout *layout)
{
    for (uint32_t i = 0; i < layout->segment_count; i++) {
        const struct elf_segment *segment = &layout->segments[i];
        if ((segment->flags & ELF_SEGMENT_EXECUTE) != 0 && layout->entry >= segment->virtual_address &&
            layout->entry - segment->virtual_address < segment->memory_size) {
            return ELF_OK;
        }
    }
    return ELF_BAD_ENTRY;
}

enum elf_status elf64_check(const void *image, size_t size, struct elf_layout *out)
{
    struct file_header header;

    memset(out, 0, sizeof(*out));
    if (size < sizeof(header)) {
        return ELF_TRUNCATED;
    }
    memcpy(&header, image, sizeof(header));
    enum elf_status status = check_header(&header, size);
    if (status != ELF_OK) {
        return status;
    }
    out->relocatable = header.type == TYPE_DYN;
    out->entry = header.entry;
    status = collect_segments(image, size, &header, out);
    return status == ELF_OK ? check_entry(out) : status;
}

const char *elf64_status_text(enum elf_status status)
{
    static const char *const texts[ELF_STATUS_COUNT] = {
        [ELF_OK] = "the image can be loaded",
        [ELF_TRUNCATED] = "the image is cut off",
        [ELF_BAD_MAGIC] = "the image is not an ELF file",
        [ELF_BAD_CLASS] = "the image is not a 64-bit little-endian ELF file",
        [ELF_BAD_TYPE] = "the image is neither an executable nor position-independent",
        [ELF_BAD_MACHINE] = "the image is not for x86-64",
        [ELF_BAD_HEADERS] = "the image's program headers have an impossible size or count",
        [ELF_NOT_STATIC] = "the image is not linked statically",
        [ELF_NO_SEGMENT] = "the image has nothing to load",
        [ELF_TOO_MANY_SEGMENTS] = "the image has too many segments",
        [ELF_BAD_SEGMENT] = "a segment of the image has impossible sizes or addresses",
        [ELF_BAD_ALIGNMENT] = "a segment of the image contradicts its alignment",
        [ELF_OVERLAP] = "two segments of the image overlap",
        [ELF_BAD_ENTRY] = "the image's entry point is not in an executable segment",
    };
    return (unsigned int)status < ELF_STATUS_COUNT ? texts[status] : "unknown status";
}
