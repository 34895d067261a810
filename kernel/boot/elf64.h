/* SPDX-License-Identifier: MIT */
/* Checks a static x86-64 ELF image and lists what to load. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_MAX_SEGMENTS 16u

/* Bits of elf_segment.flags, as in p_flags. */
#define ELF_SEGMENT_EXECUTE 1u
#define ELF_SEGMENT_WRITE 2u
#define ELF_SEGMENT_READ 4u

/* One PT_LOAD segment that is not empty. Bytes from file_size to memory_size are zero. */
struct elf_segment {
    uint64_t virtual_address;
    uint64_t physical_address; /* p_paddr */
    uint64_t file_offset;      /* file_offset + file_size is within the image */
    uint64_t file_size;
    uint64_t memory_size; /* at least file_size, at least 1 */
    uint64_t alignment;   /* a power of two, at least 1 */
    uint32_t flags;
};

struct elf_layout {
    bool relocatable; /* ET_DYN: may be placed anywhere that keeps `alignment`, and relocates itself */
    uint64_t entry;   /* virtual address, within an executable segment */
    uint64_t virtual_start, virtual_end;           /* lowest address and one past the highest */
    uint64_t physical_start, physical_end;         /* the same of the p_paddr ranges; 0 for ET_DYN */
    uint64_t alignment;                            /* the largest of all segments */
    uint32_t segment_count;                        /* 1 to ELF_MAX_SEGMENTS */
    struct elf_segment segments[ELF_MAX_SEGMENTS]; /* in the order of the file; no two overlap */
};

enum elf_status {
    ELF_OK,
    ELF_TRUNCATED,         /* headers or a segment's contents run past the image */
    ELF_BAD_MAGIC,         /* not an ELF file */
    ELF_BAD_CLASS,         /* not 64-bit little-endian, version 1 */
    ELF_BAD_TYPE,          /* neither ET_EXEC nor ET_DYN */
    ELF_BAD_MACHINE,       /* not x86-64 */
    ELF_BAD_HEADERS,       /* program header size or count */
    ELF_NOT_STATIC,        /* wants an interpreter */
    ELF_NO_SEGMENT,        /* nothing to load */
    ELF_TOO_MANY_SEGMENTS, /* more than ELF_MAX_SEGMENTS */
    ELF_BAD_SEGMENT,       /* file size above memory size, or addresses that wrap around */
    ELF_BAD_ALIGNMENT,     /* not a power of two, or addresses that contradict it */
    ELF_OVERLAP,           /* two segments overlap */
    ELF_BAD_ENTRY,         /* the entry point is not in an executable segment */
    ELF_STATUS_COUNT,
};

/* Checks the image of `size` bytes at `image` (no alignment needed). *out is meaningful only after ELF_OK. */
enum elf_status elf64_check(const void *image, size_t size, struct elf_layout *out);

/* A sentence for the console. Never NULL, also for numbers that are no status. */
const char *elf64_status_text(enum elf_status status);
