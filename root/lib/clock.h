/* SPDX-License-Identifier: MIT */
/* The calling CPU's alarm, by its local APIC's timer. */
#pragma once

#include <stdint.h>

/* Once, on the first CPU, after memory_init. `tsc_khz` as in the hand-off. `alarm` runs in the interrupt handler. */
void clock_init(uint32_t tsc_khz, void (*alarm)(void));

/* kHz of the TSC; measured if the hand-off did not know it. */
uint32_t clock_tsc_khz(void);

/* This CPU's alarm comes when its TSC has reached `tsc`, or soon after; at once if it has. UINT64_MAX: no alarm. */
void clock_alarm(uint64_t tsc);
