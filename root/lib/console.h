/* SPDX-License-Identifier: MIT */
/* The root's console: the serial port that the hypervisor uses too. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "root/lib/format_text.h"

/* `port` 0: no console, everything is dropped. */
void console_init(uint16_t port);

/* All of FORMAT_SYSTEM_V (root/lib/format_text.h). Safe on all CPUs; a call's text stays together. */
void root_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void root_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* The same in a dialect of root/lib/format_text.h; returns the number of characters. */
int console_format(enum format_dialect dialect, const char *format, va_list args);
void console_write(const char *bytes, size_t size);
/* As they are: a terminal's bytes, whose line ends have their CR. */
void console_write_raw(const uint8_t *bytes, size_t size);

/*
 * A program's own text among what others write, from a line's begin: all that is added between begin and end stays
 * together. Not to be nested, and nothing else of this file is called between the two.
 */
void console_begin(void);
void console_add(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_end(void);
void root_message(const char *format, ...) __attribute__((format(printf, 1, 2))); /* the three in one */

/* Whether the last byte ended a line. */
bool console_at_line_start(void);

/* Waits until the last byte is out. */
void console_drain(void);
