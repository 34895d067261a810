/* SPDX-License-Identifier: MIT */
/*
 * The two pages below 1 MiB through which another CPU starts: a copy of the code between ap_boot_start and ap_boot_end,
 * and behind it this data. Included by assembly too.
 */
#pragma once

/* Offsets in struct ap_boot_data. */
#define AP_BOOT_GDT_LIMIT 0
#define AP_BOOT_FAR32 8
#define AP_BOOT_FAR64 16
#define AP_BOOT_CR3 24
#define AP_BOOT_CR4 32
#define AP_BOOT_EFER 40
#define AP_BOOT_CR0 48
#define AP_BOOT_ENTRY 56
#define AP_BOOT_STACK 64
#define AP_BOOT_CPU 72

#define AP_BOOT_CODE32 0x18
#define AP_BOOT_CODE64 0x08
#define AP_BOOT_DATA 0x10

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct ap_boot_far {
    uint32_t offset;
    uint16_t selector;
    uint16_t unused;
};

struct ap_boot_data {
    uint16_t gdt_limit;
    uint16_t gdt_base_low, gdt_base_high; /* the operand of LGDT has its base unaligned */
    uint16_t unused;
    struct ap_boot_far far32, far64;
    uint64_t cr3, cr4, efer, cr0; /* low halves are loaded */
    uint64_t entry;               /* void (*)(struct cpu *), on the stack below */
    uint64_t stack;
    uint64_t cpu;
    uint64_t gdt[4];
};

_Static_assert(offsetof(struct ap_boot_data, far32) == AP_BOOT_FAR32, "ap_boot.S");
_Static_assert(offsetof(struct ap_boot_data, far64) == AP_BOOT_FAR64, "ap_boot.S");
_Static_assert(offsetof(struct ap_boot_data, cr3) == AP_BOOT_CR3, "ap_boot.S");
_Static_assert(offsetof(struct ap_boot_data, cr0) == AP_BOOT_CR0, "ap_boot.S");
_Static_assert(offsetof(struct ap_boot_data, entry) == AP_BOOT_ENTRY, "ap_boot.S");
_Static_assert(offsetof(struct ap_boot_data, cpu) == AP_BOOT_CPU, "ap_boot.S");

extern const char ap_boot_start[], ap_boot_32[], ap_boot_64[], ap_boot_end[];
#endif
