/* SPDX-License-Identifier: MIT */
/* Kernels by the Multiboot specification 0.6.96 ("multiboot 1"): ELF, or a flat image that says its addresses. */
#pragma once

#include "root/monitor/boot_state.h"

/* NULL if all is well, else an English sentence about the files, and nothing was written. */
const char *load_multiboot(const struct guest_memory *memory, const struct boot_file *kernel,
                           const struct boot_file *modules, uint32_t module_count, const char *command_line,
                           const struct e820_map *map, struct boot_state *state);

/* What the kernel asked for and does not get, though it starts: a sentence; NULL: nothing. Any file. */
const char *load_multiboot_note(const struct boot_file *kernel);
