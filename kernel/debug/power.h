/* SPDX-License-Identifier: MIT */
/* Turning the machine over. */
#pragma once

#include <stdint.h>

/* What a reset clears, physical addresses: the image from the start on, the heap once there is one. */
void power_set_image(uint64_t base);
void power_set_heap(uint64_t base, uint64_t size);

/*
 * Resets the machine: reset register, keyboard controller, triple fault, whichever works. The other CPUs are stopped
 * first, the hypervisor's memory is cleared, and so is the CMOS shutdown byte, by which firmware would go on in code of
 * the root's choice.
 */
_Noreturn void power_reset(void);

/* Called by the CPU that stopped the machine, in an NMI: does not return if power_reset is waiting for it. */
void power_nmi(void);
