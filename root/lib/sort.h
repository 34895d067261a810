/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As the C library's, in place, without memory of its own. */
void qsort(void *items, size_t count, size_t size, int (*compare)(const void *a, const void *b));

#ifdef __cplusplus
}
#endif
