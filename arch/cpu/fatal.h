/* SPDX-License-Identifier: MIT */
/* The end of the machine, for layers below the one that reports it (kernel/debug/panic.h). */
#pragma once

#include <stdint.h>

/* panic(), set before anything else runs. */
extern __attribute__((format(printf, 1, 2), noreturn)) void (*fatal)(const char *format, ...);

/* Nonzero once a CPU has begun to stop the machine. */
extern uint32_t panicking;
