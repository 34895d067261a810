/* SPDX-License-Identifier: MIT */
/* sources: vmm/vp/window_decide.c */
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmx.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/vp/window_decide.h"

#define PRIORITY(n) ((uint64_t)(n) << NOTIFY_PRIORITY_SHIFT)

static const struct window_state open_state = {.rflags = RFLAGS_IF};

static void assert_plan(struct window_plan plan, enum window_action action, uint32_t exits, uint8_t threshold)
{
    assert_int_equal(plan.action, action);
    if (action == WINDOW_ENTER) {
        assert_int_equal(plan.exits, exits);
        assert_int_equal(plan.tpr_threshold, threshold);
    }
}

static void test_nothing_wanted(void **state)
{
    (void)state;
    assert_plan(window_decide(&open_state, 0, false), WINDOW_ENTER, 0, 0);
}

static void test_interrupt_waits_for(void **state)
{
    (void)state;
    struct window_state s = open_state;
    assert_plan(window_decide(&s, NOTIFY_INTERRUPT, false), WINDOW_REPORT_INTERRUPT, 0, 0);
    s.rflags = 0;
    assert_plan(window_decide(&s, NOTIFY_INTERRUPT, false), WINDOW_ENTER, CPU_INTERRUPT_WINDOW, 0);
    s = open_state;
    s.interruptibility = BLOCKING_BY_STI;
    assert_plan(window_decide(&s, NOTIFY_INTERRUPT, false), WINDOW_ENTER, CPU_INTERRUPT_WINDOW, 0);
    s.interruptibility = BLOCKING_BY_MOV_SS;
    assert_plan(window_decide(&s, NOTIFY_INTERRUPT, false), WINDOW_ENTER, CPU_INTERRUPT_WINDOW, 0);
    s.interruptibility = BLOCKING_BY_NMI;
    assert_plan(window_decide(&s, NOTIFY_INTERRUPT, false), WINDOW_REPORT_INTERRUPT, 0, 0);
    s = open_state;
    s.event_pending = true;
    assert_plan(window_decide(&s, NOTIFY_INTERRUPT, false), WINDOW_ENTER, CPU_INTERRUPT_WINDOW, 0);
}

/* CR8 must be below the priority; an interrupt window would open too early, so the TPR is watched instead. */
static void test_priority(void **state)
{
    (void)state;
    struct window_state s = open_state;
    for (unsigned cr8 = 0; cr8 < 16; cr8++) {
        s.cr8 = (uint8_t)cr8;
        for (unsigned priority = 1; priority < 16; priority++) {
            struct window_plan plan = window_decide(&s, NOTIFY_INTERRUPT | PRIORITY(priority), false);
            if (cr8 < priority) {
                assert_plan(plan, WINDOW_REPORT_INTERRUPT, 0, 0);
            } else {
                assert_plan(plan, WINDOW_ENTER, 0, (uint8_t)priority);
                assert_true(plan.tpr_threshold <= cr8); /* or the entry would fail */
            }
        }
        assert_plan(window_decide(&s, NOTIFY_INTERRUPT, false), WINDOW_REPORT_INTERRUPT, 0, 0);
    }
}

static void test_nmi(void **state)
{
    (void)state;
    struct window_state s = {.rflags = 0};
    assert_plan(window_decide(&s, NOTIFY_NMI, false), WINDOW_REPORT_NMI, 0, 0);
    assert_plan(window_decide(&open_state, NOTIFY_NMI | NOTIFY_INTERRUPT, false), WINDOW_REPORT_NMI, 0, 0);
    s.interruptibility = BLOCKING_BY_NMI;
    assert_plan(window_decide(&s, NOTIFY_NMI, false), WINDOW_ENTER, CPU_NMI_WINDOW, 0);
    assert_plan(window_decide(&s, NOTIFY_NMI | NOTIFY_INTERRUPT, false), WINDOW_ENTER,
                CPU_NMI_WINDOW | CPU_INTERRUPT_WINDOW, 0);
    s.interruptibility = BLOCKING_BY_MOV_SS;
    assert_plan(window_decide(&s, NOTIFY_NMI, false), WINDOW_ENTER, CPU_NMI_WINDOW, 0);
}

static void test_external_comes_first(void **state)
{
    (void)state;
    struct window_state s = open_state;
    s.cr8 = 15; /* ExtINT does not look at the TPR */
    assert_plan(window_decide(&s, NOTIFY_ALL, true), WINDOW_INJECT_EXTERNAL, 0, 0);
    s.rflags = 0;
    assert_plan(window_decide(&s, 0, true), WINDOW_ENTER, CPU_INTERRUPT_WINDOW, 0);
}

/* The local APIC's interrupt waits for the flag, or for CR8 to fall below its class; an NMI comes before all. */
static void test_apic(void **state)
{
    (void)state;
    struct window_state s = {.rflags = RFLAGS_IF, .vector = 0x41};
    assert_plan(window_decide(&s, 0, false), WINDOW_INJECT_VECTOR, 0, 0);
    s.cr8 = 4;
    assert_plan(window_decide(&s, 0, false), WINDOW_ENTER, 0, 4);
    s.cr8 = 3;
    s.rflags = 0;
    assert_plan(window_decide(&s, 0, false), WINDOW_ENTER, CPU_INTERRUPT_WINDOW, 0);
    s.nmi = true;
    assert_plan(window_decide(&s, 0, false), WINDOW_INJECT_NMI, 0, 0);
    s.interruptibility = BLOCKING_BY_NMI;
    assert_plan(window_decide(&s, 0, false), WINDOW_ENTER, CPU_NMI_WINDOW | CPU_INTERRUPT_WINDOW, 0);
    s = (struct window_state){.rflags = RFLAGS_IF, .vector = 0x41, .cr8 = 9};
    assert_plan(window_decide(&s, NOTIFY_INTERRUPT | PRIORITY(7), false), WINDOW_ENTER, 0, 7); /* the higher of both */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_wanted),
        cmocka_unit_test(test_interrupt_waits_for),
        cmocka_unit_test(test_priority),
        cmocka_unit_test(test_nmi),
        cmocka_unit_test(test_external_comes_first),
        cmocka_unit_test(test_apic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
