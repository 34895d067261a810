/* SPDX-License-Identifier: MIT */
/* Who has a guest VP, and which CPU has it loaded. */
#include "vmm/vp/vp.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/partition/partition.h"
#include "vmm/vp/evict.h"
#include "vmm/vp/switch.h"

void vp_release(struct vp *vp)
{
    lock_check_forget(HELD_VP);
    __atomic_store_n(&vp->owner, VP_OWNER_NONE, __ATOMIC_SEQ_CST);
}

enum whb_status vp_acquire(struct partition *p, uint64_t index, struct vp **vp)
{
    struct vp *found = partition_vp(p, index);
    if (found == NULL) {
        return WHB_ERROR_VP_ABSENT;
    }
    uint32_t before = VP_OWNER_NONE;
    if (!__atomic_compare_exchange_n(&found->owner, &before, this_cpu()->index + 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        return before == VP_OWNER_ABSENT ? WHB_ERROR_VP_ABSENT : WHB_ERROR_BUSY;
    }
    *vp = found;
    lock_check_take(HELD_VP);
    return WHB_OK;
}

void vp_pend_all(struct partition *p, uint32_t bits)
{
    for (uint32_t i = 0; i < WHB_MAX_VPS; i++) {
        struct vp *vp = partition_vp(p, i);
        if (vp != NULL) {
            vp_pend(vp, bits);
        }
    }
}

void vp_flush_here(struct cpu *cpu, struct vp *vp)
{
    switch_fpu_put(cpu, vp);
    vmcs_clear(vp->vmcs);
    __atomic_store_n(&vp->loaded_on, NULL, __ATOMIC_RELEASE);
}

void vp_bring_here(struct cpu *cpu, struct vp *vp)
{
    if (vp->loaded_on == cpu) {
        lock_check_forget(HELD_VP);
        switch_to(cpu, vp);
        return;
    }
    vp_take_from_others(vp);
    vp->loaded_on = cpu;
    switch_to(cpu, vp);
    vmcs_setup_host(cpu, vp);
    vp_pend(vp, PENDING_FLUSH_VPID); /* what it did on other CPUs, INVLPG for one, is unknown to this CPU's caches */
}

void vp_take_from_others(struct vp *vp)
{
    if (vp->loaded_on != NULL && vp->loaded_on != this_cpu()) {
        vp_evict(vp);
    }
    lock_check_forget(HELD_VP);
}
