/* SPDX-License-Identifier: MIT */
/* Between arch/boot/boot.S and the first C code, whose address the linker script gives (boot_c_entry). */
#pragma once

#include <stdint.h>

/* It runs on this stack and the early page tables: 4 GiB at 0 and in the direct map, everything writable. */
extern char boot_stack[], boot_stack_top[];

/* Goes on in `function` on another stack, for good. */
_Noreturn void boot_switch_stack(void *top, void (*function)(void));
