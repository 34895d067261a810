/* SPDX-License-Identifier: MIT */
/* Hypercalls on blocks of a VP's state. */
#include "vmm/hypercall/hypercall_call.h"
#include "vmm/registers/vp_state.h"

enum whb_status call_state_get(struct call *c, struct partition *p)
{
    uint8_t *block = call_scratch(c)->state.block;
    uint64_t size;
    struct vp *vp;
    enum whb_status status = call_take_vp(c, p, c->arg[1], &vp);
    if (status != WHB_OK) {
        return status;
    }
    status = vp_state_get(vp, c->arg[2], block, &size);
    status = status == WHB_OK ? call_reply(c, c->arg[3], c->arg[4], block, size) : status;
    call_give_vp(c, vp);
    return status;
}

enum whb_status call_state_set(struct call *c, struct partition *p)
{
    union call_scratch *s = call_scratch(c);
    struct vp *vp;
    if (c->arg[4] == 0 || c->arg[4] > VP_STATE_MAX) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum whb_status status = call_take_vp(c, p, c->arg[1], &vp);
    if (status != WHB_OK) {
        return status;
    }
    status = call_fetch(c->arg[3], s->state.block, c->arg[4]);
    status = status == WHB_OK ? vp_state_set(vp, c->arg[2], s->state.block, c->arg[4], s->state.image) : status;
    call_give_vp(c, vp);
    return status;
}
