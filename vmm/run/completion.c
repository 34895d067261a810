/* SPDX-License-Identifier: MIT */
#include "vmm/run/completion.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/apic/apic.h"

#define SHADOW (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)

/* Exit qualifications: SDM vol. 3C, tables 28-5 and 28-7. */
#define IO_SIZE 7u
#define IO_PORT_SHIFT 16u
#define VIOLATION_WRITE (1u << 1)
#define VIOLATION_FETCH (1u << 2)
#define VIOLATION_DATA ((1u << 7) | (1u << 8)) /* a linear address, and it was not the walk that failed */

static uint64_t hits_of(const struct vp *vp, enum breakpoint_access access, uint64_t address, uint32_t size)
{
    if (access == BREAKPOINT_PORT && (vmcs_readnw(VMCS_GUEST_CR4) & CR4_DE) == 0) {
        return 0;
    }
    uint64_t hits = breakpoint_hits(vp->dr, vmcs_readnw(VMCS_GUEST_DR7), access, address, size);
    return hits != 0 ? hits | PENDING_DEBUG_ENABLED : 0;
}

void completion_add_pending(uint64_t bits)
{
    if (bits != 0) {
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, vmcs_readnw(VMCS_GUEST_PENDING_DEBUG) | bits);
    }
}

void completion_watch(struct vp *vp, enum breakpoint_access access, uint64_t address, uint32_t size)
{
    completion_add_pending(hits_of(vp, access, address, size));
}

/* Of an access to memory the first byte is known, and a client that knows more says so (PendingDebugException). */
static uint64_t hits_of_exit(const struct vp *vp, const struct exit_snapshot *s)
{
    const uint32_t q = (uint32_t)s->qualification;
    if (s->reason == VMX_EXIT_IO) {
        return hits_of(vp, BREAKPOINT_PORT, q >> IO_PORT_SHIFT & 0xffffu, (q & IO_SIZE) + 1);
    }
    if (s->reason == VMX_EXIT_EPT_VIOLATION && (q & VIOLATION_DATA) == VIOLATION_DATA && (q & VIOLATION_FETCH) == 0) {
        enum breakpoint_access access = (q & VIOLATION_WRITE) != 0 ? BREAKPOINT_WRITE : BREAKPOINT_READ;
        return hits_of(vp, access, s->guest_linear, 1);
    }
    return 0;
}

/* Whether the record shows an instruction that has not been executed, with RIP at it. */
static bool is_unfinished(const struct exit_snapshot *s)
{
    if ((s->idt_vectoring_info & INTERRUPTION_VALID) != 0) {
        return false;
    }
    switch ((enum vmx_exit_reason)s->reason) {
    case VMX_EXIT_EXCEPTION_NMI:
        return (s->interruption_info & INTERRUPTION_VECTOR) != VECTOR_DB;
    case VMX_EXIT_TRIPLE_FAULT:
    case VMX_EXIT_EXTERNAL_INTERRUPT:
    case VMX_EXIT_INTERRUPT_WINDOW:
    case VMX_EXIT_NMI_WINDOW:
    case VMX_EXIT_TPR_BELOW_THRESHOLD:
    case VMX_EXIT_TASK_SWITCH:
    case VMX_EXIT_HLT: /* it is complete: exit_record */
    case VMX_EXIT_INVALID_GUEST_STATE:
        return false;
    default:
        return true;
    }
}

void completion_note(struct vp *vp, struct exit_snapshot *s)
{
    bool special =
        (s->rflags & RFLAGS_TF) != 0 || (s->interruptibility & SHADOW) != 0 || vp_pending(vp, PENDING_BREAKPOINTS) != 0;
    bool unfinished = is_unfinished(s);
    vp->unfinished.armed = special && unfinished;
    if (special) {
        vp_pend(vp, PENDING_SETTLE);
    }
    if (unfinished && !special && (s->rflags & RFLAGS_RF) != 0) {
        /* Processors set it with exits that faults and EPT violations cause (28.3.3). No breakpoint is on that it could
         * be for, and the VP's next entry stays plain. */
        s->rflags &= ~RFLAGS_RF;
        vmcs_writenw(VMCS_GUEST_RFLAGS, s->rflags);
    }
    if (!vp->unfinished.armed) {
        return;
    }
    vp->unfinished.rip = s->rip;
    vp->unfinished.length =
        (exit_reads(s->reason) & EXIT_READ_LENGTH) != 0 ? (uint8_t)(s->instruction_length & 15u) : 0;
    vp->unfinished.hits = vp_pending(vp, PENDING_BREAKPOINTS) != 0 ? (uint32_t)hits_of_exit(vp, s) : 0;
    if ((s->interruptibility & BLOCKING_BY_MOV_SS) == 0) {
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, 0); /* as processors do (SDM vol. 3C, 28.3.4), and Bochs does not */
    }
}

