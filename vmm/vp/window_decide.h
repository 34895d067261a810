/* SPDX-License-Identifier: MIT */
/*
 * When an event can be delivered to a VP, and what to wait for if it cannot (SDM vol. 3C, 27.2.1.3, 27.7.5, 27.7.6).
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* WHV_DELIVERABILITY_NOTIFICATIONS_REGISTER */
#define NOTIFY_NMI (1ull << 0)
#define NOTIFY_INTERRUPT (1ull << 1)
#define NOTIFY_PRIORITY_SHIFT 2u
#define NOTIFY_ALL 0x3full

struct window_state {
    uint64_t rflags;
    uint32_t interruptibility;
    uint8_t cr8;        /* 0 to 15 */
    bool event_pending; /* an event is delivered at the next entry anyway */
    bool nmi;           /* the VP's APIC has an NMI for it */
    uint8_t vector;     /* the VP's APIC has this interrupt for it, above all in service; 0: none */
};

enum window_action {
    WINDOW_ENTER,            /* nothing to deliver now */
    WINDOW_INJECT_NMI,       /* the APIC's NMI can be delivered */
    WINDOW_INJECT_VECTOR,    /* the APIC's interrupt can be delivered */
    WINDOW_INJECT_EXTERNAL,  /* the external interrupt that waits can be delivered */
    WINDOW_REPORT_NMI,       /* the root asked to hear that an NMI can be delivered */
    WINDOW_REPORT_INTERRUPT, /* likewise, an interrupt */
};

struct window_plan {
    enum window_action action;
    uint32_t exits;        /* CPU_INTERRUPT_WINDOW and CPU_NMI_WINDOW: which exits to ask for, for WINDOW_ENTER */
    uint8_t tpr_threshold; /* 0: none; else exit once CR8 is below it, which it is not now */
};

/* Whether the VP takes an interrupt at its next entry, whatever its priority. */
bool window_interrupt_deliverable(const struct window_state *state);

/* `notifications`: what the root wants to hear of; `external`: an external interrupt waits, above all priorities. */
struct window_plan window_decide(const struct window_state *state, uint64_t notifications, bool external);
