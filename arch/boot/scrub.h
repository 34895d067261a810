/* SPDX-License-Identifier: MIT */
/* The last instructions of the hypervisor. */
#pragma once

#include <stdint.h>

/*
 * Clears the heap and the image, whose physical addresses are given, all but this function's own code and the early
 * page tables; writes it back to memory, and resets the machine: reset register, keyboard controller, triple fault,
 * whichever works, `ticks` of the TSC apart. Nothing else may run in the machine, and NMIs must be blocked.
 */
_Noreturn void scrub_and_reset(uint64_t heap, uint64_t heap_size, uint64_t image, uint64_t ticks);
