/* SPDX-License-Identifier: MIT */
/* The part of the C library's <string.h> that the hypervisor uses. Host builds take the host's own. */
#pragma once

#include <stddef.h>

#if __STDC_HOSTED__
#include <string.h>
#else

void *memcpy(void *restrict dst, const void *restrict src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);

/* -ffreestanding turns builtins off; these let the compiler expand copies of a small constant size in place. */
#define memcpy(dst, src, size) __builtin_memcpy(dst, src, size)
#define memset(dst, value, size) __builtin_memset(dst, value, size)
#define memcmp(a, b, size) __builtin_memcmp(a, b, size)

#endif
