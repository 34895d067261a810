/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/emulator*.c root/libwhv/completion.c tests/unit/emulator_guest.c -lcapstone */
/* What is due behind an emulated instruction: breakpoints it met, steps, the end of a shadow. */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "tests/unit/emulator_guest.h"

CODE(store, 64, "movl %eax, (%rsi)");
CODE(load, 64, "movw (%rsi), %ax");
CODE(change, 64, "orb $1, (%rsi)");
CODE(movsb, 64, "rep movsb");
CODE(stosl, 64, "rep stosl");
CODE(cmpsb, 64, "repe cmpsb");
CODE(outsb, 64, "rep outsb");
CODE(jump, 64, "jmp *(%rsi)");

#define STEP 0x10u
#define DATA0 0xf0002u /* DR7: DR0, four bytes, reads and writes */
#define WRITES0 0xd0002u
#define PORT0 0x20002u
#define CR4_DE 8u
#define AT 0x5000u

static struct emulated_guest *guest_at(uint64_t rsi)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    g->gpr[RSI] = rsi;
    g->gpr[RDI] = AT + 0x1000;
    return g;
}

static void watch(struct emulated_guest *g, uint64_t dr7)
{
    g->dr[0] = AT;
    g->dr7 = dr7;
    g->state.DebugActive = dr7 != 0;
}

static void test_breakpoints(void **state)
{
    static const struct {
        uint64_t rsi, dr7;
        bool store, met;
    } cases[] = {
        {AT, DATA0, true, true},      {AT, WRITES0, true, true},     {AT, DATA0, false, true},
        {AT, WRITES0, false, false},  {AT + 4, DATA0, true, false},  {AT - 3, DATA0, true, true},
        {AT - 4, DATA0, true, false}, {AT + 3, WRITES0, true, true}, {AT + 3, DATA0, false, true},
        {AT, PORT0, true, false},     {AT - 2, DATA0, false, false},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct emulated_guest *g = guest_at(cases[i].rsi);
        watch(g, cases[i].dr7);
        assert_int_equal(cases[i].store ? EMULATE(g, store) : EMULATE(g, load), DONE);
        assert_int_equal(g->pending_debug, cases[i].met ? 1 : 0);
        assert_int_equal(g->rip, 0x1000 + (cases[i].store ? LENGTH(store) : LENGTH(load)));
    }
}

/* What waits already stays. */
static void test_pending_is_kept(void **state)
{
    struct emulated_guest *g = guest_at(AT);
    (void)state;
    watch(g, WRITES0);
    g->pending_debug = 4;
    assert_int_equal(EMULATE(g, change), DONE);
    assert_int_equal(g->pending_debug, 5);
}

static void test_step_of_repetition(void **state)
{
    struct emulated_guest *g = guest_at(AT);
    (void)state;
    g->gpr[RCX] = 3;
    for (unsigned n = 1; n <= 3; n++) {
        g->rflags = 0x102;
        g->pending_debug = 0;
        assert_int_equal(EMULATE(g, movsb), DONE);
        assert_int_equal(g->gpr[RCX], 3 - n);
        assert_int_equal(g->gpr[RSI], AT + n);
        assert_int_equal(g->rip, 0x1000 + (n == 3 ? LENGTH(movsb) : 0));
        assert_int_equal(g->rflags, n == 3 ? 0x102 : 0x102 | EMULATOR_RF);
        assert_int_equal(g->pending_debug, n == 3 ? 0 : STEP); /* behind the last RIP says it */
    }
}

/* A comparison that ends it is the last one. */
static void test_step_of_comparison(void **state)
{
    struct emulated_guest *g = guest_at(AT);
    (void)state;
    g->gpr[RCX] = 3;
    g->rflags = 0x102;
    g->memory[AT] = 1;
    assert_int_equal(EMULATE(g, cmpsb), DONE);
    assert_int_equal(g->rip, 0x1000 + LENGTH(cmpsb));
    assert_int_equal(g->gpr[RCX], 2);
    assert_int_equal(g->pending_debug, 0);
}

static void test_breakpoint_in_repetition(void **state)
{
    struct emulated_guest *g = guest_at(AT);
    (void)state;
    watch(g, WRITES0);
    g->gpr[RDI] = AT - 8;
    g->gpr[RCX] = 10;
    assert_int_equal(EMULATE(g, stosl), DONE);
    assert_int_equal(g->gpr[RCX], 7);
    assert_int_equal(g->gpr[RDI], AT + 4);
    assert_int_equal(g->rip, 0x1000);
    assert_int_equal(g->pending_debug, 1);
    assert_int_equal(g->rflags, 2 | EMULATOR_RF);
}

static void test_port_in_repetition(void **state)
{
    (void)state;
    for (unsigned on = 0; on < 2; on++) {
        struct emulated_guest *g = guest_at(0x4000);
        watch(g, PORT0);
        g->dr[0] = 0x80;
        g->cr4 = on != 0 ? CR4_DE : 0;
        g->gpr[RCX] = 4;
        g->gpr[RDX] = 0x80;
        g->io = (WHV_X64_IO_PORT_ACCESS_CONTEXT){.PortNumber = 0x80};
        g->io.AccessInfo.StringOp = 1;
        assert_int_equal(EMULATE_PORT(g, outsb), DONE);
        assert_int_equal(g->gpr[RCX], on != 0 ? 3 : 0);
        assert_int_equal(g->pending_debug, on);
    }
}

/* A shadow covered the first element. */
static void test_shadow_ends(void **state)
{
    struct emulated_guest *g = guest_at(AT);
    (void)state;
    g->state.InterruptShadow = 1;
    g->interrupt_state = 3;
    g->rflags = 0x102;
    g->gpr[RCX] = 2;
    assert_int_equal(EMULATE(g, movsb), DONE);
    assert_int_equal(g->interrupt_state, 2);
    assert_int_equal(g->pending_debug, STEP);
}

static void test_step_of_branch(void **state)
{
    struct emulated_guest *g = guest_at(AT);
    const uint64_t target = 0x7000;
    (void)state;
    memcpy(g->memory + AT, &target, sizeof(target));
    g->rflags = 0x102;
    assert_int_equal(EMULATE(g, jump), DONE);
    assert_int_equal(g->rip, target);
    assert_int_equal(g->pending_debug, STEP);
}

/* Where nothing of this is on, the client is asked for no more than before. */
static void test_plain_costs_nothing(void **state)
{
    struct emulated_guest *g = guest_at(AT);
    (void)state;
    assert_int_equal(EMULATE(g, store), DONE);
    assert_int_equal(g->gets, 1);
    assert_int_equal(g->sets, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breakpoints),
        cmocka_unit_test(test_pending_is_kept),
        cmocka_unit_test(test_step_of_repetition),
        cmocka_unit_test(test_step_of_comparison),
        cmocka_unit_test(test_breakpoint_in_repetition),
        cmocka_unit_test(test_port_in_repetition),
        cmocka_unit_test(test_shadow_ends),
        cmocka_unit_test(test_step_of_branch),
        cmocka_unit_test(test_plain_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
