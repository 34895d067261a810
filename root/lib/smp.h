/* SPDX-License-Identifier: MIT */
/* The root's CPUs (root VPs): starting them and giving them work. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/handoff.h"

#define ROOT_MAX_CPUS 64u

/* Index of the calling CPU; 0 is the first. */
uint32_t root_cpu(void);
/* CPUs that take work. */
uint32_t root_cpu_count(void);

/* Starts all CPUs of the hand-off by INIT and SIPI. Those that do not come up are left out with a line on the console.
 */
void smp_start(const struct whb_handoff *handoff);

/* Sends INIT and SIPI to one CPU, which then waits for work as after smp_start. False: it did not come back. */
bool smp_restart(uint32_t cpu);

/* Lets `cpu`, not the calling one, run fn(arg); it must have finished what it had. */
void root_run_on(uint32_t cpu, void (*fn)(void *), void *arg);
/* Waits until `cpu` has finished; false: it has not after `ticks` of the TSC. */
bool root_wait(uint32_t cpu, uint64_t ticks);
