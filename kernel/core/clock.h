/* SPDX-License-Identifier: MIT */
/* The time stamp counter as a clock for start-up delays. */
#pragma once

#include <stdint.h>

/* TSC frequency in kHz, measured at boot to about one part in a hundred; 0: not known. */
extern uint32_t kernel_tsc_khz;

/* Measures kernel_tsc_khz against the PIT in 10 ms, or takes CPUID's word where there is no PIT. */
void clock_init(void);

/* Waits at least this long; where the frequency is not known, a time that is long enough up to 5 GHz. */
void clock_delay_us(uint32_t microseconds);
