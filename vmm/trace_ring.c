/* SPDX-License-Identifier: MIT */
#include "vmm/trace_ring.h"

void trace_ring_start(struct exit_trace *trace, struct trace_raw *entries, uint32_t count)
{
    trace->first = entries;
    trace->next = entries;
    trace->end = entries + count;
    trace->current = trace->end - 1;
    trace->laps = 0;
}

uint64_t trace_ring_written(const struct exit_trace *trace)
{
    return trace->laps * trace_ring_size(trace) + (uint64_t)(trace->next - trace->first);
}

uint32_t trace_ring_range(const struct exit_trace *trace, uint64_t position, uint32_t room, struct whb_trace_read *head)
{
    uint64_t written = trace_ring_written(trace), size = trace_ring_size(trace);
    uint64_t lost = written > size ? written - size : 0;
    position = position < lost ? lost : position;
    position = position > written ? written : position;
    head->position = position;
    head->written = written;
    head->lost = lost;
    return written - position < room ? (uint32_t)(written - position) : room;
}

void trace_ring_entry(const struct exit_trace *trace, uint64_t position, struct whb_trace_entry *to)
{
    const struct trace_raw *raw = &trace->first[position % trace_ring_size(trace)];
    uint64_t begin = raw->tsc; /* of the hypervisor's last turn */
    *to = (struct whb_trace_entry){
        .tsc = raw->tsc, .vp = raw->vp, .qualification = raw->qualification, .reason = raw->reason};
    if (raw->left >= raw->tsc) {
        to->hypervisor_ticks = raw->left - raw->tsc;
        if (raw->returned < raw->left) {
            return;
        }
        to->root_ticks = raw->returned - raw->left;
        begin = raw->returned;
    }
    if (raw->entered >= begin) {
        to->hypervisor_ticks += raw->entered - begin;
    }
}
