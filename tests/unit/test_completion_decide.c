/* SPDX-License-Identifier: MIT */
/* sources: vmm/vp/completion_decide.c */
#include "abi/breakpoints.h"
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmx.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/vp/completion_decide.h"

#define LONG 0xffffffff80001000ull
#define SHADOW (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)

static void test_steps(void **state)
{
    (void)state;
    assert_true(completion_steps(RFLAGS_FIXED | RFLAGS_TF, 0));
    assert_false(completion_steps(RFLAGS_FIXED | RFLAGS_TF, DEBUGCTL_BTF));
    assert_false(completion_steps(RFLAGS_FIXED, 0));
}

static void test_past(void **state)
{
    (void)state;
    assert_true(completion_is_past(LONG, LONG + 2, 2));
    assert_false(completion_is_past(LONG, LONG + 3, 2));
    assert_true(completion_is_past(LONG, LONG + 1, 0));
    assert_true(completion_is_past(LONG, LONG + 15, 0));
    assert_false(completion_is_past(LONG, LONG + 16, 0));
    assert_false(completion_is_past(LONG, LONG, 0));
    assert_false(completion_is_past(LONG, LONG - 1, 0));
    assert_true(completion_is_past(0xffffffff, 1, 2));
    assert_true(completion_is_past(0xfffffffe, 0x100000000, 2));
    assert_false(completion_is_past(0x100000000 + 0xffffffff, 1, 2));
}

static uint32_t hardware(uint32_t vector)
{
    return vector | INTERRUPTION_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT | INTERRUPTION_VALID;
}

static void test_faults(void **state)
{
    (void)state;
    for (uint32_t vector = 0; vector < 32; vector++) {
        bool other = vector == 1 || vector == 3 || vector == 4 || vector == 8 || vector == 18;
        assert_int_equal(completion_is_fault(hardware(vector)), !other);
        assert_false(completion_is_fault(vector | INTERRUPTION_VALID));
        assert_false(completion_is_fault(vector | INTERRUPTION_SOFTWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT |
                                         INTERRUPTION_VALID));
    }
}

/* What an entry demands of shadow and single step: SDM vol. 3C, 27.3.1.5. */
static bool can_be_entered(const struct completion_state *s)
{
    uint32_t shadow = s->blocking & SHADOW;
    bool step = completion_steps(s->rflags, s->debugctl), pending = (s->pending & PENDING_DEBUG_BS) != 0;
    if (shadow == SHADOW || ((shadow & BLOCKING_BY_STI) != 0 && (s->rflags & RFLAGS_IF) == 0)) {
        return false;
    }
    return shadow == 0 || step == pending;
}

static void test_every_state_can_be_entered(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        const struct completion_state was = {
            .rflags = RFLAGS_FIXED | ((i & 1) != 0 ? RFLAGS_TF : 0) | ((i & 2) != 0 ? RFLAGS_IF : 0),
            .debugctl = (i & 4) != 0 ? DEBUGCTL_BTF : 0,
            .dr7 = (i & 128) != 0 ? 0x402 : 0x400,
            .pending = ((i & 8) != 0 ? PENDING_DEBUG_BS : 0) | ((i & 64) != 0 ? 1 : 0),
            .blocking = ((i & 16) != 0   ? BLOCKING_BY_STI
                         : (i & 32) != 0 ? BLOCKING_BY_MOV_SS
                                         : 0) |
                        BLOCKING_BY_NMI,
            .event = i % 3 == 0,
        };
        struct completion_state s = was;
        completion_make_enterable(&s);
        assert_true(can_be_entered(&s));
        assert_int_equal(s.rflags, was.rflags);
        assert_true((s.blocking & BLOCKING_BY_NMI) != 0);
        assert_int_equal(s.pending & was.pending, was.pending);
        assert_int_equal(s.pending & PENDING_DEBUG_ENABLED, (i & 192) == 192 ? PENDING_DEBUG_ENABLED : 0);
        /* A shadow that no step contradicts stays one, and none comes from nowhere. */
        bool contradicted = (s.pending & PENDING_DEBUG_BS) != 0 || was.event;
        assert_true(contradicted || ((s.blocking ^ was.blocking) & SHADOW) == 0 ||
                    ((s.blocking & SHADOW) != 0 && (was.blocking & SHADOW) != 0));
        assert_true((was.blocking & SHADOW) != 0 || (s.blocking & SHADOW) == 0);
        if ((was.blocking & SHADOW) == 0) {
            assert_int_equal(s.pending & PENDING_DEBUG_BS, was.pending & PENDING_DEBUG_BS);
        }
    }
}

static void test_step_waits_for_next(void **state)
{
    (void)state;
    struct completion_state s = {.rflags = RFLAGS_FIXED | RFLAGS_TF | RFLAGS_IF, .blocking = BLOCKING_BY_STI};
    completion_make_enterable(&s);
    assert_int_equal(s.blocking, BLOCKING_BY_MOV_SS);
    assert_int_equal(s.pending, PENDING_DEBUG_BS);
    s = (struct completion_state){
        .rflags = RFLAGS_FIXED | RFLAGS_TF | RFLAGS_IF, .pending = PENDING_DEBUG_BS, .blocking = BLOCKING_BY_STI};
    completion_make_enterable(&s);
    assert_int_equal(s.blocking, BLOCKING_BY_STI); /* it is due before the next instruction already */
    s = (struct completion_state){.rflags = RFLAGS_FIXED, .pending = PENDING_DEBUG_BS, .blocking = BLOCKING_BY_MOV_SS};
    completion_make_enterable(&s);
    assert_int_equal(s.blocking, 0);
}

static uint64_t control(unsigned n, unsigned kind, unsigned length)
{
    return 2ull << (2 * n) | (uint64_t)(kind | length << 2) << (16 + 4 * n);
}

static void test_breakpoints(void **state)
{
    (void)state;
    const uint64_t dr[4] = {0x1001, 0x2003, 0x3004, 0x80};
    const uint64_t dr7 = control(0, 1, 0) | control(1, 3, 3) | control(2, 3, 2) | control(3, 2, 1);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_WRITE, 0x1000, 2), 1);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_READ, 0x1000, 2), 0);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_WRITE, 0x1002, 8), 0);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_WRITE, 0xfff, 2), 0);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_WRITE, 0xfff, 3), 1);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_READ, 0x2000, 1), 2); /* four bytes, aligned */
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_READ, 0x2004, 1), 0);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_READ, 0x3007, 1), 4); /* eight bytes, aligned */
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_READ, 0x2ff8, 8), 0);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_READ, 0x2ffc, 16), 4);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_PORT, 0x80, 1), 8);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_PORT, 0x7e, 4), 8);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_PORT, 0x82, 1), 0);
    assert_int_equal(breakpoint_hits(dr, dr7, BREAKPOINT_PORT, 0x1001, 1), 0);
    assert_int_equal(breakpoint_hits(dr, dr7 & ~0xffull, BREAKPOINT_PORT, 0x80, 1), 0);
    assert_int_equal(breakpoint_hits(dr, control(0, 0, 0), BREAKPOINT_READ, 0x1001, 1), 0); /* of execution */
    const uint64_t last[4] = {~0ull, 0, 0, 0};
    assert_int_equal(breakpoint_hits(last, control(0, 3, 0) | control(1, 3, 0), BREAKPOINT_READ, ~0ull, 2), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_past),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_every_state_can_be_entered),
        cmocka_unit_test(test_step_waits_for_next),
        cmocka_unit_test(test_breakpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
