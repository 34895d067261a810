/* SPDX-License-Identifier: MIT */
/*
 * The hypercalls. Each handler checks all its arguments before it changes anything. Root memory named by a call is
 * copied once, and only the copy is looked at.
 */
#include "arch/cpu/nospec.h"
#include "vmm/hypercall/hypercall_call.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "kernel/core/clock.h"
#include "kernel/core/hypercall_gate.h"
#include "kernel/debug/log.h"
#include "kernel/memory/layout.h"
#include "kernel/memory/page_alloc.h"
#include "kernel/memory/paging.h"
#include "vmm/cpu/vmm_state.h"

#define SCRATCH_PAGES 4u
_Static_assert(sizeof(union call_scratch) <= SCRATCH_PAGES * 4096, "what hypercall_init_cpu takes");

bool hypercall_init_cpu(struct cpu *cpu)
{
    cpu->call_scratch = page_alloc_contiguous(PAGE_USE_HOST, SCRATCH_PAGES);
    return cpu->call_scratch != NULL;
}

/* A buffer of the root: RAM that it owns. */
enum whb_status call_check_buffer(uint64_t pa, uint64_t size)
{
    if (!layout_is_ram(pa, size) || layout_is_hypervisor(pa, size)) {
        return WHB_ERROR_ACCESS_DENIED;
    }
    speculation_barrier(); /* before anything at `pa` is looked at */
    return WHB_OK;
}

enum whb_status call_fetch(uint64_t pa, void *to, uint64_t size)
{
    enum whb_status status = call_check_buffer(pa, size);
    if (status == WHB_OK) {
        memcpy(to, phys_to_virt(pa), size);
    }
    return status;
}

enum whb_status call_reply(struct call *c, uint64_t pa, uint64_t room, const void *data, uint64_t size)
{
    if (room < size) {
        c->value = size;
        return WHB_ERROR_BUFFER_TOO_SMALL;
    }
    enum whb_status status = call_check_buffer(pa, size);
    if (status == WHB_OK) {
        memcpy(phys_to_virt(pa), data, size);
        c->value = size;
    }
    return status;
}

