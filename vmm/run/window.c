/* SPDX-License-Identifier: MIT */
#include "vmm/run/window.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/apic/apic.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/vp/completion.h"
#include "vmm/vp/window_decide.h"

#define WINDOW_EXITS (CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW)

static void apply(struct vp *vp, uint32_t exits, uint8_t tpr_threshold)
{
    uint32_t controls = (vp->controls.cpu & ~WINDOW_EXITS) | exits;
    if (controls != vp->controls.cpu) {
        vp->controls.cpu = controls;
        vmcs_write32(VMCS_CPU_CONTROLS, controls);
    }
    if (tpr_threshold != vp->tpr_threshold) {
        vp->tpr_threshold = tpr_threshold;
        vmcs_write32(VMCS_TPR_THRESHOLD, tpr_threshold);
    }
}

/* A notification is given once: the root arms it anew. */
static void disarm(struct vp *vp)
{
    vp->notifications = 0;
    vp_pend_while(vp, PENDING_WINDOWS, vp->external != 0);
    apply(vp, 0, 0);
}

static enum exit_action report(struct vp *vp, uint32_t reason)
{
    disarm(vp);
    struct exit_snapshot s;
    s.reason = reason;
    exit_record(vp, &s);
    return EXIT_DELIVER;
}

static struct window_state read_state(const struct vp *vp)
{
    bool apic = vp->apic_on && (vp->suspend & SUSPEND_STARTUP) == 0;
    struct window_state state = {
        .rflags = vmcs_readnw(VMCS_GUEST_RFLAGS),
        .interruptibility = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY),
        .cr8 = *((const uint8_t *)vp->virtual_apic + 0x80) >> 4,
        .event_pending = (vp->event.info & INTERRUPTION_VALID) != 0 || completion_trap_is_due(),
        .nmi = vp->nmi_pending && (vp->suspend & SUSPEND_STARTUP) == 0,
    };
    /* The processor delivers it by itself if it has virtual-interrupt delivery and may (vmm/cpu/quirks_bochs.h). */
    if (apic && (!vp->apicv || (vmm.hold_interrupts && !window_interrupt_deliverable(&state)))) {
        state.vector = apic_pending(&vp->apic);
    }
    return state;
}

/* Moves what the plan injects to vp->event. */
static void take_event(struct vp *vp, const struct window_state *state, enum window_action action)
{
    if (action == WINDOW_INJECT_EXTERNAL) {
        vp->event = (struct pending_event){.info = vp->external};
        vp->external = 0;
    } else if (action == WINDOW_INJECT_NMI) {
        vp->event = (struct pending_event){.info = VECTOR_NMI | (INTERRUPTION_NMI << INTERRUPTION_TYPE_SHIFT) |
                                                   INTERRUPTION_VALID};
        vp->nmi_pending = false;
    } else {
        vp->event = (struct pending_event){.info = state->vector | INTERRUPTION_VALID};
        apic_deliver(&vp->apic, state->vector);
    }
}

enum exit_action window_before_entry(struct vp *vp)
{
    struct window_state state = read_state(vp);
    bool external = vp->external != 0 && vp->suspend == 0;
    struct window_plan plan = window_decide(&state, vp->notifications, external);
    if (plan.action == WINDOW_REPORT_NMI || plan.action == WINDOW_REPORT_INTERRUPT) {
        return report(vp, plan.action == WINDOW_REPORT_NMI ? VMX_EXIT_NMI_WINDOW : VMX_EXIT_INTERRUPT_WINDOW);
    }
    if (plan.action != WINDOW_ENTER) {
        take_event(vp, &state, plan.action);
        state = read_state(vp);
        plan = window_decide(&state, vp->notifications, vp->external != 0);
    }
    apply(vp, plan.exits, plan.tpr_threshold);
    bool waits = vp->notifications != 0 || vp->external != 0 || vp->nmi_pending || state.vector != 0;
    vp_pend_while(vp, PENDING_WINDOWS, waits || plan.exits != 0);
    return EXIT_RESUME;
}

enum exit_action window_exit(struct vp *vp, uint32_t reason)
{
    event_requeue(vp);
    /* The processor may open the NMI window in the shadow of STI, where window_decide would wait for ever. */
    if (reason == VMX_EXIT_NMI_WINDOW && (vp->notifications & NOTIFY_NMI) != 0) {
        disarm(vp);
        return EXIT_DELIVER; /* the record is made as for any exit */
    }
    vp_pend(vp, PENDING_WINDOWS);
    return EXIT_RESUME;
}
