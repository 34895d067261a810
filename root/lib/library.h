/* SPDX-License-Identifier: MIT */
/* What else a library that was compiled for a C library's world needs (besides string.h, format.h, sort.h and heap.h).
 */
#pragma once

/*
 * Debian compiles its libraries with stack protection: each such function compares a word at FS:0x28 before its return
 * with what was there at its entry. Gives this CPU's FS a base with such a word. Once a CPU, before such a library.
 */
void library_init_cpu(void);

/* They differ: the stack was overwritten. Ends the program. */
_Noreturn void __stack_chk_fail(void);
