/* SPDX-License-Identifier: MIT */
/*
 * Local APICs of guest VPs, for partitions whose LocalApicEmulationMode asks for them (vmm/apic/model/apic_model.h in
 * VMX).
 *
 * The APIC's state belongs to whoever owns the VP. What other CPUs send it waits in atomic words of struct vp, and the
 * owner takes it in before each entry; a sender marks first and then looks whether it must kick the owner.
 */
#pragma once

#include "vmm/vp/vp.h"

/* Bits of vp->apic_signals. */
#define APIC_SIGNAL_NMI (1u << 0)
#define APIC_SIGNAL_INIT (1u << 1)
#define APIC_SIGNAL_SIPI (1u << 2) /* vp->apic_sipi has the vector */
#define APIC_SIGNAL_LINT1 (1u << 3)

/* Whether this machine can emulate APICs: it needs the VMX preemption timer. */
bool apic_available(void);

/* A new or reset VP; its VMCS is current. */
void apic_start(struct vp *vp);

/*
 * Before each entry of a VP with an APIC: takes in what was sent, expires the timer, decides whether the VP sleeps.
 * apic_arm goes after window_before_entry: activity state and timer of the entry.
 */
void apic_before_entry(struct vp *vp);
void apic_arm(struct vp *vp);

/* Before an entry with PENDING_TIMER that needs nothing else. False: the timer's time has come, apic_before_entry. */
bool apic_arm_timer(struct vp *vp);

/* Whether the VP would not execute at an entry now; a VP without an APIC never sleeps. */
bool apic_sleeps(const struct vp *vp);

/* The time as the VP's timer sees it; the VP is owned. */
struct apic_time apic_now(const struct vp *vp);
/* Requests the timer's interrupt if its time has come, before a guest's instruction changes that time. */
void apic_take_timer(struct vp *vp);

/* Sends to the VPs of a partition that match (vmm/apic/apic_send.c); `from` is NULL for an interrupt of the root's. */
void apic_send(struct partition *p, struct vp *from, const struct apic_ipi *ipi, enum apic_mode mode);

/* WHvRequestInterrupt: WHV_INTERRUPT_CONTROL's first word, and destination | vector << 32. */
enum whb_status apic_request(struct partition *p, uint64_t control, uint64_t target);

/* The registers that other VPs look at may have changed. */
void apic_publish(struct vp *vp);

/* State by the root. The VP is owned, its VMCS current. */
uint64_t apic_base_value(const struct vp *vp);
bool apic_base_set(struct vp *vp, uint64_t value);
/* Any mode from any mode, as restoring needs; `value` is checked. */
void apic_base_force(struct vp *vp, uint64_t value);
uint64_t apic_register_get(struct vp *vp, uint32_t name);
void apic_register_set(struct vp *vp, uint32_t name, uint64_t value);
void apic_state_get(struct vp *vp, void *page);
enum whb_status apic_state_set(struct vp *vp, const void *page, uint64_t size);
