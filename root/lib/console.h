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
/* Whether the last byte ended a line. */
bool console_at_line_start(void);

/* Waits until the last byte is out. */
void console_drain(void);
