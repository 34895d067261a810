/* SPDX-License-Identifier: MIT */
/*
 * Handlers of VM exits. Each is called on the CPU that runs the VP, with the VP's VMCS current, and says what comes
 * next. Handlers marked "both" serve root VPs too.
 */
#pragma once

#include "vmm/run/exit_decode.h"
#include "vmm/vp/event.h"
#include "vmm/vp/instruction.h"
#include "vmm/vp/mov_decode.h"
#include "vmm/vp/vp.h"

enum exit_action {
    EXIT_RESUME,   /* done: enter the VP again */
    EXIT_DELIVER,  /* the root must see it: make a record */
    EXIT_RECORDED, /* the root must see it, and the record is made */
    EXIT_EMULATE,  /* the same, of an access to the APIC's page: the root emulates it and runs the VP again */
    EXIT_RESTART,  /* the root has an interrupt to take */
    EXIT_INIT,     /* INIT for this CPU */
};

/* A guest VP's exit. `snapshot` has the reason; a handler may add what only it knows (CPUID's default result). */
enum exit_action guest_exit(struct cpu *cpu, struct vp *vp, struct exit_snapshot *snapshot);

/*
 * Both. Whether the instruction that made this exit is legal where it was executed; if not, the fault is the VP's event
 * and the exit done. vmm/run/instruction_check.h.
 */
bool exit_check_instruction(struct vp *vp, uint32_t reason);

/* Both. EXIT_DELIVER: an access that the controls do not make exit. */
enum exit_action exit_cr_access(struct vp *vp);
enum exit_action exit_xsetbv(struct cpu *cpu, struct vp *vp);
enum exit_action exit_exception(struct cpu *cpu, struct vp *vp);

/*
 * Both. A machine check came while this CPU's VP ran or was being entered. The banks are the root's, so it gets the
 * exception, at the next entry of its VP on this CPU; what to do about a guest that cannot go on is its to decide.
 */
void exit_machine_check(struct cpu *cpu);

/* Guest only. #DB for an access to a debug register with DR7.GD set (SDM vol. 3B, 18.2.4). */
void exit_general_detect(struct vp *vp);

/* Guest only. */
enum exit_action exit_guest_mov_dr(struct vp *vp);
enum exit_action exit_guest_rdmsr(struct cpu *cpu, struct vp *vp);
enum exit_action exit_guest_wrmsr(struct cpu *cpu, struct vp *vp);

/* Fills the common group and the instruction's bytes, as many of 16 as can be fetched. */
void exit_fetch_instruction(const struct vp *vp, struct exit_snapshot *snapshot);

/* How the code segment of a snapshot with the common group makes instructions read. */
enum mov_mode exit_mov_mode(const struct exit_snapshot *snapshot);

/* Reads the fields that this exit's record needs, makes the record in the run page. */
void exit_record(struct vp *vp, struct exit_snapshot *snapshot);
void exit_record_cancel(struct vp *vp);
/* A local APIC's, whose VMCS state is that after the access. `value`: vector, ICR, or what was written to `type`. */
void exit_record_apic(struct vp *vp, WHV_RUN_VP_EXIT_REASON reason, uint32_t type, uint64_t value);
/* The processor refused the control fields: what the root wrote as pending event cannot be injected. */
void exit_record_invalid(struct vp *vp);

/* MTRRs that are kept for a VP, root or guest. False: it has no such MTRR, or the value faults (vmm/run/guest_msr.c).
 */
bool exit_read_mtrr(struct vp *vp, uint32_t msr, uint64_t *value);
bool exit_write_mtrr(struct vp *vp, uint32_t msr, uint64_t value);
