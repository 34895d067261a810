/* SPDX-License-Identifier: MIT */
/* Linux by the x86 boot protocol's 64-bit entry (Documentation/x86/boot.rst). */
#pragma once

#include "root/monitor/boot_state.h"

/*
 * Puts the bzImage, its command line, the initrd (NULL: none) and what they need into the guest's memory, and says how
 * VP 0 starts. `rsdp` is the guest-physical address of the ACPI tables, 0: none. NULL if all is well, else an English
 * sentence about the files, and nothing was written.
 */
const char *load_linux(const struct guest_memory *memory, const struct boot_file *kernel,
                       const struct boot_file *initrd, const char *command_line, const struct e820_map *map,
                       uint64_t rsdp, struct boot_state *state);
