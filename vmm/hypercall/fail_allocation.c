/* SPDX-License-Identifier: MIT */
#include "vmm/hypercall/fail_allocation.h"

#include "kernel/memory/page_alloc.h"
#include "vmm/hypercall/hypercall_call.h"

/* Of each CPU, its own: which of its allocations from the arming on is to fail, 0 if none, and how many it has made. */
static struct {
    uint64_t fails;
    uint64_t made;
} armed[MAX_CPUS];

static bool refuse(void)
{
    uint32_t cpu = this_cpu()->index;
    return ++armed[cpu].made == armed[cpu].fails;
}

void fail_allocation_enable(void)
{
    page_alloc_refuse = refuse;
}

/* Without the option it answers as a known call that this machine does not offer. */
enum whb_status call_fail_allocation(struct call *c)
{
    if (page_alloc_refuse == NULL) {
        return WHB_ERROR_NOT_SUPPORTED;
    }
    uint32_t cpu = c->cpu->index;
    c->value = armed[cpu].made;
    armed[cpu].fails = c->arg[0];
    armed[cpu].made = 0;
    return WHB_OK;
}
