/* SPDX-License-Identifier: MIT */
/*
 * The C library's memory functions, as libraries want them, over root_alloc_pages. Freed blocks are used again for
 * blocks of the same size class (powers of two; whole pages above 16 MiB). Any CPU; not from an interrupt handler.
 */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);

#ifdef __cplusplus
}
#endif
