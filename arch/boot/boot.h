/* SPDX-License-Identifier: MIT */
/* Between arch/boot/boot.S and kernel/boot/main.c. */
#pragma once

#include <stdint.h>

/* First C code, on the boot stack and the early page tables: 4 GiB at 0 and in the direct map, everything writable. */
_Noreturn void boot_main(uint32_t mbi_pa, uint64_t load_base);

/* Goes on in `function` on another stack, for good. */
_Noreturn void boot_switch_stack(void *top, void (*function)(void));
