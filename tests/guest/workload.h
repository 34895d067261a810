/* SPDX-License-Identifier: MIT */
/* What the parts of the workload share. */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define MAX_CPUS 64

extern int workload_cpus;

/* One line about a part; the text says what was expected and what came. */
void workload_part(const char *name, bool good, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The calling thread runs on this CPU from now on. Ends the process where that is not possible. */
void workload_pin(int cpu);

uint64_t workload_now(clockid_t clock); /* ns */

/* How many of `count` children did not end with status 0. */
int workload_wait(int count);

void workload_processes(void);
void workload_threads(void);
void workload_time(void);
void workload_registers(void);