uint64_t completion_move(struct vp *vp, uint64_t rip, bool flags_given)
{
    if (!vp->unfinished.armed || rip == vp->unfinished.rip) {
        return 0;
    }
    vp->unfinished.armed = false;
    uint64_t rflags = vmcs_readnw(VMCS_GUEST_RFLAGS), pending = 0;
    if (completion_is_past(vp->unfinished.rip, rip, vp->unfinished.length)) {
        bool steps = completion_steps(rflags, vmcs_read64(VMCS_GUEST_DEBUGCTL));
        pending = vp->unfinished.hits | (steps ? PENDING_DEBUG_BS : 0);
    }
    vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & ~SHADOW);
    if (!flags_given && (rflags & RFLAGS_RF) != 0) {
        vmcs_writenw(VMCS_GUEST_RFLAGS, rflags & ~RFLAGS_RF);
        vp->run->rflags = rflags & ~RFLAGS_RF;
    }
    completion_add_pending(pending);
    return pending;
}

bool completion_trap_is_due(void)
{
    return (vmcs_readnw(VMCS_GUEST_PENDING_DEBUG) & PENDING_DEBUG_VALID) != 0 &&
           (vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & BLOCKING_BY_MOV_SS) == 0;
}

bool completion_ends_in_trap(void)
{
    return completion_steps(vmcs_readnw(VMCS_GUEST_RFLAGS), vmcs_read64(VMCS_GUEST_DEBUGCTL)) ||
           (vmcs_readnw(VMCS_GUEST_PENDING_DEBUG) & PENDING_DEBUG_VALID) != 0;
}

/* The instruction will be executed again: its breakpoint has been met, and a repetition is no branch. */
static void resume_unfinished(struct vp *vp)
{
    vp->unfinished.armed = false;
    if (vmcs_readnw(VMCS_GUEST_RIP) != vp->unfinished.rip) {
        return;
    }
    if (vp_pending(vp, PENDING_BREAKPOINTS) != 0 && (vp->event.info & INTERRUPTION_VALID) == 0) {
        vmcs_writenw(VMCS_GUEST_RFLAGS, vmcs_readnw(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
    }
    if ((vmcs_read64(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF) != 0) {
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, vmcs_readnw(VMCS_GUEST_PENDING_DEBUG) & ~PENDING_DEBUG_BS);
    }
}

/* Traps come before interrupts (SDM vol. 3A, table 6-2), which an injection now would let overtake. */
static void hold_event(struct vp *vp)
{
    uint32_t type = (vp->event.info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    if ((vp->event.info & INTERRUPTION_VALID) == 0 || vp->suspend != 0 || !completion_trap_is_due()) {
        return;
    }
    if (type == INTERRUPTION_EXTERNAL && vp->external == 0) {
        vp->external = vp->event.info;
    } else if (type == INTERRUPTION_NMI && !vp->nmi_pending) {
        vp->nmi_pending = true;
    } else {
        return;
    }
    vp_pend(vp, PENDING_WINDOWS);
    vp->event.info = 0;
}

void completion_settle(struct vp *vp)
{
    vp_settle_pending(vp, PENDING_SETTLE);
    if (vp->unfinished.armed) {
        resume_unfinished(vp);
    }
    struct completion_state was = {
        .rflags = vmcs_readnw(VMCS_GUEST_RFLAGS),
        .debugctl = vmcs_read64(VMCS_GUEST_DEBUGCTL),
        .dr7 = vmcs_readnw(VMCS_GUEST_DR7),
        .pending = vmcs_readnw(VMCS_GUEST_PENDING_DEBUG),
        .blocking = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY),
        .event = (vp->event.info & INTERRUPTION_VALID) != 0,
    };
    struct completion_state s = was;
    completion_make_enterable(&s);
    if ((vp->suspend & SUSPEND_HALT) != 0 && completion_steps(s.rflags, s.debugctl)) {
        s.pending |= PENDING_DEBUG_BS; /* what an entry to the HLT state demands */
    }
    if ((s.pending & PENDING_DEBUG_VALID) != 0) {
        vp->suspend &= ~SUSPEND_HALT; /* a debug exception ends HLT */
    }
    if (s.pending != was.pending) {
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, s.pending);
    }
    if (s.blocking != was.blocking) {
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, s.blocking);
    }
    hold_event(vp);
}
