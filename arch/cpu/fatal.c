/* SPDX-License-Identifier: MIT */
#include "arch/cpu/fatal.h"

void (*fatal)(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
uint32_t panicking;
