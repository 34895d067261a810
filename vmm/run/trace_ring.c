/* SPDX-License-Identifier: MIT */
#include "vmm/run/trace_ring.h"

void trace_ring_start(struct exit_trace *trace, struct trace_raw *entries, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        entries[i].next = &entries[i + 1 < count ? i + 1 : 0];
    }
    trace->first = entries;
    trace->count = count;
    trace->current = &entries[count - 1];
    trace->written = 0;
}

uint32_t trace_ring_range(const struct exit_trace *trace, uint64_t position, uint32_t room, struct whb_trace_read *head)
{
    uint64_t written = trace->written, size = trace->count;
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
    const struct trace_raw *raw = &trace->first[position % trace->count];
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
