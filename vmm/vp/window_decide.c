/* SPDX-License-Identifier: MIT */
#include "vmm/vp/window_decide.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmx.h"

static bool nmi_deliverable(const struct window_state *s)
{
    /* Some processors take NMIs in the shadow of STI, all take them after it (27.3.1.5). */
    return !s->event_pending && (s->interruptibility & (BLOCKING_BY_NMI | BLOCKING_BY_MOV_SS | BLOCKING_BY_STI)) == 0;
}

bool window_interrupt_deliverable(const struct window_state *s)
{
    return !s->event_pending && (s->rflags & RFLAGS_IF) != 0 &&
           (s->interruptibility & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) == 0;
}

/* Priority 0 asks for no particular interrupt, so CR8 does not matter (the PIC's). */
static bool priority_passes(const struct window_state *s, uint8_t priority)
{
    return priority == 0 || s->cr8 < priority;
}

static uint8_t notified_priority(uint64_t notifications)
{
    return (notifications >> NOTIFY_PRIORITY_SHIFT) & 15u;
}

static enum window_action choose(const struct window_state *s, uint64_t notifications, bool external)
{
    bool open = window_interrupt_deliverable(s);
    if (s->nmi && nmi_deliverable(s)) {
        return WINDOW_INJECT_NMI;
    }
    if (external && open) {
        return WINDOW_INJECT_EXTERNAL;
    }
    if (s->vector != 0 && open && priority_passes(s, s->vector >> 4)) {
        return WINDOW_INJECT_VECTOR;
    }
    if ((notifications & NOTIFY_NMI) != 0 && nmi_deliverable(s)) {
        return WINDOW_REPORT_NMI;
    }
    bool passes = priority_passes(s, notified_priority(notifications));
    return (notifications & NOTIFY_INTERRUPT) != 0 && passes && open ? WINDOW_REPORT_INTERRUPT : WINDOW_ENTER;
}

/* Waits for the interrupt flag if the priority passes, else for CR8 to fall: it is not below any of these now. */
static void wait_for(struct window_plan *plan, const struct window_state *s, uint8_t priority)
{
    if (priority_passes(s, priority)) {
        plan->exits |= CPU_INTERRUPT_WINDOW;
    } else if (plan->tpr_threshold < priority) {
        plan->tpr_threshold = priority; /* the entry demands that CR8 is not below it (27.2.1.1) */
    }
}

struct window_plan window_decide(const struct window_state *s, uint64_t notifications, bool external)
{
    struct window_plan plan = {.action = choose(s, notifications, external)};
    if ((notifications & NOTIFY_NMI) != 0 || s->nmi) {
        plan.exits |= CPU_NMI_WINDOW;
    }
    if (external) {
        wait_for(&plan, s, 0);
    }
    if (s->vector != 0) {
        wait_for(&plan, s, s->vector >> 4);
    }
    if ((notifications & NOTIFY_INTERRUPT) != 0) {
        wait_for(&plan, s, notified_priority(notifications));
    }
    return plan;
}
