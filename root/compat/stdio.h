/* SPDX-License-Identifier: MIT */
/* The output functions of the C library, on the root's console. root_printf says which conversions there are. */
#pragma once

#include <stddef.h>

#include "root/lib/console.h"

/* Number of characters is not counted: they return 0. */
int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int puts(const char *text);
int putchar(int c);
