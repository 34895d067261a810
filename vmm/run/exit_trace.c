/* SPDX-License-Identifier: MIT */
#include "vmm/run/exit_trace.h"

void exit_trace_write_no_exit(struct cpu *cpu, const struct vp *vp)
{
    struct trace_raw *entry = trace_ring_next(&cpu->trace);
    trace_ring_commit(&cpu->trace, entry);
    rdtsc_to(&entry->tsc);
    entry->vp = vp->trace_name;
    entry->reason = WHB_TRACE_NO_EXIT;
    entry->qualification = 0;
}
