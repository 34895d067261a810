/* SPDX-License-Identifier: MIT */
/* Hypercalls on virtual processors. */
#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "kernel/core/kick.h"
#include "vmm/apic/apic.h"
#include "vmm/hypercall/hypercall_call.h"
#include "vmm/hypercall/vp_life.h"
#include "vmm/registers/vp_registers.h"
#include "vmm/run/apic_exit.h"
#include "vmm/vp/switch.h"
#include "vmm/vp/translate.h"

enum whb_status call_vp_create(struct call *c, struct partition *p)
{
    return vp_create(p, c->arg[1], c->arg[2]);
}

enum whb_status call_vp_delete(struct call *c, struct partition *p)
{
    return vp_delete(p, c->arg[1]);
}

enum whb_status call_vp_cancel(struct call *c, struct partition *p)
{
    struct vp *vp = partition_vp(p, c->arg[1]);
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

enum whb_status call_run_status(struct cpu *cpu, enum run_result result, enum hypercall_next *next)
{
    switch (result) {
    case RUN_RECORD:
        return WHB_OK;
    case RUN_EMULATE:
        return WHB_ERROR_APIC_ACCESS;
    case RUN_BAD_PAGE:
        return WHB_ERROR_INVALID_ARGUMENT;
    case RUN_INIT:
        *next = HYPERCALL_INIT;
        return WHB_OK;
    case RUN_RESTART:
        break;
    }
    if ((vmcs_readnw(VMCS_GUEST_RFLAGS) & RFLAGS_IF) == 0 && cpu->nmi_for_root == 0) {
        return WHB_ERROR_INTERRUPTED;
    }
    *next = HYPERCALL_AGAIN;
    return WHB_OK;
}

enum whb_status call_vp_run(struct call *c, struct partition *p)
{
    enum whb_status status = vp_acquire(p, c->arg[1], &c->run);
    if (status == WHB_OK) {
        c->next = HYPERCALL_RUN;
    }
    return status;
}

/* For calls that work on a VP at rest: owned, its VMCS current, with what the root changed in the run page. */
enum whb_status call_take_vp(struct call *c, struct partition *p, uint64_t index, struct vp **vp)
{
    enum whb_status status = vp_acquire(p, index, vp);
    if (status != WHB_OK) {
        return status;
    }
    vp_bring_here(c->cpu, *vp);
    if (!vp_take_run_page(*vp)) {
        call_give_vp(c, *vp);
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    return WHB_OK;
}

void call_give_vp(struct call *c, struct vp *vp)
{
    switch_to(c->cpu, c->cpu->root_vp);
    vp_release(vp);
}

enum whb_status call_translate_gva(struct call *c, struct partition *p)
{
    struct whb_translation answer;
    struct vp *vp;
    enum whb_status status = call_check_buffer(c->arg[4], sizeof(answer));
    status = status == WHB_OK ? call_take_vp(c, p, c->arg[1], &vp) : status;
    if (status != WHB_OK) {
        return status;
    }
    status = translate_gva(vp, c->arg[2], c->arg[3], &answer);
    call_give_vp(c, vp);
    return status == WHB_OK ? call_reply(c, c->arg[4], sizeof(answer), &answer, sizeof(answer)) : status;
}

/* The compiler's copy of a size that it does not know goes by bytes. */
static void copy_dwords(void *to, const void *from, uint64_t count)
{
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static void copy_qwords(void *to, const void *from, uint64_t count)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static enum whb_status registers(struct call *c, struct partition *p, bool set)
{
    uint32_t *names = call_scratch(c)->registers.names;
    uint8_t(*values)[16] = call_scratch(c)->registers.values;
    uint64_t count = c->arg[4], names_size = count * sizeof(names[0]), values_size = count * sizeof(values[0]);
    if (count == 0 || count > WHB_MAX_REGISTERS) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum whb_status status = call_check_buffer(c->arg[2], names_size);
    status = status == WHB_OK ? call_check_buffer(c->arg[3], values_size) : status;
    struct vp *vp;
    status = status == WHB_OK ? call_take_vp(c, p, c->arg[1], &vp) : status;
    if (status != WHB_OK) {
        return status;
    }
    copy_dwords(names, phys_to_virt(c->arg[2]), count);
    if (set) {
        copy_qwords(values, phys_to_virt(c->arg[3]), 2 * count);
        status = vp_registers_set(vp, names, values, (uint32_t)count);
    } else {
        status = vp_registers_get(vp, names, values, (uint32_t)count);
        if (status == WHB_OK) {
            copy_qwords(phys_to_virt(c->arg[3]), values, 2 * count);
        }
    }
    call_give_vp(c, vp);
    return status;
}

enum whb_status call_get_registers(struct call *c, struct partition *p)
{
    return registers(c, p, false);
}

enum whb_status call_set_registers(struct call *c, struct partition *p)
{
    return registers(c, p, true);
}

enum whb_status call_vp_counters(struct call *c, struct partition *p)
{
    uint8_t set[COUNTERS_MAX];
    uint64_t size;
    struct vp *vp;
    enum whb_status status = vp_acquire(p, c->arg[1], &vp);
    if (status != WHB_OK) {
        return status;
    }
    status = counters_get(vp, c->arg[2], set, &size);
    vp_release(vp);
    return status == WHB_OK ? call_reply(c, c->arg[3], c->arg[4], set, size) : status;
}

enum whb_status call_apic_access(struct call *c, struct partition *p)
{
    struct vp *vp;
    uint64_t offset = c->arg[2];
    if (offset >= 4096 || offset % 16 != 0 || c->arg[3] > 1 || c->arg[4] >> 32 != 0) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum whb_status status = call_take_vp(c, p, c->arg[1], &vp);
    if (status != WHB_OK) {
        return status;
    }
    if (!apic_owns_page(vp, WHB_APIC_PAGE)) {
        status = WHB_ERROR_INVALID_STATE;
    } else if (c->arg[3] == 0) {
        c->value = apic_page_read(vp, (uint32_t)offset);
    } else {
        c->value = apic_page_write(vp, (uint32_t)offset, (uint32_t)c->arg[4]) == EXIT_RECORDED ? WHB_APIC_RECORD : 0;
    }
    call_give_vp(c, vp);
    return status;
}

enum whb_status call_interrupt(struct call *c, struct partition *p)
{
    return apic_request(p, c->arg[1], c->arg[2]);
}
