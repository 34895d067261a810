/* SPDX-License-Identifier: MIT */
/* The root's console: the serial port that the hypervisor uses too. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* `port` 0: no console, everything is dropped. */
void console_init(uint16_t port);

/* %s %c %d %u %x %llu %llx %lu %lx %zu %p, width, `-` and `0`. Safe on all CPUs; a call's text stays together. */
void root_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void root_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Waits until the last byte is out. */
void console_drain(void);
