/* SPDX-License-Identifier: MIT */
#include "vmm/vp/vp_time.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"

/* The mark first, then who runs; a runner says that it runs first, and then looks at the mark. */
enum whb_status partition_time_suspend(struct partition *p)
{
    enum whb_status status = WHB_OK;
    spin_lock(&p->time_lock);
    if (!p->set_up) {
        status = WHB_ERROR_INVALID_STATE;
    } else if (p->suspended == 0) {
        p->suspended_at = rdtsc();
        __atomic_store_n(&p->suspended, 1, __ATOMIC_SEQ_CST);
        vp_pend_all(p, PENDING_POLICY);
        for (uint32_t i = 0; i < cpu_count; i++) {
            if (__atomic_load_n(&cpus[i]->running, __ATOMIC_SEQ_CST) == p) {
                __atomic_store_n(&p->suspended, 0, __ATOMIC_SEQ_CST);
                status = WHB_ERROR_BUSY;
                break;
            }
        }
    }
    spin_unlock(&p->time_lock);
    return status;
}

void partition_time_resume(struct partition *p)
{
    spin_lock(&p->time_lock);
    if (p->suspended != 0) {
        __atomic_store_n(&p->paused_ticks, p->paused_ticks + (rdtsc() - p->suspended_at), __ATOMIC_RELAXED);
        __atomic_store_n(&p->suspended, 0, __ATOMIC_SEQ_CST);
        vp_pend_all(p, PENDING_POLICY);
    }
    spin_unlock(&p->time_lock);
}

void partition_time_restart(struct partition *p)
{
    spin_lock(&p->time_lock);
    p->paused_ticks = 0;
    p->suspended_at = rdtsc();
    p->tsc_offset = 0 - p->suspended_at;
    __atomic_store_n(&p->suspended, 1, __ATOMIC_SEQ_CST);
    vp_pend_all(p, PENDING_POLICY);
    spin_unlock(&p->time_lock);
}

static void catch_up(struct vp *vp)
{
    uint64_t paused = __atomic_load_n(&vp->partition->paused_ticks, __ATOMIC_RELAXED);
    vp->tsc_offset -= paused - vp->paused_seen;
    vp->paused_seen = paused;
}

void partition_time_start(struct vp *vp)
{
    struct partition *p = vp->partition;
    if (__builtin_expect(__atomic_load_n(&p->suspended, __ATOMIC_SEQ_CST) != 0, 0)) {
        partition_time_resume(p);
    }
    if (__builtin_expect(vp->paused_seen != __atomic_load_n(&p->paused_ticks, __ATOMIC_RELAXED), 0)) {
        catch_up(vp);
        vmcs_write64(VMCS_TSC_OFFSET, vp->tsc_offset);
    }
}

uint64_t partition_time_clock(const struct partition *p)
{
    return partition_time_host(p) - __atomic_load_n(&p->paused_ticks, __ATOMIC_RELAXED);
}

uint64_t partition_time_tsc_at(const struct vp *vp, uint64_t clock)
{
    return clock + vp->tsc_offset + vp->paused_seen;
}

uint64_t partition_time_tsc(const struct vp *vp)
{
    return partition_time_tsc_at(vp, partition_time_clock(vp->partition));
}

uint64_t partition_time_offset(struct vp *vp)
{
    return vp->tsc_offset - (__atomic_load_n(&vp->partition->paused_ticks, __ATOMIC_RELAXED) - vp->paused_seen);
}

/* The deadline of an APIC's timer is a time of this TSC. */
static void write_offset(struct vp *vp)
{
    vmcs_write64(VMCS_TSC_OFFSET, vp->tsc_offset);
    if (vp->apic_on) {
        vp_pend(vp, PENDING_APIC);
    }
}

void partition_time_set_offset(struct vp *vp, uint64_t offset)
{
    catch_up(vp);
    vp->tsc_offset = offset;
    write_offset(vp);
}

void partition_time_set_tsc(struct vp *vp, uint64_t value)
{
    catch_up(vp);
    vp->tsc_offset = value - partition_time_host(vp->partition);
    write_offset(vp);
}

static void move_tsc(struct vp *vp, uint64_t by)
{
    partition_time_set_offset(vp, partition_time_offset(vp) + by);
    vp->tsc_adjust += by;
}

void partition_time_write_tsc(struct vp *vp, uint64_t value)
{
    move_tsc(vp, value - partition_time_tsc(vp));
}

void partition_time_write_adjust(struct vp *vp, uint64_t value)
{
    move_tsc(vp, value - vp->tsc_adjust);
}
