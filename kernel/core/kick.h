/* SPDX-License-Identifier: MIT */
/* NMIs between CPUs: the only way into a CPU that runs a guest, since the hypervisor takes no maskable interrupts. */
#pragma once

#include <stdint.h>

struct cpu;
struct trap_frame;

struct kick_client {
    /* An NMI at an instruction from `window` on goes on at `kicked`: after the test of cpu->kick, before the entry. */
    const char *window, *window_end, *kicked;
    void (*serve)(struct cpu *cpu);         /* does all that other CPUs asked of this one */
    void (*serve_waiting)(struct cpu *cpu); /* what the one may be waiting for that this one waits for */
};

/* Once at boot. */
void kick_init(const struct kick_client *given);

/* For each NMI in the hypervisor, on the NMI stack. */
void kick_nmi(struct trap_frame *frame);

/* Makes `cpu` leave its guest or its root VP soon, once. What it shall do must be stored before. */
void kick_cpu(struct cpu *cpu);

/* An NMI arrived at this CPU: was it a kick, or is it the root's? For the handler and for NMI exits. */
void kick_note_nmi(struct cpu *cpu);

/* Ends the NMI blocking that an NMI exit leaves behind (SDM vol. 3C, 28.2: only after IRET). */
void kick_unblock_nmi(void);

/* Clears the kick flag and does what other CPUs asked of this one. */
void kick_serve(struct cpu *cpu);
