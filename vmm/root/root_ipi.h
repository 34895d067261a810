/* SPDX-License-Identifier: MIT */
/*
 * INIT and SIPI between root VPs. In x2APIC mode the ICR is one MSR, whose writes exit: INIT and SIPI are done by the
 * hypervisor, everything else goes on to the APIC. In xAPIC mode they reach the target's processor, which exits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/vp/vp.h"

/* WRMSR to the x2APIC ICR by this CPU's root VP. False: the write faults. */
bool root_ipi_write(struct cpu *cpu, uint64_t icr);

/* INIT for this CPU's root VP: it waits for SIPI, and this CPU lets go of all guest VPs. Its VMCS is current. */
void root_ipi_init(struct cpu *cpu, struct vp *root);

/*
 * The root VP of this CPU, its VMCS current and in the reset state, is to wait for SIPI. In x2APIC mode it waits in the
 * hypervisor (root_ipi_wait), in xAPIC mode in the processor's own state, which a real SIPI ends.
 */
void root_ipi_park(struct cpu *cpu);

/* Returns when the root VP of this CPU, parked in the hypervisor, has been started. */
void root_ipi_wait(struct cpu *cpu, struct vp *root);

/* Exit by an INIT signal that arrived at the processor. */
void root_ipi_init_signal(struct cpu *cpu, struct vp *root);

/* Exit by SIPI: the root VP starts in real mode at page `vector`. */
void root_ipi_sipi(struct cpu *cpu, struct vp *root, uint64_t vector);

enum ipi_kind {
    IPI_PASS, /* to be sent as it is */
    IPI_INIT,
    IPI_SIPI,
    /*
     * Does nothing: INIT deassert, which processors since the Pentium 4 ignore; and SMI. Where firmware has left a
     * CPU's SMBASE at its reset value, as Bochs' does, an SMI executes what the root has at 38000H, above the
     * hypervisor.
     */
    IPI_NONE,
    IPI_FAULT, /* reserved bits: #GP */
};

/* Pure: what an x2APIC ICR value asks for (SDM vol. 3A, 11.12.9). */
enum ipi_kind root_ipi_decode(uint64_t icr);

/* Pure: whether `icr`, written by the CPU with APIC ID `self`, names the CPU with APIC ID `id`. */
bool root_ipi_targets(uint64_t icr, uint32_t self, uint32_t id);
