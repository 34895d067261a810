/* SPDX-License-Identifier: MIT */
/* NMIs between CPUs: the only way into a CPU that runs a guest, since the hypervisor takes no maskable interrupts. */
#pragma once

#include "vmm/vp/vp.h"

/* Sets the NMI handler (arch/cpu/idt.h). Once at boot. */
void kick_init(void);

/* Makes `cpu` leave its guest or its root VP soon, once. What it shall do must be stored before. */
void kick_cpu(struct cpu *cpu);

/* An NMI arrived at this CPU: was it a kick, or is it the root's? For the handler and for NMI exits. */
void kick_note_nmi(struct cpu *cpu);

/* Ends the NMI blocking that an NMI exit leaves behind (SDM vol. 3C, 28.2: only after IRET). */
void kick_unblock_nmi(void);

/* Clears the kick flag and does what other CPUs asked of this one. */
void kick_serve(struct cpu *cpu);

/* Gets `vp`, owned by the caller, off the CPU that has it loaded, and waits for that. */
void kick_recall(struct vp *vp);
