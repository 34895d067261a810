/* SPDX-License-Identifier: MIT */
#include "vmm/window_decide.h"

#include "arch/cpu.h"
#include "arch/vmx.h"

static bool nmi_deliverable(const struct window_state *s)
{
    /* Some processors take NMIs in the shadow of STI, all take them after it (27.3.1.5). */
    return !s->event_pending && (s->interruptibility & (BLOCKING_BY_NMI | BLOCKING_BY_MOV_SS | BLOCKING_BY_STI)) == 0;
}

static bool interrupt_deliverable(const struct window_state *s)
{
    return !s->event_pending && (s->rflags & RFLAGS_IF) != 0 &&
           (s->interruptibility & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) == 0;
}

/* Priority 0 asks for no particular interrupt, so CR8 does not matter (the PIC's). */
static bool priority_passes(const struct window_state *s, uint8_t priority)
{
    return priority == 0 || s->cr8 < priority;
}

struct window_plan window_decide(const struct window_state *s, uint64_t notifications, bool external)
{
    struct window_plan plan = {.action = WINDOW_ENTER};
    uint8_t priority = (notifications >> NOTIFY_PRIORITY_SHIFT) & 15u;
    bool passes = priority_passes(s, priority);
    if (external && interrupt_deliverable(s)) {
        plan.action = WINDOW_INJECT_EXTERNAL;
    } else if ((notifications & NOTIFY_NMI) != 0 && nmi_deliverable(s)) {
        plan.action = WINDOW_REPORT_NMI;
    } else if ((notifications & NOTIFY_INTERRUPT) != 0 && passes && interrupt_deliverable(s)) {
        plan.action = WINDOW_REPORT_INTERRUPT;
    }
    if ((notifications & NOTIFY_NMI) != 0) {
        plan.exits |= CPU_NMI_WINDOW;
    }
    if (external || ((notifications & NOTIFY_INTERRUPT) != 0 && passes)) {
        plan.exits |= CPU_INTERRUPT_WINDOW;
    }
    if ((notifications & NOTIFY_INTERRUPT) != 0 && !passes) {
        plan.tpr_threshold = priority; /* CR8 is at or above it: the entry demands that (27.2.1.1) */
    }
    return plan;
}
