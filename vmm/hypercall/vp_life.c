/* SPDX-License-Identifier: MIT */
#include "vmm/hypercall/vp_life.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/nospec.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "kernel/memory/layout.h"
#include "vmm/apic/apic.h"
#include "vmm/cpu/mitigate.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/io_event/posted.h"
#include "vmm/partition/partition.h"
#include "vmm/vp/evict.h"
#include "vmm/vp/switch.h"

#define APIC_BASE_RESET 0xfee00800ull /* enabled, at the usual place */

static void free_pages(struct vp *vp)
{
    void **pages[] = {&vp->vmcs, &vp->virtual_apic, &vp->extended_state};
    for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (*pages[i] != NULL) {
            page_free(*pages[i], PAGE_USE_VP);
            *pages[i] = NULL;
        }
    }
}

static bool allocate_pages(struct vp *vp, uint32_t account)
{
    vp->vmcs = page_alloc_for(account, PAGE_USE_VP);
    vp->virtual_apic = page_alloc_for(account, PAGE_USE_VP);
    vp->extended_state = page_alloc_for(account, PAGE_USE_VP);
    return vp->vmcs != NULL && vp->virtual_apic != NULL && vp->extended_state != NULL &&
           vmcs_prepare(&vmm.caps, vp->vmcs);
}

/* The VMCS and the run page of a VP whose other state is that after reset. */
static void start_over(struct vp *vp)
{
    struct cpu *cpu = this_cpu();
    struct whb_run_page *run = vp->run;
    switch_fpu_reset(vp);
    vp_bring_here(cpu, vp);
    vmcs_setup_controls(vp, &vmm.guest_controls, vp->partition->eptp, vmm.guest_msr_bitmap);
    vmcs_setup_reset(vp);
    apic_start(vp);
    switch_to(cpu, cpu->root_vp);
    run->rip = 0xfff0;
    run->rflags = RFLAGS_FIXED;
    run->valid = WHB_RUN_ALL;
    run->dirty = 0;
    run->sequence = 0;
    posted_clear(vp);
}

static void initialise(struct vp *vp, struct partition *p, uint32_t index, struct whb_run_page *run)
{
    void *pages[] = {vp->vmcs, vp->virtual_apic, vp->extended_state};
    /* All but the owner word, which other CPUs test at any time. */
    memset(&vp->cancel, 0, sizeof(*vp) - offsetof(struct vp, cancel));
    vp->vmcs = pages[0];
    vp->vmcs_pa = virt_to_phys(pages[0]);
    vp->virtual_apic = pages[1];
    vp->extended_state = pages[2];
    vp->index = index;
    vp->trace_name = p->handle << 16 | index;
    vp->vpid = (uint16_t)(1 + p->slot * WHB_MAX_VPS + index);
    vp->partition = p;
    vp->run = run;
    vp->gpr = run->gpr;
    vp->apic_base = APIC_BASE_RESET | (index == 0 ? 1ull << 8 : 0);
    vp->tsc_offset = p->tsc_offset - p->paused_ticks;
    vp->paused_seen = p->paused_ticks;
    vp->xcr0 = XCR0_X87;
    vp->timer_due = TIMER_NEVER;
    cpuid_cache_forget(&vp->cpuid);
    vp_pend_while(vp, PENDING_MITIGATE, mitigate_entries());
    vp_pend(vp, PENDING_POLICY); /* for what changes from here on, and what the VMCS has not taken yet */
    start_over(vp);
}

void vp_reset(struct vp *vp)
{
    struct cpu *cpu = this_cpu();
    if (vp->loaded_on == cpu) {
        vp_flush_here(cpu, vp);
    } else if (vp->loaded_on != NULL) {
        vp_evict(vp);
    }
    memset(vp->virtual_apic, 0, 4096);
    initialise(vp, vp->partition, vp->index, vp->run);
}

/*
 * With the partition's lock. A VP that was deleted leaves its struct, whose owner other CPUs may look at meanwhile; a
 * new struct becomes reachable when all of it is ready, so that a failure leaves nothing behind.
 */
static enum whb_status create_locked(struct partition *p, uint32_t index, struct whb_run_page *run)
{
    struct vp *before = p->vps[index];
    if (before != NULL && __atomic_load_n(&before->owner, __ATOMIC_SEQ_CST) != VP_OWNER_ABSENT) {
        return WHB_ERROR_VP_EXISTS;
    }
    struct vp *vp = before != NULL ? before : page_alloc_for(partition_account(p), PAGE_USE_VP);
    if (vp == NULL) {
        return WHB_ERROR_OUT_OF_MEMORY;
    }
    if (!allocate_pages(vp, partition_account(p))) {
        free_pages(vp);
        page_free(before == NULL ? vp : NULL, PAGE_USE_VP);
        return WHB_ERROR_OUT_OF_MEMORY;
    }
    initialise(vp, p, index, run);
    vp_release(vp);
    __atomic_store_n(&p->vps[index], vp, __ATOMIC_RELEASE);
    return WHB_OK;
}

enum whb_status vp_create(struct partition *p, uint64_t index, uint64_t run_page_pa)
{
    if (!p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    if (index >= p->processor_count || (run_page_pa & 4095) != 0) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    if (!layout_is_ram(run_page_pa, 4096) || layout_is_hypervisor(run_page_pa, 4096)) {
        return WHB_ERROR_ACCESS_DENIED;
    }
    spin_lock(&p->lock);
    enum whb_status status = create_locked(p, (uint32_t)index_nospec(index, WHB_MAX_VPS), phys_to_virt(run_page_pa));
    spin_unlock(&p->lock);
    return status;
}

/* The VP is owned by this CPU or out of everybody's reach. */
static void dismantle(struct vp *vp)
{
    vp_take_from_others(vp);
    if (vp->loaded_on != NULL) {
        vp_flush_here(vp->loaded_on, vp);
    }
    free_pages(vp);
}

enum whb_status vp_delete(struct partition *p, uint64_t index)
{
    struct vp *vp;
    enum whb_status status = vp_acquire(p, index, &vp);
    if (status != WHB_OK) {
        return status;
    }
    vp_take_from_others(vp);
    spin_lock(&p->lock);
    dismantle(vp);
    __atomic_store_n(&vp->owner, VP_OWNER_ABSENT, __ATOMIC_SEQ_CST);
    spin_unlock(&p->lock);
    return WHB_OK;
}

void vp_destroy(struct vp *vp)
{
    if (vp->owner != VP_OWNER_ABSENT) {
        dismantle(vp);
    }
    page_free(vp, PAGE_USE_VP);
}
