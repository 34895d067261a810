/* SPDX-License-Identifier: MIT */
/*
 * The hypercalls. Each handler checks all its arguments before it changes anything. Root memory named by a call is
 * copied once, and only the copy is looked at.
 */
#include "vmm/hypercall.h"

#include "arch/cpu.h"
#include "arch/direct_map.h"
#include "arch/paging.h"
#include "arch/vmcs.h"
#include "kernel/clock.h"
#include "kernel/hypercall_gate.h"
#include "kernel/layout.h"
#include "kernel/log.h"
#include "kernel/page_alloc.h"
#include "kernel/string.h"
#include "vmm/kick.h"
#include "vmm/partition.h"
#include "vmm/switch.h"

struct call {
    struct cpu *cpu;
    uint64_t arg[5];
    uint64_t value;           /* goes to RDX */
    enum hypercall_next next; /* HYPERCALL_DONE unless the handler says otherwise */
};

/* A buffer of the root: RAM that it owns. */
static enum whb_status check_buffer(uint64_t pa, uint64_t size)
{
    if (!layout_is_ram(pa, size) || layout_is_hypervisor(pa, size)) {
        return WHB_ERROR_ACCESS_DENIED;
    }
    return WHB_OK;
}

static enum whb_status reply(struct call *c, uint64_t pa, uint64_t room, const void *data, uint64_t size)
{
    if (room < size) {
        c->value = size;
        return WHB_ERROR_BUFFER_TOO_SMALL;
    }
    enum whb_status status = check_buffer(pa, size);
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
    enum whb_status status = check_buffer(c->arg[1], room);
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
    struct whb_statistics s = {
        .heap_total = pages.total * 4096,
        .heap_free = pages.free * 4096,
        .heap_page_tables = pages.used[PAGE_USE_HOST] * 4096,
        .heap_ept = pages.used[PAGE_USE_EPT] * 4096,
        .heap_partition = pages.used[PAGE_USE_PARTITION] * 4096,
        .heap_vp = pages.used[PAGE_USE_VP] * 4096,
        .heap_failed = pages.failed,
        .cpus = cpu_count,
        .partitions = partition_count(),
        .image_bytes = (uint32_t)memory_layout.image_size,
        .tsc_khz = kernel_tsc_khz,
    };
    return reply(c, c->arg[0], c->arg[1], &s, sizeof(s));
}

static enum whb_status call_audit_mappings(struct call *c)
{
    struct whb_mapping_audit audit;
    memset(&audit, 0, sizeof(audit));
    paging_audit(&audit);
    return reply(c, c->arg[0], c->arg[1], &audit, sizeof(audit));
}

static enum whb_status call_get_capability(struct call *c)
{
    uint8_t value[64];
    uint64_t size;
    enum whb_status status = capability_get(c->arg[0], value, &size);
    return status != WHB_OK ? status : reply(c, c->arg[1], c->arg[2], value, size);
}

static enum whb_status call_partition_create(struct call *c)
{
    return partition_create(&c->value);
}

static enum whb_status call_partition_setup(struct call *c)
{
    return partition_setup(c->arg[0]);
}

static enum whb_status call_partition_delete(struct call *c)
{
    return partition_delete(c->arg[0]);
}

static enum whb_status with_property_get(struct call *c, struct partition *p)
{
    uint8_t value[64];
    uint64_t size;
    enum whb_status status = property_get(p, c->arg[1], value, &size);
    return status != WHB_OK ? status : reply(c, c->arg[2], c->arg[3], value, size);
}

