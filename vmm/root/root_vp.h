/* SPDX-License-Identifier: MIT */
/* The root partition: its memory, its VPs, its program. */
#pragma once

#include "kernel/boot/multiboot2.h"
#include "vmm/run/run.h"

/* Identity map of all physical memory but the hypervisor's. Stops the machine when out of memory. */
void root_memory_init(void);

/*
 * An address that the boot-time map leaves out: device memory far above RAM. True: the root's access may be tried
 * again, which must not be in the hypervisor. False: not the root's to have.
 */
bool root_memory_fill(struct cpu *self, uint64_t pa);

/* Makes this CPU forget what was unlinked from the root's map: after a kick, and before a parked root VP goes on. */
void root_memory_flush(struct cpu *cpu);

/*
 * Places the root program of the first module, builds the hand-off (abi/handoff.h). Stops the machine with a sentence
 * if there is no program or no place. root_entry_* are what the first root VP starts with.
 */
void root_load(const struct boot_info *info);
extern uint64_t root_entry_rip, root_entry_handoff, root_entry_delta, root_entry_cr3;

/* Writes the list of CPUs into the hand-off; once all CPUs are known. */
void root_load_cpus(void);

/* Makes this CPU's root VP and leaves its VMCS current. */
void root_vp_create(struct cpu *cpu);

/* Runs this CPU's root VP for ever (vmm/root/root_run.c). */
_Noreturn void root_run(struct cpu *cpu);

/* NMI-window exiting of this CPU's root VP, its VMCS current. */
void root_nmi_window(struct vp *root, bool on);

/* VMLAUNCH or VMRESUME of the root VP failed: its end, as a triple fault. */
_Noreturn void root_entry_refused(const struct vp *root);

/*
 * One exit of the root VP, its VMCS current (vmm/root/root_exit.c). Not NULL: VP_RUN, of this VP, which is acquired as
 * run_begin wants it.
 */
struct vp *root_exit(struct cpu *cpu, struct vp *root, uint32_t reason);

/* The run that its last VP_RUN began has ended. */
void root_run_ended(struct cpu *cpu, struct vp *root, enum run_result result);

/* The root's part of the event loop. */
extern const struct run_client root_client;
