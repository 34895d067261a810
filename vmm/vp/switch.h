/* SPDX-License-Identifier: MIT */
/* State that the VMCS does not switch: each piece in the cheapest correct way (docs/state.md). */
#pragma once

#include "vmm/cpu/switch_check.h"
#include "vmm/vp/vp.h"

/* Learns the CPU's extended state; once at boot. Later CPUs call switch_init_cpu. */
void switch_init(void);
void switch_init_cpu(struct cpu *cpu);

/* XCR0 bits that this machine's VPs may use; 0: the CPU has no XSAVE. */
uint64_t switch_xcr0_supported(void);
bool switch_has_tsc_aux(void);

/* Makes `to`'s VMCS and other state current on this CPU in place of cpu->current's. */
void switch_to(struct cpu *cpu, struct vp *to);

/* Before each entry: a guest gets its extended state; the root gets #NM exits while the registers hold a guest's. */
void switch_fpu_before_entry(struct cpu *cpu, struct vp *vp);

/* On #NM, and for register access: makes the registers hold this VP's extended state. The VP's VMCS is current. */
void switch_fpu_take(struct cpu *cpu, struct vp *vp);

/* Writes this VP's extended state to its image if this CPU has it, and lets go of it. */
void switch_fpu_put(struct cpu *cpu, struct vp *vp);

/* A fresh image: the state after INIT. */
void switch_fpu_reset(struct vp *vp);

/* Puts the breakpoint addresses of the current VP, a guest, in DR0 to DR3; the root's come back at the next switch. */
void switch_breakpoints_load(struct cpu *cpu, struct vp *vp);

/* What of the root's is not in the registers (cpu->root_away) comes back; before the root is entered. */
void switch_root_back(struct cpu *cpu);

/* A MSR of the switched ones, current VP: value now and from now on. */
void switch_msr_write(struct cpu *cpu, struct vp *vp, enum switched_msr which, uint64_t value);
/* True, and which: `msr` is one of the switched ones. */
bool switch_msr_find(uint32_t msr, enum switched_msr *which);
void switch_xcr0_write(struct cpu *cpu, struct vp *vp, uint64_t value);
