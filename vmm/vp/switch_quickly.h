/* SPDX-License-Identifier: MIT */
/* The body of switch_to, for the two places where each of its instructions is paid at every exit. */
#pragma once

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmx.h"
#include "vmm/vp/switch.h"

/* For switch_quickly: what it seldom has to do. */
void switch_differing(struct cpu *cpu, struct vp *to);

/* `from` is the current VP, `to` another one. Not for VPs with breakpoints on. */
static inline void switch_quickly(struct cpu *cpu, struct vp *from, struct vp *to)
{
    uint64_t cr2 = read_cr2(), gs = rdmsr(MSR_IA32_KERNEL_GS_BASE);
    from->cr2 = cr2;
    from->kernel_gs_base = gs;
    if (to->cr2 != cr2) {
        write_cr2(to->cr2);
    }
    if (to->kernel_gs_base != gs) {
        wrmsr(MSR_IA32_KERNEL_GS_BASE, to->kernel_gs_base);
    }
    if (__builtin_expect(to->content != cpu->content, 0)) {
        switch_differing(cpu, to);
    }
    cpu->current = to;
    vmcs_load_pa(&to->vmcs_pa);
}
