/* SPDX-License-Identifier: MIT */
/* Allocations that fail on purpose, for tests of running out of memory (the option test-calls). */
#pragma once

/* Once, at boot, before the other CPUs start: makes WHB_CALL_FAIL_ALLOCATION work. */
void fail_allocation_enable(void);
