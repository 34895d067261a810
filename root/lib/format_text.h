/* SPDX-License-Identifier: MIT */
/*
 * Text from a format, as C11 7.21.6.1 has it: flags - + space # 0, width and precision (also *), sizes hh h l ll j z t
 * L, and of Windows I I32 I64 w; conversions d i u o x X c s p % f F e E g G, C and S (ls) for UTF-16 text, which comes
 * out as UTF-8. %n and %a are not there: %n takes its argument and writes nothing, what is not known appears as it
 * stands.
 *
 * Floating point values are formatted exactly, by integer arithmetic: no SSE or x87 register is used, so that this also
 * runs in an interrupt handler.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum format_dialect {
    FORMAT_SYSTEM_V = 0,     /* l is 64 bits; %p is hexadecimal without a prefix */
    FORMAT_WINDOWS = 1,      /* l is 32 bits; %p is 16 hexadecimal digits, capital letters */
    FORMAT_WINDOWS_WIDE = 2, /* the same, of the wprintf family: %s and %c are UTF-16, %S and %C are not */
};

/* Gives the text to `put` character by character; returns how many. */
int format_text_as(enum format_dialect dialect, void (*put)(void *context, char c), void *context, const char *format,
                   va_list args);
/* In FORMAT_SYSTEM_V. */
int format_text(void (*put)(void *context, char c), void *context, const char *format, va_list args);

/* Writes at most size - 1 characters and a zero; returns the length without the limit. */
int format_buffer(enum format_dialect dialect, char *to, size_t size, const char *format, va_list args);
