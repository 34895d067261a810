/* SPDX-License-Identifier: MIT */
#include "vmm/registers/vp_special.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/vp/event.h"

#define DR6_RTM (1ull << 16)

uint64_t vp_special_get(const struct vp *vp, uint32_t name)
{
    uint32_t blocking = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
    switch (name) {
    case REG_PENDING_INTERRUPTION:
        return register_from_event(&vp->event);
    case REG_INTERRUPT_STATE:
        return ((blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) != 0 ? 1u : 0u) |
               ((blocking & BLOCKING_BY_NMI) != 0 ? 2u : 0u);
    case REG_PENDING_DEBUG: {
        uint64_t pending = vmcs_readnw(VMCS_GUEST_PENDING_DEBUG);
        return (pending & 0xfu) | ((pending >> 14 & 1u) << 4);
    }
    case REG_NOTIFICATIONS:
        return vp->notifications;
    case REG_EXCEPTION_EXITS:
        return vp->exception_exits;
    case REG_UNDELIVERED:
        return register_from_event(&vp->undelivered);
    default:
        return vp->suspend; /* InternalActivityState */
    }
}

void vp_special_set(struct vp *vp, uint32_t name, uint64_t value)
{
    switch (name) {
    case REG_PENDING_INTERRUPTION:
        vp->event = register_to_event(value);
        break;
    case REG_INTERRUPT_STATE: {
        /* Which of STI and MOV SS blocks is not told apart in WHV: what blocks already goes on doing so. */
        uint32_t now = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);
        uint32_t shadow = (value & 1u) == 0 ? 0 : now != 0 ? now : BLOCKING_BY_MOV_SS;
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, shadow);
        if ((value & 2u) != 0) {
            event_block_nmi();
        }
        break;
    }
    case REG_PENDING_DEBUG:
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, (value & 0xfu) | (value >> 4 & 1u) << 14);
        break;
    case REG_NOTIFICATIONS:
        event_set_notifications(vp, value);
        break;
    case REG_EXCEPTION_EXITS:
        vp->exception_exits = (uint32_t)value;
        vp_apply_policy(vp);
        break;
    default:
        vp->suspend = (uint32_t)value;
    }
}

struct register_value vp_event_get(const struct vp *vp)
{
    struct register_value v = register_from_exception(&vp->event, vp->cr2);
    return v.low != 0 ? v : register_from_external(vp->external);
}

/* INT3, INTO or INT1 that the root saw as an Exception record goes back as what it was, so that RIP ends up past it. */
static bool is_seen_software_exception(const struct vp *vp)
{
    uint32_t vector = vp->event.info & INTERRUPTION_VECTOR;
    return (vp->software.info & INTERRUPTION_VALID) != 0 && (vp->software.info & INTERRUPTION_VECTOR) == vector &&
           vmcs_readnw(VMCS_GUEST_RIP) == vp->software.rip;
}

void vp_event_set(struct vp *vp, const struct register_value *v)
{
    uint32_t external = register_to_external(v);
    event_set_external(vp, external);
    if (external != 0) {
        return;
    }
    uint32_t type = (vp->event.info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    if ((v->low & 1u) == 0 && type != INTERRUPTION_HARDWARE_EXCEPTION) {
        return; /* what PendingInterruption shows is not dropped by way of this register */
    }
    vp->event = register_to_exception(v);
    uint32_t vector = vp->event.info & INTERRUPTION_VECTOR;
    if ((vp->event.info & INTERRUPTION_VALID) == 0) {
        return;
    }
    if (is_seen_software_exception(vp)) {
        vp->event.info = vp->software.info;
        vp->event.instruction_length = vp->software.length;
    }
    if (vector == VECTOR_PF) {
        vp->cr2 = v->high;
        write_cr2(v->high);
    } else if (vector == VECTOR_DB) {
        vp->dr6 = (vp->dr6 & ~0xfull) | (v->high & 0x600full) | DR6_RTM;
    }
}
