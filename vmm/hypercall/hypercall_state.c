/* SPDX-License-Identifier: MIT */
/* Hypercalls on blocks of a VP's state. */
#include "arch/cpu/direct_map.h"
#include "kernel/core/spinlock.h"
#include "vmm/hypercall/hypercall_call.h"
#include "vmm/vp/vp_state.h"

static struct spinlock block_lock; /* guards the block, too large for a stack */
static uint8_t block[VP_STATE_MAX] __attribute__((aligned(64)));

static enum whb_status get_locked(struct call *c, struct vp *vp)
{
    uint64_t size;
    enum whb_status status = vp_state_get(vp, c->arg[2], block, &size);
    return status == WHB_OK ? call_reply(c, c->arg[3], c->arg[4], block, size) : status;
}

static enum whb_status set_locked(struct call *c, struct vp *vp)
{
    enum whb_status status = call_fetch(c->arg[3], block, c->arg[4]);
    return status == WHB_OK ? vp_state_set(vp, c->arg[2], block, c->arg[4]) : status;
}

enum whb_status call_state_get(struct call *c, struct partition *p)
{
    struct vp *vp;
    enum whb_status status = call_take_vp(c, p, c->arg[1], &vp);
    if (status == WHB_OK) {
        spin_lock(&block_lock);
        status = get_locked(c, vp);
        spin_unlock(&block_lock);
        call_give_vp(c, vp);
    }
    return status;
}

enum whb_status call_state_set(struct call *c, struct partition *p)
{
    struct vp *vp;
    if (c->arg[4] == 0 || c->arg[4] > VP_STATE_MAX) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum whb_status status = call_take_vp(c, p, c->arg[1], &vp);
    if (status == WHB_OK) {
        spin_lock(&block_lock);
        status = set_locked(c, vp);
        spin_unlock(&block_lock);
        call_give_vp(c, vp);
    }
    return status;
}
