/* SPDX-License-Identifier: MIT */
/* The root's console: the serial port that the hypervisor uses too. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* `port` 0: no console, everything is dropped. */
void console_init(uint16_t port);

/* %s %c %d %u %x %llu %llx %lu %lx %zu %p, width, `-` and `0`. Safe on all CPUs; a call's text stays together. */
void root_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits until the last byte is out. */
void console_drain(void);
