/* SPDX-License-Identifier: MIT */
/* The hypercall that tells what CPUID gives a VP. */
#include "abi/whv.h"
#include "vmm/hypercall/hypercall_call.h"
#include "vmm/vp/guest_cpuid.h"

enum whb_status call_cpuid_output(struct call *c, struct partition *p)
{
    struct vp *vp;
    enum whb_status status = call_check_buffer(c->arg[3], sizeof(WHV_CPUID_OUTPUT));
    status = status == WHB_OK ? call_take_vp(c, p, c->arg[1], &vp) : status;
    if (status != WHB_OK) {
        return status;
    }
    uint32_t shown;
    struct cpuid_result r = guest_cpuid(vp, (uint32_t)c->arg[2], (uint32_t)(c->arg[2] >> 32), &shown);
    call_give_vp(c, vp);
    const WHV_CPUID_OUTPUT output = {r.eax, r.ebx, r.ecx, r.edx};
    return call_reply(c, c->arg[3], sizeof(output), &output, sizeof(output));
}
