/* SPDX-License-Identifier: MIT */
/* The C library's names, for libraries and the monitor: FORMAT_SYSTEM_V of root/lib/format_text.h. */
#pragma once

#if __STDC_HOSTED__
#include <stdio.h> /* unit tests */
#else

#include <stdarg.h>
#include <stddef.h>

/* As the C library's: writes at most size - 1 characters and a zero; returns the length without the limit. */
int vsnprintf(char *to, size_t size, const char *format, va_list args);
int snprintf(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
