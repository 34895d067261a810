/* SPDX-License-Identifier: MIT */
/* The machine's own clock. */
#pragma once

#include <stdint.h>

/* Seconds since 1970-01-01, if the clock keeps UTC; 0: it has no date. */
uint64_t cmos_seconds(void);
