/* SPDX-License-Identifier: MIT */
/* What the boot loader says of the machine and of what it loaded. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/memory/memory_map.h"

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
    bool efi;                        /* booted by 64-bit UEFI */
    uint32_t rsdp_size;              /* bytes in rsdp: 0 none, 20 ACPI 1.0, 36 ACPI 2.0 or later */
    uint8_t rsdp[BOOT_RSDP_SIZE];    /* the loader's copy; not checked here */
    struct boot_framebuffer framebuffer;
    uint32_t range_count;
    uint32_t module_count;
    struct memory_range ranges[BOOT_MAX_RANGES];  /* as memory_map_normalise leaves them */
    struct boot_module modules[BOOT_MAX_MODULES]; /* in the loader's order */
};
