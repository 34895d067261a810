/* SPDX-License-Identifier: MIT */
#include "vmm/vp/counters.h"

#include "abi/whv.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmx.h"
#include "vmm/vp/vp.h"
#include "vmm/vp/vp_time.h"

_Static_assert(sizeof(WHV_PROCESSOR_INTERCEPT_COUNTERS) == INTERCEPT_CLASSES * sizeof(WHV_PROCESSOR_INTERCEPT_COUNTER),
               "one class for each counter");

const uint8_t counters_class[COUNTED_REASONS] = {
    [VMX_EXIT_EXCEPTION_NMI] = 1 + INTERCEPT_PAGE_FAULT,
    [VMX_EXIT_CR_ACCESS] = 1 + INTERCEPT_CONTROL_REGISTER,
    [VMX_EXIT_IO] = 1 + INTERCEPT_IO,
    [VMX_EXIT_HLT] = 1 + INTERCEPT_HALT,
    [VMX_EXIT_CPUID] = 1 + INTERCEPT_CPUID,
    [VMX_EXIT_RDMSR] = 1 + INTERCEPT_MSR,
    [VMX_EXIT_WRMSR] = 1 + INTERCEPT_MSR,
    [VMX_EXIT_INTERRUPT_WINDOW] = 1 + INTERCEPT_PENDING_INTERRUPT,
    [VMX_EXIT_NMI_WINDOW] = 1 + INTERCEPT_PENDING_INTERRUPT,
    [VMX_EXIT_TPR_BELOW_THRESHOLD] = 1 + INTERCEPT_PENDING_INTERRUPT,
    [VMX_EXIT_MOV_DR] = 1 + INTERCEPT_DEBUG_REGISTER,
    [VMX_EXIT_EPT_VIOLATION] = 1 + INTERCEPT_NESTED_PAGE_FAULT,
    [VMX_EXIT_VMCALL] = 1 + INTERCEPT_HYPERCALL,
    [VMX_EXIT_RDPMC] = 1 + INTERCEPT_RDPMC,
};

void counters_event(struct vp_counters *c, uint32_t info)
{
    uint32_t type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    if (type == INTERRUPTION_EXTERNAL || type == INTERRUPTION_NMI) {
        c->interrupts++;
    } else {
        c->exceptions++;
        c->page_faults += (info & INTERRUPTION_VECTOR) == VECTOR_PF ? 1 : 0;
    }
}

static void get_intercepts(const struct vp_counters *c, WHV_PROCESSOR_INTERCEPT_COUNTER *to)
{
    for (unsigned i = 0; i < INTERCEPT_CLASSES; i++) {
        to[i].Count = c->exits[i];
        to[i].Time100ns = partition_time_100ns(c->ticks[i]);
    }
}

static uint64_t reply(void *to, const void *set, uint64_t size)
{
    memcpy(to, set, size);
    return size;
}

enum whb_status counters_get(struct vp *vp, uint64_t set, void *to, uint64_t *size)
{
    struct vp_counters *c = &vp->counters;
    vp_pend(vp, PENDING_TIMED);
    switch (set) {
    case WHvProcessorCounterSetRuntime: {
        WHV_PROCESSOR_RUNTIME_COUNTERS r = {partition_time_100ns(c->run_ticks),
                                            partition_time_100ns(c->hypervisor_ticks)};
        *size = reply(to, &r, sizeof(r));
        return WHB_OK;
    }
    case WHvProcessorCounterSetIntercepts: {
        WHV_PROCESSOR_INTERCEPT_COUNTER r[INTERCEPT_CLASSES];
        get_intercepts(c, r);
        *size = reply(to, r, sizeof(r));
        return WHB_OK;
    }
    case WHvProcessorCounterSetEvents: {
        WHV_PROCESSOR_EVENT_COUNTERS r = {c->page_faults, c->exceptions, c->interrupts};
        *size = reply(to, &r, sizeof(r));
        return WHB_OK;
    }
    case WHvProcessorCounterSetApic: {
        *size = reply(to, vp->apic_counters, sizeof(WHV_PROCESSOR_APIC_COUNTERS));
        return WHB_OK;
    }
    default:
        return WHB_ERROR_INVALID_ARGUMENT; /* synthetic features: none are offered */
    }
}
