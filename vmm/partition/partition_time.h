/* SPDX-License-Identifier: MIT */
/* A partition's time, which stands still while it is suspended (vmm/vp/vp_time.h does that). */
#pragma once

#include <stdint.h>

#include "arch/cpu/cpu.h"
#include "vmm/partition/partition.h"

/* The host's TSC as the partition's time goes by: it stops when that is suspended. */
static inline uint64_t partition_time_host(const struct partition *p)
{
    return __atomic_load_n(&p->suspended, __ATOMIC_ACQUIRE) != 0 ? p->suspended_at : rdtsc();
}

/* Time since set-up or reset, less what it was suspended, in units of 100 ns; 0 if the TSC's frequency is not known. */
uint64_t partition_time_reference(struct partition *p);

/* Ticks of the TSC in units of 100 ns. */
uint64_t partition_time_100ns(uint64_t ticks);
