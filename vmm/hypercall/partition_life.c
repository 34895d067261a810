/* SPDX-License-Identifier: MIT */
#include "vmm/hypercall/partition_life.h"

#include "arch/cpu/cpu.h"
#include "vmm/hypercall/vp_life.h"
#include "vmm/vp/vp_time.h"

static void release_all(struct vp *const *held, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vp_release(held[i]);
    }
}

/* All VPs, or none: so that the reset is one step for whoever looks at the partition. */
static enum whb_status acquire_all(struct partition *p, struct vp **held, uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < WHB_MAX_VPS; i++) {
        enum whb_status status = vp_acquire(p, i, &held[*count]);
        if (status == WHB_OK) {
            (*count)++;
        } else if (status == WHB_ERROR_BUSY) {
            release_all(held, *count);
            return status;
        }
    }
    return WHB_OK;
}

enum whb_status partition_reset(struct partition *p)
{
    struct vp *held[WHB_MAX_VPS];
    uint32_t count;
    if (!p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    enum whb_status status = acquire_all(p, held, &count);
    if (status != WHB_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        vp_take_from_others(held[i]);
    }
    spin_lock(&p->lock);
    partition_time_restart(p);
    for (uint32_t i = 0; i < count; i++) {
        vp_reset(held[i]);
    }
    spin_unlock(&p->lock);
    release_all(held, count);
    return WHB_OK;
}

enum whb_status partition_delete(uint64_t handle)
{
    struct partition *p;
    enum whb_status status = partition_close(handle, &p);
    if (status != WHB_OK) {
        return status;
    }
    for (uint32_t i = 0; i < WHB_MAX_VPS; i++) {
        if (p->vps[i] != NULL) {
            vp_destroy(p->vps[i]);
        }
    }
    partition_free(p);
    return WHB_OK;
}
