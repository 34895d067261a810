/* SPDX-License-Identifier: MIT */
#include "arch/cpu/percpu.h"

struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count;
