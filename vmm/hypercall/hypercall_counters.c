/* SPDX-License-Identifier: MIT */
/* Hypercalls that read counters. */
#include "vmm/hypercall/hypercall_call.h"

enum whb_status call_partition_counters(struct call *c, struct partition *p)
{
    WHV_PARTITION_MEMORY_COUNTERS memory;
    if (c->arg[1] != WHvPartitionCounterSetMemory) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    guest_memory_counters(p, &memory);
    return call_reply(c, c->arg[2], c->arg[3], &memory, sizeof(memory));
}
