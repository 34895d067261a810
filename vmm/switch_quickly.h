/* SPDX-License-Identifier: MIT */
/* The body of switch_to, for the two places where each of its instructions is paid at every exit. */
#pragma once

#include "arch/cpu.h"
#include "arch/msr.h"
#include "arch/vmx.h"
#include "vmm/switch.h"

/* For switch_quickly: what it seldom has to do. */
void switch_breakpoints(struct cpu *cpu, struct vp *to) __attribute__((cold));
void switch_differing(struct cpu *cpu, const struct vp *to) __attribute__((cold));

/* `to` is not the current VP. */
static inline void switch_quickly(struct cpu *cpu, struct vp *to)
{
    struct vp *from = cpu->current;
    if (__builtin_expect(from != NULL, 1)) {
        uint64_t cr2 = read_cr2(), gs = rdmsr(MSR_IA32_KERNEL_GS_BASE);
        from->cr2 = cr2;
        from->kernel_gs_base = gs;
        if (to->cr2 != cr2) {
            write_cr2(to->cr2);
        }
        if (to->kernel_gs_base != gs) {
            wrmsr(MSR_IA32_KERNEL_GS_BASE, to->kernel_gs_base);
        }
        if (__builtin_expect(to->breakpoints | cpu->breakpoints_loaded, 0)) {
            switch_breakpoints(cpu, to);
        }
    }
    uint64_t differing = to->xcr0 ^ cpu->xcr0;
    for (unsigned i = 0; i < SWITCHED_COUNT; i++) {
        differing |= to->msr[i] ^ cpu->msr_shadow[i];
    }
    if (__builtin_expect(differing != 0, 0)) {
        switch_differing(cpu, to);
    }
    cpu->current = to;
    vmcs_load_pa(&to->vmcs_pa);
}
