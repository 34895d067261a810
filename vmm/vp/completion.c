/* SPDX-License-Identifier: MIT */
#include "vmm/vp/completion.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"

#define SHADOW (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)

uint64_t completion_hits(const struct vp *vp, enum breakpoint_access access, uint64_t address, uint32_t size)
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
    completion_add_pending(completion_hits(vp, access, address, size));
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
