/* SPDX-License-Identifier: MIT */
/* Which MSR accesses of root and guests go to the processor without an exit: the MSR bitmaps (SDM vol. 3C, 25.6.9). */
#pragma once

#include <stdint.h>

#define MSR_BITMAP_SIZE 4096u

/* All of a guest's accesses exit, except those the list in msr_policy.c lets through. */
void msr_bitmap_guest(uint8_t bitmap[MSR_BITMAP_SIZE]);

/* All of the root's accesses to MSRs of the bitmap's two ranges pass, except those that msr_policy.c keeps back. */
void msr_bitmap_root(uint8_t bitmap[MSR_BITMAP_SIZE]);
