/* SPDX-License-Identifier: MIT */
#include "vmm/vp/event.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/quirks_bochs.h"
#include "vmm/vp/completion_decide.h"

void event_block_nmi(void)
{
    quirk_note_nmi();
    vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) | BLOCKING_BY_NMI);
}

static bool has_error_code(enum exception_vector vector)
{
    const uint32_t with_error = (1u << 8) | (0x1fu << 10) | (1u << 17);
    return ((with_error >> vector) & 1u) != 0;
}

void event_inject(struct vp *vp, enum exception_vector vector, uint32_t error)
{
    uint32_t info =
        (uint32_t)vector | (INTERRUPTION_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT) | INTERRUPTION_VALID;
    /* Real mode pushes no error code, and the entry would refuse one. */
    if (has_error_code(vector) && (vmcs_readnw(VMCS_GUEST_CR0) & CR0_PE) != 0) {
        info |= INTERRUPTION_ERROR_CODE;
    }
    vp->event = (struct pending_event){.info = info, .error_code = error};
}

uint64_t event_set_resume_flag(void)
{
    uint64_t rflags = vmcs_readnw(VMCS_GUEST_RFLAGS);
    vmcs_writenw(VMCS_GUEST_RFLAGS, rflags | RFLAGS_RF);
    return rflags;
}

/*
 * What the delivery of #DB does to DR7 and DEBUGCTL, which the processor leaves to us when we inject it (SDM vol. 3C,
 * 27.6.1.1). In the shadow of STI or MOV SS with TF set the entry demands a pending single step (27.3.1.5), which the
 * injection drops.
 */
static void deliver_debug(struct vp *vp)
{
    const uint32_t shadow = BLOCKING_BY_STI | BLOCKING_BY_MOV_SS;
    uint64_t dr7 = vmcs_readnw(VMCS_GUEST_DR7), debugctl = vmcs_read64(VMCS_GUEST_DEBUGCTL);
    vp->before_event.dr7 = dr7;
    vp->before_event.debugctl = debugctl;
    vp->before_event.pending_debug = vmcs_readnw(VMCS_GUEST_PENDING_DEBUG);
    if ((dr7 & DR7_GD) != 0) {
        vmcs_writenw(VMCS_GUEST_DR7, dr7 & ~DR7_GD);
    }
    if ((debugctl & DEBUGCTL_BTF) != 0) {
        vmcs_write64(VMCS_GUEST_DEBUGCTL, debugctl & ~DEBUGCTL_BTF);
    }
    if ((vmcs_readnw(VMCS_GUEST_RFLAGS) & RFLAGS_TF) != 0 && (vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & shadow) != 0) {
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
    }
}

static bool is_debug_exception(uint32_t info)
{
    uint32_t type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    return (info & INTERRUPTION_VECTOR) == VECTOR_DB &&
           (type == INTERRUPTION_HARDWARE_EXCEPTION || type == INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION);
}

void event_inject_pending(struct vp *vp)
{
    vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, vp->event.info);
    if ((vp->event.info & INTERRUPTION_VECTOR) == VECTOR_NMI) {
        quirk_note_nmi();
    }
    if (completion_is_fault(vp->event.info)) {
        /* In the image it pushes, so that the instruction's breakpoint does not hit again. */
        vp->before_event.rflags = event_set_resume_flag();
    }
    if (is_debug_exception(vp->event.info)) {
        deliver_debug(vp);
    }
    if ((vp->event.info & INTERRUPTION_ERROR_CODE) != 0) {
        vmcs_write32(VMCS_ENTRY_EXCEPTION_ERROR, vp->event.error_code);
    }
    if (((vp->event.info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT) >= INTERRUPTION_SOFTWARE_INTERRUPT) {
        vmcs_write32(VMCS_ENTRY_INSTRUCTION_LENGTH, vp->event.instruction_length);
    }
}

void event_take_back(const struct vp *vp)
{
    vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
    if ((vp->event.info & INTERRUPTION_VALID) == 0 || vp->suspend != 0) {
        return; /* none was in the VMCS */
    }
    if (completion_is_fault(vp->event.info)) {
        vmcs_writenw(VMCS_GUEST_RFLAGS, vp->before_event.rflags);
    }
    if (is_debug_exception(vp->event.info)) {
        vmcs_writenw(VMCS_GUEST_DR7, vp->before_event.dr7);
        vmcs_write64(VMCS_GUEST_DEBUGCTL, vp->before_event.debugctl);
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, vp->before_event.pending_debug);
    }
}

void event_requeue(struct vp *vp)
{
    uint32_t info = vmcs_read32(VMCS_IDT_VECTORING_INFO);
    if ((info & INTERRUPTION_VALID) == 0) {
        return;
    }
    if ((info & INTERRUPTION_ERROR_CODE) != 0 && (vmcs_readnw(VMCS_GUEST_CR0) & CR0_PE) == 0) {
        info &= ~INTERRUPTION_ERROR_CODE; /* never so in real mode (25.9.2), but Bochs 2.7 sets it there */
    }
    /* Bit 12 is undefined here and reserved at entry. */
    vp->event.info = info & ~INTERRUPTION_NMI_UNBLOCKING;
    vp->event.error_code = (info & INTERRUPTION_ERROR_CODE) != 0 ? vmcs_read32(VMCS_IDT_VECTORING_ERROR) : 0;
    uint32_t type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    vp->event.instruction_length =
        type >= INTERRUPTION_SOFTWARE_INTERRUPT ? vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH) : 0;
    if (type == INTERRUPTION_NMI) {
        /* Its delivery had begun to block NMIs; it is delivered anew (27.2.1: no NMI may be injected while blocked). */
        uint32_t blocking = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~BLOCKING_BY_NMI);
    }
}

void event_set_notifications(struct vp *vp, uint64_t value)
{
    vp->notifications = value;
    vp_pend(vp, PENDING_WINDOWS);
}

void event_set_external(struct vp *vp, uint32_t external)
{
    vp->external = external;
    vp_pend(vp, PENDING_WINDOWS);
}
