/* SPDX-License-Identifier: MIT */
/* Text from a format: %s %c %d %i %u %x %p %%, with -, 0, a width, and l, ll, z. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Gives the text to `put` character by character. */
void format_text(void (*put)(void *context, char c), void *context, const char *p, va_list args);

/* As the C library's: writes at most size - 1 characters and a zero; returns the length without the limit. */
int vsnprintf(char *to, size_t size, const char *format, va_list args);
int snprintf(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
