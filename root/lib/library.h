/* SPDX-License-Identifier: MIT */
/* What else a library that was compiled for a C library's world needs (besides string.h, format.h and heap.h). */
#pragma once

#include <stddef.h>

/* As the C library's, in place, without memory of its own. */
void qsort(void *items, size_t count, size_t size, int (*compare)(const void *a, const void *b));

/*
 * Debian compiles its libraries with stack protection: each such function compares a word at FS:0x28 before its return
 * with what was there at its entry. Gives this CPU's FS a base with such a word. Once a CPU, before such a library.
 */
void library_init_cpu(void);

/* They differ: the stack was overwritten. Ends the program. */
_Noreturn void __stack_chk_fail(void);
