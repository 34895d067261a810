/* SPDX-License-Identifier: MIT */
/* ELF files as tests make them: a header, program headers, and bytes at the offsets that they name. */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ELF_FILE_SIZE 0x4000u

struct elf_file {
    uint8_t bytes[ELF_FILE_SIZE];
    bool is_64;
    uint16_t count;
};

static inline void elf_file_begin(struct elf_file *f, bool is_64, uint64_t entry)
{
    for (uint32_t i = 0; i < ELF_FILE_SIZE; i++) {
        f->bytes[i] = (uint8_t)(i * 5 + (i >> 8) + 1);
    }
    f->is_64 = is_64;
    f->count = 0;
    Elf64_Ehdr h64 = {.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = 1, .e_entry = entry};
    Elf32_Ehdr h32 = {.e_type = ET_EXEC, .e_machine = EM_386, .e_version = 1, .e_entry = (uint32_t)entry};
    h64.e_phoff = h64.e_ehsize = sizeof(h64);
    h32.e_phoff = h32.e_ehsize = sizeof(h32);
    h64.e_phentsize = sizeof(Elf64_Phdr);
    h32.e_phentsize = sizeof(Elf32_Phdr);
    memcpy(h64.e_ident, "\177ELF\2\1\1", 8);
    memcpy(h32.e_ident, "\177ELF\1\1\1", 8);
    if (is_64) {
        memcpy(f->bytes, &h64, sizeof(h64));
    } else {
        memcpy(f->bytes, &h32, sizeof(h32));
    }
}

/* Virtual addresses are `linked`; in the file, it has `size` bytes at `offset`. */
static inline void elf_file_add(struct elf_file *f, uint32_t type, uint64_t offset, uint64_t size, uint64_t address,
                                uint64_t memory, uint64_t linked)
{
    Elf64_Phdr p64 = {.p_type = type, .p_offset = offset, .p_filesz = size, .p_memsz = memory};
    Elf32_Phdr p32 = {.p_type = type, .p_offset = (uint32_t)offset, .p_filesz = (uint32_t)size};
    p64.p_paddr = address;
    p64.p_vaddr = linked;
    p32.p_paddr = (uint32_t)address;
    p32.p_vaddr = (uint32_t)linked;
    p32.p_memsz = (uint32_t)memory;
    f->count++;
    if (f->is_64) {
        memcpy(f->bytes + sizeof(Elf64_Ehdr) + (f->count - 1) * sizeof(p64), &p64, sizeof(p64));
        memcpy(f->bytes + offsetof(Elf64_Ehdr, e_phnum), &f->count, 2);
    } else {
        memcpy(f->bytes + sizeof(Elf32_Ehdr) + (f->count - 1) * sizeof(p32), &p32, sizeof(p32));
        memcpy(f->bytes + offsetof(Elf32_Ehdr, e_phnum), &f->count, 2);
    }
}
