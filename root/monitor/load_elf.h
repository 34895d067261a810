/* SPDX-License-Identifier: MIT */
/* ELF executables, 32 and 64 bits, by their physical addresses. */
#pragma once

#include <stdbool.h>

#include "root/monitor/boot_state.h"

#define ELF_SEGMENTS_MAX 16u

struct elf_segment {
    uint64_t offset, file_size; /* bytes in the file */
    uint64_t address, mem_size; /* guest-physical; the rest is zero */
    uint64_t linked;            /* where the program believes it is */
};

struct elf_image {
    uint64_t entry;     /* guest-physical */
    uint64_t low, high; /* the segments' extent in memory */
    uint32_t count;     /* loadable segments with a size */
    struct elf_segment segments[ELF_SEGMENTS_MAX];
    uint64_t notes_offset[ELF_SEGMENTS_MAX], notes_size[ELF_SEGMENTS_MAX]; /* PT_NOTE, in the file */
    uint32_t notes;
    bool is_64;
};

/* NULL if it is an x86 executable that fits its file; else a sentence. */
const char *elf_parse(const struct boot_file *file, struct elf_image *image);
/*
 * NULL if all segments lie in the guest's memory below 4 GiB, outside of [kept, 1 MiB), where the loader and the
 * firmware have things, and the entry point in what they load; else a sentence.
 */
const char *elf_check_memory(const struct elf_image *image, const struct guest_memory *memory, uint64_t kept);
/* After both checks. */
void elf_place(const struct elf_image *image, const struct boot_file *file, const struct guest_memory *memory);
