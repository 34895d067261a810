/* SPDX-License-Identifier: MIT */
/* What the loader passes: the multiboot2 boot information, parsed into plain structures. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/memory/memory_map.h"

/* EAX at the entry point of an image loaded by multiboot2. */
#define MB2_BOOT_MAGIC 0x36d76289u

/* Enough for any information block of a real loader; larger ones are refused. Bytes. */
#define MB2_MAX_SIZE (1u << 20)

#define BOOT_MAX_RANGES 128u
#define BOOT_MAX_MODULES 17u /* the root program and 16 for it */
#define BOOT_CMDLINE_SIZE 1024u
#define BOOT_MODULE_CMDLINE_SIZE 512u
#define BOOT_RSDP_SIZE 36u

struct boot_module {
    uint64_t start;                         /* physical address of the first byte */
    uint64_t end;                           /* one past the last byte, at least `start` */
    char cmdline[BOOT_MODULE_CMDLINE_SIZE]; /* NUL-terminated, cut if longer */
};

struct boot_framebuffer {
    uint64_t base;  /* physical address, 0: none reported */
    uint32_t pitch; /* bytes a line */
    uint32_t width, height;
    uint8_t bits_per_pixel;
    uint8_t type; /* 0 indexed, 1 RGB, 2 EGA text */
    uint8_t red_position, red_size, green_position, green_size, blue_position, blue_size; /* bits; type 1 only */
};

struct boot_info {
    char cmdline[BOOT_CMDLINE_SIZE]; /* NUL-terminated; empty if there was none */
    bool cmdline_cut;                /* the loader's was longer */
    bool has_load_base;
    uint64_t load_base;        /* physical address the loader put the image's first byte at; valid if has_load_base */
    bool efi;                  /* booted by 64-bit UEFI */
    uint64_t efi_system_table; /* physical address; valid if efi */
    uint32_t rsdp_size;        /* bytes in rsdp: 0 none, 20 ACPI 1.0, 36 ACPI 2.0 or later */
    uint8_t rsdp[BOOT_RSDP_SIZE]; /* the loader's copy; not checked here */
    struct boot_framebuffer framebuffer;
    uint32_t range_count;
    uint32_t module_count;
    struct memory_range ranges[BOOT_MAX_RANGES];  /* as memory_map_normalise leaves them */
    struct boot_module modules[BOOT_MAX_MODULES]; /* in the loader's order */
};

enum mb2_status {
    MB2_OK,
    MB2_BAD_SIZE,         /* the block's size is impossible or more than `limit` */
    MB2_BAD_TAG,          /* a tag is shorter than its contents or runs past the block */
    MB2_NO_END,           /* the block ends without an end tag */
    MB2_BAD_STRING,       /* a command line is not terminated within its tag */
    MB2_BAD_MEMORY_MAP,   /* the memory map's entry size does not fit */
    MB2_NO_MEMORY_MAP,    /* there is no memory map */
    MB2_TOO_MANY_RANGES,  /* more than BOOT_MAX_RANGES, before or after overlaps are resolved */
    MB2_BAD_MODULE,       /* a module ends before it starts */
    MB2_TOO_MANY_MODULES, /* more than BOOT_MAX_MODULES */
    MB2_STATUS_COUNT,
};

/*
 * Parses the information block at `info`, of which at most `limit` bytes may be read, into *out. Unknown tags are
 * skipped; of tags that may occur once the last counts. The block needs no alignment. On failure *out holds what was
 * parsed before, to be used for nothing but the serial options in its command line.
 */
enum mb2_status mb2_parse(const void *info, size_t limit, struct boot_info *out);

/* A sentence for the console. Never NULL, also for numbers that are no status. */
const char *mb2_status_text(enum mb2_status status);
