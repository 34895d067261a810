/* SPDX-License-Identifier: MIT */
/* Text formatting without allocation and without floating point. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/*
 * Understands %s %c %d %i %u %x %X %p %%, the flags 0 - #, a width, the lengths l ll z, and a precision for %s (a
 * number or *: the most bytes it reads). A null %s prints "(null)". From the first conversion it does not know, the
 * rest of `fmt` is copied as it stands, because the types of the remaining arguments are then unknown.
 *
 * Writes at most `size` bytes including the terminating NUL, which is always written unless `size` is 0. Returns the
 * number of characters stored without the NUL, so it is always less than a nonzero `size`; longer text is cut.
 */
size_t format_string(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t format_vstring(char *buf, size_t size, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));
