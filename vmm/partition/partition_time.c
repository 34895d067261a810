/* SPDX-License-Identifier: MIT */
#include "vmm/partition/partition_time.h"

#include "kernel/core/clock.h"

uint64_t partition_time_100ns(uint64_t ticks)
{
    if (kernel_tsc_khz == 0) {
        return 0;
    }
    uint64_t per_ms = kernel_tsc_khz;
    return ticks / per_ms * 10000 + ticks % per_ms * 10000 / per_ms;
}

uint64_t partition_time_reference(struct partition *p)
{
    uint64_t paused = __atomic_load_n(&p->paused_ticks, __ATOMIC_RELAXED);
    return partition_time_100ns(partition_time_host(p) + p->tsc_offset - paused);
}
