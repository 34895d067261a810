/* SPDX-License-Identifier: MIT */
/* How a guest's first VP starts, as a loader decided it, and what loaders work on. */
#pragma once

#include "root/devices/guest_memory.h"

#define BOOT_E820_MAX 32u

enum boot_mode {
    BOOT_RESET,     /* as at reset: CS base FFFF0000H, RIP FFF0H */
    BOOT_REAL,      /* real mode at 0:rip, all segments 0 */
    BOOT_PROTECTED, /* 32-bit protected mode, flat segments, no paging */
    BOOT_LONG,      /* 64-bit mode, flat segments, paging by cr3 */
};

struct boot_state {
    enum boot_mode mode;
    uint64_t rip, rsp, rax, rbx, rdx, rsi;
    uint64_t cr3; /* BOOT_LONG */
    uint64_t gdt; /* guest-physical; 0: none */
    uint32_t gdt_limit;
    uint16_t code, data; /* selectors for BOOT_PROTECTED and BOOT_LONG */
};

/* A file that was given as a module. */
struct boot_file {
    uint8_t *data; /* the monitor's to change: a disk is written there */
    uint64_t size;
    const char *text; /* its command line, never null */
};

enum e820_type { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4 };

struct e820_entry {
    uint64_t base, size; /* bytes */
    uint32_t type;
};

struct e820_map {
    uint32_t count;
    struct e820_entry entries[BOOT_E820_MAX]; /* ascending, not overlapping */
};
