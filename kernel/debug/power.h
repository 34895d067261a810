/* SPDX-License-Identifier: MIT */
/* Turning the machine over. */
#pragma once

/*
 * Resets the machine: reset register, keyboard controller, triple fault, whichever works. The other CPUs are stopped
 * first, the hypervisor's memory is cleared, and so is the CMOS shutdown byte, by which firmware would go on in code of
 * the root's choice.
 */
_Noreturn void power_reset(void);

/* Called by the CPU that stopped the machine, in an NMI: does not return if power_reset is waiting for it. */
void power_nmi(void);
