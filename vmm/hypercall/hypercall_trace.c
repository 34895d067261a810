/* SPDX-License-Identifier: MIT */
/*
 * The exit trace: turning it on and off, and reading it. Each CPU does so for itself. A ring is used by its CPU alone,
 * and a hypercall does not run at the same time as a guest, so nothing needs a lock.
 */
#include "arch/cpu/direct_map.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx.h"
#include "kernel/memory/page_alloc.h"
#include "vmm/hypercall/hypercall_call.h"
#include "vmm/run/trace_ring.h"

static size_t pages_of(uint64_t entries)
{
    return (entries * sizeof(struct trace_raw) + 4095) / 4096;
}

static void turn_off(struct cpu *cpu)
{
    if (cpu->trace.current != NULL) {
        page_free_contiguous(cpu->trace.first, PAGE_USE_TRACE, pages_of(cpu->trace.count));
        cpu->trace.current = NULL;
        vmcs_writenw(VMCS_HOST_RIP, (uintptr_t)vmx_exit_root);
    }
}

enum whb_status call_trace_set(struct call *c)
{
    uint64_t entries = c->arg[0];
    if (entries == 0) {
        turn_off(c->cpu);
        return WHB_OK;
    }
    if (entries < WHB_TRACE_MIN_ENTRIES || entries > WHB_TRACE_MAX_ENTRIES || (entries & (entries - 1)) != 0) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    if (c->cpu->trace.current != NULL) {
        return WHB_ERROR_INVALID_STATE;
    }
    struct trace_raw *ring = page_alloc_contiguous(PAGE_USE_TRACE, pages_of(entries));
    if (ring == NULL) {
        return WHB_ERROR_OUT_OF_MEMORY;
    }
    trace_ring_start(&c->cpu->trace, ring, (uint32_t)entries);
    vmcs_writenw(VMCS_HOST_RIP, (uintptr_t)vmx_exit_root_traced); /* the root's VMCS is current */
    return WHB_OK;
}

enum whb_status call_trace_read(struct call *c)
{
    struct whb_trace_read head;
    struct whb_trace_entry entry;
    const struct exit_trace *trace = &c->cpu->trace;
    uint64_t room = c->arg[2];
    if (room < sizeof(head)) {
        c->value = sizeof(head);
        return WHB_ERROR_BUFFER_TOO_SMALL;
    }
    enum whb_status status = call_check_buffer(c->arg[1], room);
    if (status != WHB_OK) {
        return status;
    }
    if (trace->current == NULL) {
        return WHB_ERROR_INVALID_STATE;
    }
    uint8_t *to = phys_to_virt(c->arg[1]);
    uint64_t fits = (room - sizeof(head)) / sizeof(entry);
    fits = fits > WHB_TRACE_MAX_READ ? WHB_TRACE_MAX_READ : fits;
    uint32_t count = trace_ring_range(trace, c->arg[0], (uint32_t)fits, &head);
    memcpy(to, &head, sizeof(head));
    for (uint32_t i = 0; i < count; i++) {
        trace_ring_entry(trace, head.position + i, &entry);
        memcpy(to + sizeof(head) + i * sizeof(entry), &entry, sizeof(entry));
    }
    c->value = sizeof(head) + count * sizeof(entry);
    return WHB_OK;
}
