/* SPDX-License-Identifier: MIT */
/* Exits by which a guest uses its local APIC. */
#pragma once

#include "vmm/apic/apic.h"
#include "vmm/run/guest_exit.h"

/* Exits. The VMX preemption timer's: EXIT_RESTART if the root's turn has come. */
enum exit_action apic_timer_exit(struct vp *vp);
enum exit_action apic_halt(struct vp *vp);

/*
 * A guest's access to its APIC page (xAPIC mode). EXIT_EMULATE: by an instruction that is not decoded here. Reads and
 * writes of single registers, for who emulates it: EXIT_RECORDED, or EXIT_RESUME if the write made no record.
 */
bool apic_owns_page(const struct vp *vp, uint64_t gpa);
uint32_t apic_page_read(struct vp *vp, uint32_t offset);
enum exit_action apic_page_write(struct vp *vp, uint32_t offset, uint32_t value);
enum exit_action apic_page_access(struct vp *vp, uint64_t gpa, struct exit_snapshot *snapshot);
/* An APIC-write exit, after a write that APICv left to software. */
enum exit_action apic_write_exit(struct vp *vp);

/* MSRs: IA32_APIC_BASE, IA32_TSC_DEADLINE, 800H to 8FFH. */
bool apic_owns_msr(const struct vp *vp, uint32_t msr);
enum exit_action apic_rdmsr(struct vp *vp, uint32_t msr);
enum exit_action apic_wrmsr(struct vp *vp, uint32_t msr, uint64_t value);

/* The end of a level-triggered interrupt's service. */
enum exit_action apicv_eoi_exit(struct vp *vp);
