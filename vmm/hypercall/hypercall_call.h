/* SPDX-License-Identifier: MIT */
/* A hypercall in progress, and the handlers by topic. Each checks all its arguments before it changes anything. */
#pragma once

#include "abi/hypercall.h"
#include "arch/cpu/percpu.h"
#include "vmm/hypercall/hypercall.h"
#include "vmm/partition/partition.h"
#include "vmm/registers/vp_state.h"
#include "vmm/vp/vp.h"

struct call {
    struct cpu *cpu;
    uint64_t arg[5];
    uint64_t value;           /* goes to RDX */
    enum hypercall_next next; /* HYPERCALL_DONE unless the handler says otherwise */
    struct vp *run;           /* with HYPERCALL_RUN */
};

/*
 * Copies that are too large for a stack. A CPU makes one call at a time, with interrupts off, and a spin in it serves
 * others without calls: so what is this CPU's is the call's.
 */
union call_scratch {
    struct {
        uint8_t values[WHB_MAX_REGISTERS][16];
        uint32_t names[WHB_MAX_REGISTERS];
    } registers;
    struct {
        uint8_t block[VP_STATE_MAX] __attribute__((aligned(64)));
        uint8_t image[VP_STATE_MAX] __attribute__((aligned(64)));
    } state;
    uint8_t property[PROPERTY_VALUE_MAX];
    struct whb_extent extents[WHB_MAP_EXTENTS];
};

static inline union call_scratch *call_scratch(const struct call *c)
{
    return c->cpu->call_scratch;
}

/* vmm/hypercall/hypercall_vp.c: what VP_RUN answers. */
enum whb_status call_run_status(struct cpu *cpu, enum run_result result, enum hypercall_next *next);

/* WHB_OK: a buffer of the root, RAM that it owns. */
enum whb_status call_check_buffer(uint64_t pa, uint64_t size);

/* Copies the root's buffer of `size` bytes; WHB_OK only if all of it may be read. */
enum whb_status call_fetch(uint64_t pa, void *to, uint64_t size);

/* Answers with `size` bytes, or with WHB_ERROR_BUFFER_TOO_SMALL and the size. */
enum whb_status call_reply(struct call *c, uint64_t pa, uint64_t room, const void *data, uint64_t size);

/* vmm/hypercall/hypercall_partition.c */
enum whb_status call_get_capability(struct call *c);
enum whb_status call_partition_create(struct call *c);
enum whb_status call_partition_setup(struct call *c);
enum whb_status call_partition_delete(struct call *c);
enum whb_status call_property_get(struct call *c, struct partition *p);
enum whb_status call_property_set(struct call *c, struct partition *p);
enum whb_status call_time_suspend(struct call *c, struct partition *p);
enum whb_status call_time_resume(struct call *c, struct partition *p);
enum whb_status call_partition_reset(struct call *c, struct partition *p);

/* vmm/hypercall/fail_allocation.c */
enum whb_status call_fail_allocation(struct call *c);

/* vmm/hypercall/hypercall_memory.c */
enum whb_status call_gpa_map(struct call *c, struct partition *p);
enum whb_status call_gpa_unmap(struct call *c, struct partition *p);

enum whb_status call_gpa_protect(struct call *c, struct partition *p);
enum whb_status call_gpa_dirty(struct call *c, struct partition *p);
enum whb_status call_gpa_read(struct call *c, struct partition *p);
enum whb_status call_gpa_write(struct call *c, struct partition *p);
enum whb_status call_doorbell_add(struct call *c, struct partition *p);
enum whb_status call_doorbell_remove(struct call *c, struct partition *p);
enum whb_status call_posted_add(struct call *c, struct partition *p);
enum whb_status call_posted_remove(struct call *c, struct partition *p);

/* vmm/hypercall/hypercall_counters.c */
enum whb_status call_partition_counters(struct call *c, struct partition *p);

/* vmm/hypercall/hypercall_vp.c */
enum whb_status call_take_vp(struct call *c, struct partition *p, uint64_t index, struct vp **vp);
void call_give_vp(struct call *c, struct vp *vp);
enum whb_status call_translate_gva(struct call *c, struct partition *p);
enum whb_status call_interrupt(struct call *c, struct partition *p);
enum whb_status call_apic_access(struct call *c, struct partition *p);
enum whb_status call_vp_counters(struct call *c, struct partition *p);
enum whb_status call_state_get(struct call *c, struct partition *p);
enum whb_status call_state_set(struct call *c, struct partition *p);
enum whb_status call_vp_create(struct call *c, struct partition *p);
enum whb_status call_vp_delete(struct call *c, struct partition *p);
enum whb_status call_vp_cancel(struct call *c, struct partition *p);
enum whb_status call_vp_run(struct call *c, struct partition *p);
enum whb_status call_get_registers(struct call *c, struct partition *p);
enum whb_status call_set_registers(struct call *c, struct partition *p);

/* vmm/hypercall/hypercall_cpuid.c */
enum whb_status call_cpuid_output(struct call *c, struct partition *p);

/* vmm/hypercall/hypercall_trace.c */
enum whb_status call_trace_set(struct call *c);
enum whb_status call_trace_read(struct call *c);

/* vmm/hypercall/hypercall_counts.c */
enum whb_status call_instruction_counts(struct call *c);
