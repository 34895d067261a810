/* SPDX-License-Identifier: MIT */
/* Compiled without frame pointers: these are leaves, and each instruction here is one of the shortest exits. */
#include "vmm/exit_fast.h"

#include "abi/hypercall.h"
#include "arch/cpu.h"
#include "arch/vmcs.h"
#include "vmm/exit_skip.h"
#include "vmm/exit_trace.h"
#include "vmm/run_straight.h"
#include "vmm/vp.h"

/*
 * As gate_check_mode says it, for a segment that is not conforming: then its DPL is the CPL. A conforming one takes the
 * usual way.
 */
TWICE bool is_kernel64(void)
{
    const uint32_t looked_at = ACCESS_CONFORMING | ACCESS_DPL | ACCESS_LONG;
    return (vmcs_read32(VMCS_GUEST_CS_ACCESS) & looked_at) == ACCESS_LONG &&
           (vmcs_read32(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E) != 0;
}

TWICE uint64_t *answer_version(struct vp *root, uint64_t *gpr)
{
    if (!skip_plain_instruction(true)) {
        return NULL;
    }
    gpr[0] = WHB_OK;
    gpr[2] = (WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR;
    root->launched = true;
    root->event.info = 0; /* delivered, since an instruction was executed after it */
    return gpr;
}

TWICE uint64_t *exit_root(bool traced)
{
    struct cpu *cpu = this_cpu();
    struct vp *root = cpu->current;
    uint64_t *gpr = root->gpr;
    if (vmcs_read32(VMCS_EXIT_REASON) != VMX_EXIT_VMCALL || !is_kernel64()) {
        return NULL;
    }
    switch (gpr[0]) {
    case WHB_CALL(WHB_CALL_VP_RUN):
        return traced ? run_straight_begin_traced(cpu, root) : run_straight_begin(cpu, root);
    case WHB_CALL(WHB_CALL_VERSION):
        return answer_version(root, gpr);
    default:
        return NULL;
    }
}

uint64_t *fast_exit_root(void)
{
    return exit_root(false);
}

uint64_t *fast_exit_root_traced(void)
{
    return exit_root(true);
}

TWICE const struct cpuid_answer *known_answer(const struct vp *vp, uint32_t leaf, uint32_t subleaf)
{
    const struct cpuid_answer *a = &vp->cpuid.answers[cpuid_cache_slot(leaf, subleaf)];
    if (a->key != cpuid_cache_key(leaf, subleaf)) {
        return NULL;
    }
    return leaf != 1 || ((vmcs_readnw(VMCS_GUEST_CR4) & CR4_OSXSAVE) != 0) == vp->cpuid.osxsave ? a : NULL;
}

TWICE uint64_t *cpuid_answer(struct cpu *cpu, struct vp *vp, bool traced)
{
    uint64_t tsc = traced ? rdtsc() : 0;
    volatile uint64_t *gpr = vp->gpr;
    const struct cpuid_answer *a = known_answer(vp, (uint32_t)gpr[0], (uint32_t)gpr[1]);
    if (a == NULL || !skip_plain_instruction(false)) {
        return NULL;
    }
    exit_trace_exit_at(cpu, traced, vp, VMX_EXIT_CPUID, tsc);
    vp->fast_left--;
    vp->launched = true;
    vp->counters.exits[INTERCEPT_CPUID]++;
    gpr[0] = a->eax;
    gpr[1] = a->ecx;
    gpr[2] = a->edx;
    gpr[3] = a->ebx;
    exit_trace_entered(cpu, traced);
    return vp->gpr;
}

static __attribute__((noinline)) uint64_t *answer_cpuid_traced(struct cpu *cpu, struct vp *vp)
{
    return cpuid_answer(cpu, vp, true);
}

static inline uint64_t *answer_cpuid(struct cpu *cpu, struct vp *vp)
{
    return cpu_traced(cpu) ? answer_cpuid_traced(cpu, vp) : cpuid_answer(cpu, vp, false);
}

uint64_t *fast_exit_guest(void)
{
    struct cpu *cpu = this_cpu();
    struct vp *vp = cpu->current;
    uint32_t reason = vmcs_read32(VMCS_EXIT_REASON);
    uint64_t *gpr = reason == VMX_EXIT_CPUID && vp->fast_left != 0 ? answer_cpuid(cpu, vp) : NULL;
    return gpr == NULL && cpu->straight != NULL ? run_straight_exit(cpu, reason) : gpr;
}