static enum whb_status call_version(struct call *c)
{
    c->value = (WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR;
    return WHB_OK;
}

static enum whb_status call_log_read(struct call *c)
{
    struct whb_log_read header;
    uint64_t room = c->arg[2];
    if (room < sizeof(header)) {
        c->value = sizeof(header);
        return WHB_ERROR_BUFFER_TOO_SMALL;
    }
    enum whb_status status = call_check_buffer(c->arg[1], room);
    if (status != WHB_OK) {
        return status;
    }
    uint8_t *to = phys_to_virt(c->arg[1]);
    c->value = log_ring_read(c->arg[0], to + sizeof(header), room - sizeof(header), &header.position);
    memcpy(to, &header, sizeof(header));
    return WHB_OK;
}

static enum whb_status call_statistics(struct call *c)
{
    struct page_stats pages;
    page_alloc_stats(&pages);
    uint64_t root_map = page_account_used(PAGE_ACCOUNT_ROOT_MAP);
    struct whb_statistics s = {
        .heap_total = pages.total * 4096,
        .heap_free = pages.free * 4096,
        .heap_page_tables = pages.used[PAGE_USE_HOST] * 4096,
        .heap_ept = (pages.used[PAGE_USE_EPT] - root_map) * 4096,
        .heap_partition = pages.used[PAGE_USE_PARTITION] * 4096,
        .heap_vp = pages.used[PAGE_USE_VP] * 4096,
        .heap_failed = pages.failed,
        .cpus = cpu_count,
        .partitions = partition_count(),
        .image_bytes = (uint32_t)memory_layout.image_size,
        .tsc_khz = kernel_tsc_khz,
        .heap_root_map = root_map * 4096,
        .heap_trace = pages.used[PAGE_USE_TRACE] * 4096,
    };
    return call_reply(c, c->arg[0], c->arg[1], &s, sizeof(s));
}

static enum whb_status call_audit_mappings(struct call *c)
{
    struct whb_mapping_audit audit;
    memset(&audit, 0, sizeof(audit));
    paging_audit(&audit);
    audit.boot_mtrrs = mtrr_unchanged(&vmm.mtrrs);
    return call_reply(c, c->arg[0], c->arg[1], &audit, sizeof(audit));
}

/* Calls on the hypervisor, and calls on a partition, which is looked up and held for them. */
struct handler {
    enum whb_status (*plain)(struct call *c);
    enum whb_status (*on_partition)(struct call *c, struct partition *p);
};

static const struct handler handlers[WHB_CALL_COUNT] = {
    [WHB_CALL_VERSION] = {.plain = call_version},
    [WHB_CALL_LOG_READ] = {.plain = call_log_read},
    [WHB_CALL_STATISTICS] = {.plain = call_statistics},
    [WHB_CALL_AUDIT_MAPPINGS] = {.plain = call_audit_mappings},
    [WHB_CALL_GET_CAPABILITY] = {.plain = call_get_capability},
    [WHB_CALL_PARTITION_CREATE] = {.plain = call_partition_create},
    [WHB_CALL_PARTITION_SETUP] = {.plain = call_partition_setup},
    [WHB_CALL_PARTITION_DELETE] = {.plain = call_partition_delete},
    [WHB_CALL_PROPERTY_GET] = {.on_partition = call_property_get},
    [WHB_CALL_PROPERTY_SET] = {.on_partition = call_property_set},
    [WHB_CALL_GPA_MAP] = {.on_partition = call_gpa_map},
    [WHB_CALL_GPA_UNMAP] = {.on_partition = call_gpa_unmap},
    [WHB_CALL_GPA_PROTECT] = {.on_partition = call_gpa_protect},
    [WHB_CALL_GPA_DIRTY] = {.on_partition = call_gpa_dirty},
    [WHB_CALL_GPA_READ] = {.on_partition = call_gpa_read},
    [WHB_CALL_GPA_WRITE] = {.on_partition = call_gpa_write},
    [WHB_CALL_PARTITION_COUNTERS] = {.on_partition = call_partition_counters},
    [WHB_CALL_DOORBELL_ADD] = {.on_partition = call_doorbell_add},
    [WHB_CALL_DOORBELL_REMOVE] = {.on_partition = call_doorbell_remove},
    [WHB_CALL_VP_CREATE] = {.on_partition = call_vp_create},
    [WHB_CALL_VP_DELETE] = {.on_partition = call_vp_delete},
    [WHB_CALL_VP_RUN] = {.on_partition = call_vp_run},
    [WHB_CALL_VP_CANCEL] = {.on_partition = call_vp_cancel},
    [WHB_CALL_VP_GET_REGISTERS] = {.on_partition = call_get_registers},
    [WHB_CALL_VP_STATE_GET] = {.on_partition = call_state_get},
    [WHB_CALL_VP_STATE_SET] = {.on_partition = call_state_set},
    [WHB_CALL_VP_COUNTERS] = {.on_partition = call_vp_counters},
    [WHB_CALL_TIME_SUSPEND] = {.on_partition = call_time_suspend},
    [WHB_CALL_TIME_RESUME] = {.on_partition = call_time_resume},
    [WHB_CALL_PARTITION_RESET] = {.on_partition = call_partition_reset},
    [WHB_CALL_INTERRUPT] = {.on_partition = call_interrupt},
    [WHB_CALL_TRANSLATE_GVA] = {.on_partition = call_translate_gva},
    [WHB_CALL_VP_SET_REGISTERS] = {.on_partition = call_set_registers},
    [WHB_CALL_CPUID_OUTPUT] = {.on_partition = call_cpuid_output},
    [WHB_CALL_FAIL_ALLOCATION] = {.plain = call_fail_allocation},
    [WHB_CALL_POSTED_ADD] = {.on_partition = call_posted_add},
    [WHB_CALL_POSTED_REMOVE] = {.on_partition = call_posted_remove},
    [WHB_CALL_APIC_ACCESS] = {.on_partition = call_apic_access},
    [WHB_CALL_TRACE_SET] = {.plain = call_trace_set},
    [WHB_CALL_TRACE_READ] = {.plain = call_trace_read},
    [WHB_CALL_INSTRUCTION_COUNTS] = {.plain = call_instruction_counts},
};

static enum whb_status dispatch(struct call *c, enum whb_call number)
{
    const struct handler *h = &handlers[number];
    if (h->plain != NULL) {
        return h->plain(c);
    }
    if (h->on_partition == NULL) {
        return WHB_ERROR_UNKNOWN_CALL;
    }
    struct partition *p = partition_get(c->arg[0]);
    if (p == NULL) {
        return WHB_ERROR_INVALID_HANDLE;
    }
    enum whb_status status = h->on_partition(c, p);
    if (c->next != HYPERCALL_RUN) {
        partition_put(p); /* a run gives it back when it ends */
    }
    return status;
}

static void answer(const struct call *c, uint64_t *gpr, enum whb_status status)
{
    if (c->next == HYPERCALL_DONE) {
        gpr[0] = (uint64_t)status;
        gpr[2] = status == WHB_OK || status == WHB_ERROR_BUFFER_TOO_SMALL ? c->value : 0;
    }
}

enum hypercall_next hypercall_handle(struct cpu *cpu, struct vp *root, struct vp **run)
{
    uint64_t *gpr = root->gpr;
    if (!gate_check_mode(vmcs_read32(VMCS_GUEST_SS_ACCESS), vmcs_read32(VMCS_GUEST_CS_ACCESS),
                         vmcs_read32(VMCS_ENTRY_CONTROLS))) {
        return HYPERCALL_REFUSED;
    }
    struct call c = {.cpu = cpu, .arg = {gpr[7], gpr[6], gpr[2], gpr[1], gpr[8]}, .next = HYPERCALL_DONE};
    enum whb_call number;
    enum whb_status status = gate_check_call(gpr[0], &number);
    if (status == WHB_OK) {
        status = dispatch(&c, number);
    }
    answer(&c, gpr, status);
    *run = c.run;
    return c.next;
}

enum hypercall_next hypercall_run_ended(struct cpu *cpu, struct vp *root, enum run_result result)
{
    enum hypercall_next next = HYPERCALL_DONE;
    enum whb_status status = call_run_status(cpu, result, &next);
    if (next == HYPERCALL_DONE) {
        root->gpr[0] = (uint64_t)status;
        root->gpr[2] = 0;
    }
    return next;
}