static enum whb_status with_property_set(struct call *c, struct partition *p)
{
    uint8_t value[PROPERTY_VALUE_MAX];
    uint64_t size = c->arg[3];
    if (size > sizeof(value)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    if (size != 0) { /* an empty list needs no buffer */
        enum whb_status status = check_buffer(c->arg[2], size);
        if (status != WHB_OK) {
            return status;
        }
        memcpy(value, phys_to_virt(c->arg[2]), size);
    }
    return property_set(p, c->arg[1], value, size);
}

static enum whb_status with_gpa_map(struct call *c, struct partition *p)
{
    return guest_memory_map(p, c->arg[1], c->arg[2], c->arg[3], c->arg[4]);
}

static enum whb_status with_gpa_unmap(struct call *c, struct partition *p)
{
    return guest_memory_unmap(p, c->arg[1], c->arg[2]);
}

static enum whb_status with_vp_create(struct call *c, struct partition *p)
{
    return vp_create(p, c->arg[1], c->arg[2]);
}

static enum whb_status with_vp_delete(struct call *c, struct partition *p)
{
    return vp_delete(p, c->arg[1]);
}

static enum whb_status with_vp_cancel(struct call *c, struct partition *p)
{
    if (c->arg[1] >= WHB_MAX_VPS) {
        return WHB_ERROR_VP_ABSENT;
    }
    struct vp *vp = __atomic_load_n(&p->vps[c->arg[1]], __ATOMIC_ACQUIRE);
    if (vp == NULL || __atomic_load_n(&vp->owner, __ATOMIC_SEQ_CST) == VP_OWNER_ABSENT) {
        return WHB_ERROR_VP_ABSENT;
    }
    /* The mark first, then who runs it: the runner takes the VP first and then looks at the mark. */
    __atomic_store_n(&vp->cancel, 1, __ATOMIC_SEQ_CST);
    uint32_t owner = __atomic_load_n(&vp->owner, __ATOMIC_SEQ_CST);
    if (owner != VP_OWNER_NONE && owner != VP_OWNER_ABSENT && owner - 1 != c->cpu->index) {
        kick_cpu(cpus[owner - 1]);
    }
    return WHB_OK;
}

static enum whb_status run_status(struct call *c, enum run_result result)
{
    switch (result) {
    case RUN_RECORD:
        return WHB_OK;
    case RUN_BAD_PAGE:
        return WHB_ERROR_INVALID_ARGUMENT;
    case RUN_INIT:
        c->next = HYPERCALL_INIT;
        return WHB_OK;
    case RUN_RESTART:
        break;
    }
    if ((vmcs_readnw(VMCS_GUEST_RFLAGS) & RFLAGS_IF) == 0 && c->cpu->nmi_for_root == 0) {
        return WHB_ERROR_INTERRUPTED;
    }
    c->next = HYPERCALL_AGAIN;
    return WHB_OK;
}

static enum whb_status with_vp_run(struct call *c, struct partition *p)
{
    struct vp *vp;
    enum whb_status status = vp_acquire(p, c->arg[1], &vp);
    if (status != WHB_OK) {
        return status;
    }
    enum run_result result = vp_run(c->cpu, vp);
    vp_release(vp);
    return run_status(c, result);
}

static enum whb_status registers(struct call *c, struct partition *p, bool set)
{
    static struct spinlock lock; /* guards the two arrays, too large for a stack; such calls are rare and short */
    static uint32_t names[WHB_MAX_REGISTERS];
    static uint8_t values[WHB_MAX_REGISTERS][16] __attribute__((aligned(16)));
    uint64_t count = c->arg[4], names_size = count * sizeof(names[0]), values_size = count * sizeof(values[0]);
    if (count == 0 || count > WHB_MAX_REGISTERS) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum whb_status status = check_buffer(c->arg[2], names_size);
    status = status == WHB_OK ? check_buffer(c->arg[3], values_size) : status;
    struct vp *vp;
    status = status == WHB_OK ? vp_acquire(p, c->arg[1], &vp) : status;
    if (status != WHB_OK) {
        return status;
    }
    vp_bring_here(c->cpu, vp);
    spin_lock(&lock);
    memcpy(names, phys_to_virt(c->arg[2]), names_size);
    if (!vp_take_run_page(vp)) {
        status = WHB_ERROR_INVALID_ARGUMENT;
    } else if (set) {
        memcpy(values, phys_to_virt(c->arg[3]), values_size);
        status = vp_registers_set(vp, names, values, (uint32_t)count);
    } else {
        memset(values, 0, values_size);
        status = vp_registers_get(vp, names, values, (uint32_t)count);
        if (status == WHB_OK) {
            memcpy(phys_to_virt(c->arg[3]), values, values_size);
        }
    }
    spin_unlock(&lock);
    switch_to(c->cpu, c->cpu->root_vp);
    vp_release(vp);
    return status;
}

static enum whb_status with_get_registers(struct call *c, struct partition *p)
{
    return registers(c, p, false);
}

static enum whb_status with_set_registers(struct call *c, struct partition *p)
{
    return registers(c, p, true);
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
    [WHB_CALL_PROPERTY_GET] = {.on_partition = with_property_get},
    [WHB_CALL_PROPERTY_SET] = {.on_partition = with_property_set},
    [WHB_CALL_GPA_MAP] = {.on_partition = with_gpa_map},
    [WHB_CALL_GPA_UNMAP] = {.on_partition = with_gpa_unmap},
    [WHB_CALL_VP_CREATE] = {.on_partition = with_vp_create},
    [WHB_CALL_VP_DELETE] = {.on_partition = with_vp_delete},
    [WHB_CALL_VP_RUN] = {.on_partition = with_vp_run},
    [WHB_CALL_VP_CANCEL] = {.on_partition = with_vp_cancel},
    [WHB_CALL_VP_GET_REGISTERS] = {.on_partition = with_get_registers},
    [WHB_CALL_VP_SET_REGISTERS] = {.on_partition = with_set_registers},
};

static enum whb_status dispatch(struct call *c, enum whb_call number)
{
    const struct handler *h = &handlers[number];
    if (h->plain != NULL) {
        return h->plain(c);
    }
    struct partition *p = partition_get(c->arg[0]);
    if (p == NULL) {
        return WHB_ERROR_INVALID_HANDLE;
    }
    enum whb_status status = h->on_partition(c, p);
    partition_put(p);
    return status;
}

enum hypercall_next hypercall_handle(struct cpu *cpu, struct vp *root)
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
    if (c.next == HYPERCALL_DONE) {
        gpr[0] = (uint64_t)status;
        gpr[2] = status == WHB_OK || status == WHB_ERROR_BUFFER_TOO_SMALL ? c.value : 0;
    }
    return c.next;
}
