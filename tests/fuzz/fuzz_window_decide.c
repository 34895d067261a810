/* SPDX-License-Identifier: MIT */
/* sources: vmm/vp/window_decide.c */
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmx.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/vp/window_decide.h"

/* No event is given to a VP that cannot take it (SDM vol. 3C, 27.3.1.5), and no wait is without an end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    while (tape.left > 0) {
        struct window_state s = {
            .rflags = tape_u64(&tape),
            .interruptibility = tape_choose(&tape, 32),
            .cr8 = (uint8_t)tape_choose(&tape, 16),
            .event_pending = tape_choose(&tape, 2) != 0,
        };
        uint64_t notifications = tape_u64(&tape) & NOTIFY_ALL;
        bool external = tape_choose(&tape, 2) != 0;
        struct window_plan plan = window_decide(&s, notifications, external);
        bool takes_interrupts = (s.rflags & RFLAGS_IF) != 0 && (s.interruptibility & 3) == 0 && !s.event_pending;
        CHECK(plan.action != WINDOW_INJECT_EXTERNAL || (external && takes_interrupts));
        CHECK(plan.action != WINDOW_REPORT_INTERRUPT || takes_interrupts);
        CHECK(plan.action != WINDOW_REPORT_INTERRUPT || (notifications & NOTIFY_INTERRUPT) != 0);
        CHECK(plan.action != WINDOW_REPORT_NMI || ((notifications & NOTIFY_NMI) != 0 && !s.event_pending));
        CHECK((plan.exits & ~(CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW)) == 0 && plan.tpr_threshold <= 15);
        if (plan.action == WINDOW_ENTER) {
            CHECK(!external || (plan.exits & CPU_INTERRUPT_WINDOW) != 0);
            CHECK(plan.tpr_threshold == 0 || s.cr8 >= plan.tpr_threshold);
            CHECK((notifications & NOTIFY_NMI) == 0 || plan.exits != 0 || plan.tpr_threshold != 0);
        }
    }
    return 0;
}
