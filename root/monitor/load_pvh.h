/* SPDX-License-Identifier: MIT */
/* Kernels by the x86/HVM direct boot ABI ("PVH"): an ELF file whose Xen note names a 32-bit entry point. */
#pragma once

#include "root/monitor/boot_state.h"

/* As load_linux; `kernel` is a vmlinux, which scripts/mkimage --pvh unpacks from a bzImage. */
const char *load_pvh(const struct guest_memory *memory, const struct boot_file *kernel, const struct boot_file *initrd,
                     const char *command_line, const struct e820_map *map, uint64_t rsdp, struct boot_state *state);
