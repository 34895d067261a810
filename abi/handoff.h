/* SPDX-License-Identifier: MIT */
/*
 * What the root program finds when it starts.
 *
 * The first root VP starts at the ELF entry point in 64-bit mode at CPL 0: flat segments, interrupts off, RDI = address
 * of struct whb_handoff, RSP = 0 (the program brings its own stack), paging on with memory identity-mapped from 0 to
 * `identity_mapped` (page tables in root memory, in a range of type WHB_MEMORY_HANDOFF), CR0.TS clear, CR4.OSFXSR and
 * CR4.OSXMMEXCPT set, all other registers 0. The other root VPs wait for INIT and SIPI from the root's own local APICs.
 *
 * An ET_EXEC image is placed at its p_paddr. An ET_DYN image is placed at a free 2 MiB boundary and relocates itself
 * (R_X86_64_RELATIVE); it starts with RSI = its load address minus its lowest p_vaddr.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define WHB_HANDOFF_MAGIC 0x6c65726d69685721ull /* "!Whimrel" in memory order */
#define WHB_HANDOFF_VERSION 1u
#define WHB_HANDOFF_MAX_RANGES 128u
#define WHB_HANDOFF_MAX_MODULES 16u
#define WHB_HANDOFF_CMDLINE 512u

enum whb_memory_type {
    WHB_MEMORY_AVAILABLE = 1, /* free RAM; the numbers 1 to 5 are those of multiboot2 and E820 */
    WHB_MEMORY_RESERVED = 2,
    WHB_MEMORY_ACPI = 3,
    WHB_MEMORY_NVS = 4,
    WHB_MEMORY_BAD = 5,
    WHB_MEMORY_HYPERVISOR = 0x10, /* the hypervisor's: not mapped into the root, an access raises #GP */
    WHB_MEMORY_ROOT_IMAGE = 0x11, /* RAM that holds the root program itself */
    WHB_MEMORY_MODULE = 0x12,     /* RAM that holds a module */
    WHB_MEMORY_HANDOFF = 0x13,    /* RAM that holds this structure and the initial page tables */
};

struct whb_memory_range {
    uint64_t base; /* bytes, page aligned */
    uint64_t size; /* bytes, page aligned */
    uint32_t type; /* enum whb_memory_type */
    uint32_t reserved;
};

struct whb_module {
    uint64_t base;                     /* root physical address */
    uint64_t size;                     /* bytes */
    char cmdline[WHB_HANDOFF_CMDLINE]; /* NUL-terminated, cut if longer */
};

struct whb_framebuffer {
    uint64_t base; /* 0: none */
    uint32_t pitch, width, height;
    uint8_t bits_per_pixel;
    uint8_t type; /* multiboot2: 0 indexed, 1 RGB, 2 EGA text */
    uint8_t red_position, red_size, green_position, green_size, blue_position, blue_size;
    uint8_t reserved[4];
};

struct whb_handoff {
    uint64_t magic;           /* WHB_HANDOFF_MAGIC */
    uint32_t version;         /* WHB_HANDOFF_VERSION */
    uint32_t size;            /* sizeof(struct whb_handoff) */
    uint64_t rsdp;            /* root physical address of the ACPI RSDP */
    uint64_t identity_mapped; /* bytes from address 0 that the initial page tables map */
    uint32_t cpus;            /* root VPs, this one included */
    uint32_t serial_port;     /* I/O port of the serial console, 0: none */
    uint32_t serial_baud;     /* bits a second */
    uint32_t tsc_khz;         /* TSC frequency in kHz, 0 if not known */
    uint32_t range_count;
    uint32_t module_count;             /* modules after the root program */
    char cmdline[WHB_HANDOFF_CMDLINE]; /* the root module's command line, its name left out */
    struct whb_framebuffer framebuffer;
    struct whb_memory_range ranges[WHB_HANDOFF_MAX_RANGES]; /* ascending, not overlapping */
    struct whb_module modules[WHB_HANDOFF_MAX_MODULES];
    uint32_t apic_ids[64]; /* local APIC IDs of the root VPs, the first root VP's first; `cpus` entries */
};

/* CPUID leaves that the root sees (docs/root-partition.md). Guests see other leaves. */
#define WHB_CPUID_BASE 0x40000000u      /* EAX = highest leaf, EBX/ECX/EDX = "WhimbrelRoot" */
#define WHB_CPUID_INTERFACE 0x40000001u /* EAX = WHB_ABI_MAJOR << 16 | WHB_ABI_MINOR */
