/* SPDX-License-Identifier: MIT */
#include "arch/cpu/fatal.h"

__attribute__((format(printf, 1, 2), noreturn)) void (*fatal)(const char *format, ...);
uint32_t panicking;
