/* SPDX-License-Identifier: MIT */
/* Hypercalls on guest memory. */
#include "vmm/hypercall_call.h"

enum whb_status call_gpa_map(struct call *c, struct partition *p)
{
    return guest_memory_map(p, c->arg[1], c->arg[2], c->arg[3], c->arg[4]);
}

enum whb_status call_gpa_unmap(struct call *c, struct partition *p)
{
    return guest_memory_unmap(p, c->arg[1], c->arg[2]);
}
