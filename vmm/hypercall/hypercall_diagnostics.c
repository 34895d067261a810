/* SPDX-License-Identifier: MIT */
#include "arch/cpu/string.h"
#include "vmm/hypercall/hypercall_call.h"

/* The explanation belongs to one record: it is all zero once the VP has another. */
enum whb_status call_vp_diagnostics(struct call *c, struct partition *p)
{
    struct vp *vp;
    enum whb_status status = vp_acquire(p, c->arg[1], &vp);
    if (status != WHB_OK) {
        return status;
    }
    struct whb_vp_diagnostics d = vp->diagnostics;
    if (d.sequence != __atomic_load_n(&vp->run->sequence, __ATOMIC_RELAXED)) {
        memset(&d, 0, sizeof(d));
    }
    vp_release(vp);
    return call_reply(c, c->arg[2], c->arg[3], &d, sizeof(d));
}
