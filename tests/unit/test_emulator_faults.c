/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/emulator*.c root/libwhv/completion.c tests/unit/emulator_guest.c -lcapstone */
/* The exceptions that an instruction raises while it is emulated: vector, error code, CR2, which comes first. */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "tests/unit/emulator_guest.h"

#define MISSING 0x5000u
#define DEVICE 0x9000u
#define NON_CANONICAL 0x0000800000000000u
#define CANONICAL_57_ONLY 0x00ff000000000000u

CODE(load32, 64, "movl (%rsi), %eax");
CODE(load_stack, 64, "movl (%rsp), %eax");
CODE(load_rbp, 64, "movl (%rbp), %eax");
CODE(load_fs, 64, "movl %fs:(%rsi), %eax");
CODE(store32, 64, "movl %eax, (%rsi)");
CODE(or32, 64, "orl %eax, (%rsi)");
CODE(push64, 64, "pushq (%rsi)");
CODE(pop64, 64, "popq (%rsi)");
CODE(call64, 64, "call *(%rsi)");
CODE(jmp64, 64, "jmp *(%rsi)");
CODE(movsb, 64, "rep movsb");
CODE(scasb, 64, "repne scasb");
CODE(movups, 64, "movups (%rsi), %xmm1");
CODE(outsb, 64, "rep outsb");
CODE(insb, 64, "insb");
CODE(load_ss32, 32, "movl 0x10(%ebp), %eax");
CODE(push32, 32, "pushl (%esi)");
CODE(jmp32, 32, "jmp *(%esi)");
CODE(call32, 32, "call *(%esi)");
CODE(push16, 16, "pushw (%si)");
CODE(load16, 16, "movl (%si), %eax");

static struct emulated_guest *guest_without_page(WHV_TRANSLATE_GVA_RESULT_CODE code)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    g->missing = MISSING;
    g->missing_code = code;
    g->gpr[RSI] = MISSING + 8;
    g->gpr[RSP] = 0x8000;
    return g;
}

static void put(struct emulated_guest *g, uint64_t at, uint64_t value)
{
    memcpy(g->memory + at, &value, sizeof(value));
}

static void test_page_fault_codes(void **state)
{
    static const struct {
        WHV_TRANSLATE_GVA_RESULT_CODE code;
        uint8_t cpl, read, write;
    } rows[] = {
        {WHvTranslateGvaResultPageNotPresent, 0, 0, 2},         {WHvTranslateGvaResultPageNotPresent, 3, 4, 6},
        {WHvTranslateGvaResultPrivilegeViolation, 0, 1, 3},     {WHvTranslateGvaResultPrivilegeViolation, 3, 5, 7},
        {WHvTranslateGvaResultInvalidPageTableFlags, 0, 9, 11}, {WHvTranslateGvaResultInvalidPageTableFlags, 3, 13, 15},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct emulated_guest *g = guest_without_page(rows[i].code);
        g->state.Cpl = rows[i].cpl & 3;
        (void)EMULATE(g, load32);
        assert_exception(g, 14, rows[i].read, MISSING + 8);
        (void)EMULATE(g, store32);
        assert_exception(g, 14, rows[i].write, MISSING + 8);
        (void)EMULATE(g, or32);
        assert_exception(g, 14, rows[i].write, MISSING + 8);
        assert_int_equal(g->memories, 0);
    }
}

/* Bit 4 is that of an instruction fetch, where fetches have rights of their own. */
static void test_page_fault_of_a_fetch(void **state)
{
    struct emulated_guest *g = guest_without_page(WHvTranslateGvaResultPrivilegeViolation);
    (void)state;
    g->rip = MISSING;
    assert_int_equal(emulate_memory(g, code_load32, code_load32), DONE);
    assert_exception(g, 14, 1, MISSING);
    g->cr4 = 0x20;
    g->efer = 0x800;
    g->rflags = 2;
    assert_int_equal(emulate_memory(g, code_load32, code_load32), DONE);
    assert_exception(g, 14, 17, MISSING);
    g->efer = 0;
    g->cr4 = 1u << 20;
    g->rflags = 2;
    assert_int_equal(emulate_memory(g, code_load32, code_load32), DONE);
    assert_exception(g, 14, 17, MISSING);
}

static void test_string_ports(void **state)
{
    struct emulated_guest *g = guest_without_page(WHvTranslateGvaResultPageNotPresent);
    (void)state;
    g->io.AccessInfo.StringOp = 1;
    g->gpr[RCX] = 4;
    g->gpr[RSI] = MISSING - 2;
    g->memory[MISSING - 2] = 7;
    (void)EMULATE_PORT(g, outsb);
    assert_exception(g, 14, 0, MISSING);
    assert_int_equal(g->ports, 2);
    assert_int_equal(g->gpr[RCX], 2); /* what was written is not written again */
    assert_int_equal(g->gpr[RSI], MISSING);
    g->gpr[RDI] = MISSING;
    g->rflags = 2;
    (void)EMULATE_PORT(g, insb);
    assert_exception(g, 14, 2, MISSING);
    assert_int_equal(g->ports, 0);
}

static void test_repetition_keeps_flags(void **state)
{
    struct emulated_guest *g = guest_without_page(WHvTranslateGvaResultPageNotPresent);
    (void)state;
    g->gpr[RCX] = 9;
    g->gpr[RAX] = 1;
    g->gpr[RDI] = MISSING - 3;
    (void)EMULATE(g, scasb);
    assert_exception(g, 14, 0, MISSING); /* with RFLAGS from before */
    assert_int_equal(g->gpr[RCX], 6);
}

static void test_stack_of_push(void **state)
{
    struct emulated_guest *g = guest_without_page(WHvTranslateGvaResultPageNotPresent);
    (void)state;
    g->gpr[RSI] = DEVICE;
    g->gpr[RSP] = MISSING + 8;
    (void)EMULATE(g, push64);
    assert_exception(g, 14, 2, MISSING);
    assert_int_equal(g->gpr[RSP], MISSING + 8);
    assert_int_equal(g->memories, 0); /* the device is read once, when the guest comes back */
    g->rflags = 2;
    g->gpr[RSI] = MISSING + 16; /* both: the source is first */
    (void)EMULATE(g, push64);
    assert_exception(g, 14, 0, MISSING + 16);
}

static void test_stack_that_is_not_canonical(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RSI] = DEVICE;
    g->gpr[RSP] = NON_CANONICAL + 0x1000;
    (void)EMULATE(g, push64);
    assert_exception(g, 12, 0, 0);
    g->rflags = 2;
    (void)EMULATE(g, load_stack);
    assert_exception(g, 12, 0, 0);
    g->rflags = 2;
    g->gpr[RBP] = NON_CANONICAL;
    (void)EMULATE(g, load_rbp);
    assert_exception(g, 12, 0, 0);
    g->rflags = 2;
    (void)EMULATE(g, pop64);
    assert_exception(g, 12, 0, 0);
}

static void test_pop_target_faults(void **state)
{
    struct emulated_guest *g = guest_without_page(WHvTranslateGvaResultPageNotPresent);
    (void)state;
    (void)EMULATE(g, pop64);
    assert_exception(g, 14, 2, MISSING + 8);
    assert_int_equal(g->gpr[RSP], 0x8000);
}

static void test_branches(void **state)
{
    struct emulated_guest *g = guest_without_page(WHvTranslateGvaResultPageNotPresent);
    (void)state;
    g->gpr[RSI] = DEVICE;
    put(g, DEVICE, NON_CANONICAL);
    (void)EMULATE(g, jmp64);
    assert_exception(g, 13, 0, 0);
    g->rflags = 2;
    g->gpr[RSP] = MISSING + 8; /* the target is checked before the stack */
    (void)EMULATE(g, call64);
    assert_exception(g, 13, 0, 0);
    g->rflags = 2;
    put(g, DEVICE, 0x4000);
    (void)EMULATE(g, call64);
    assert_exception(g, 14, 2, MISSING);
    g->rflags = 2;
    g = new_guest(EMULATOR_32_BIT);
    g->segment[EMULATOR_CS].Limit = 0xfff;
    g->gpr[RSI] = DEVICE;
    put(g, DEVICE, 0x1000);
    (void)EMULATE(g, jmp32);
    assert_exception(g, 13, 0, 0);
    g->rflags = 2;
    g->segment[EMULATOR_SS].Limit = 0xfff;
    g->gpr[RSP] = 0x8000;
    put(g, DEVICE, 0xfff);
    (void)EMULATE(g, call32);
    assert_exception(g, 12, 0, 0);
}

static void test_canonical_addresses(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RSI] = NON_CANONICAL;
    (void)EMULATE(g, load32);
    assert_exception(g, 13, 0, 0);
    g->rflags = 2;
    g->gpr[RSI] = NON_CANONICAL - 2; /* its last bytes are not */
    (void)EMULATE(g, load32);
    assert_exception(g, 13, 0, 0);
    g->rflags = 2;
    g->gpr[RSI] = 0x1000;
    g->segment[EMULATOR_FS].Base = CANONICAL_57_ONLY;
    (void)EMULATE(g, load_fs);
    assert_exception(g, 13, 0, 0);
    g->rflags = 2;
    g->cr4 = 1u << 12; /* LA57 */
    g->moved_from = CANONICAL_57_ONLY + 0x1000;
    g->moved_to = 0x1000;
    assert_int_equal(EMULATE(g, load_fs), DONE);
    assert_int_equal(g->event.EventPending, 0);
    g->fail_get = 2;
    assert_int_equal(EMULATE(g, load_fs), GET_FAILED);
    assert_int_equal(g->sets, 0);
}

static void test_segments(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_32_BIT);
    (void)state;
    g->segment[EMULATOR_SS].Limit = 0xfff;
    g->gpr[RBP] = 0xff0;
    (void)EMULATE(g, load_ss32);
    assert_exception(g, 12, 0, 0);
    g->rflags = 2;
    g->gpr[RSI] = DEVICE;
    g->gpr[RSP] = 0x2000;
    (void)EMULATE(g, push32);
    assert_exception(g, 12, 0, 0);
    assert_int_equal(g->memories, 0);
}

static void test_real_mode_has_no_error_codes(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_16_BIT);
    (void)state;
    g->gpr[RSI] = 0xfffe;
    (void)EMULATE(g, load16);
    assert_exception(g, 13, 0, 0);
    assert_int_equal(g->event.DeliverErrorCode, 0);
    g->rflags = 2;
    g->gpr[RSI] = 0;
    g->gpr[RSP] = 1;
    (void)EMULATE(g, push16);
    assert_exception(g, 12, 0, 0);
    g->state.Cr0Pe = 1; /* virtual-8086 mode has them */
    g->rflags = 0x20002;
    (void)EMULATE(g, push16);
    assert_exception(g, 12, 0, 0);
    assert_int_equal(g->event.DeliverErrorCode, 1);
}

static void test_alignment(void **state)
{
    struct emulated_guest *g = guest_without_page(WHvTranslateGvaResultPageNotPresent);
    (void)state;
    g->state.Cpl = 3;
    g->state.Cr0Am = 1;
    g->rflags = 0x40002;
    g->gpr[RSI] = DEVICE + 2;
    (void)EMULATE(g, load32);
    assert_exception(g, 17, 0, 0);
    g->rflags = 0x40002;
    g->gpr[RSI] = MISSING + 2; /* a page fault is first */
    (void)EMULATE(g, load32);
    assert_exception(g, 14, 4, MISSING + 2);
    g->gpr[RSI] = DEVICE + 2;
    g->rflags = 2;
    assert_int_equal(EMULATE(g, load32), DONE);
    assert_int_equal(g->event.EventPending, 0);
    g->rflags = 0x40002;
    assert_int_equal(EMULATE(g, movups), DONE);
    assert_int_equal(g->event.EventPending, 0);
    g->state.Cpl = 0;
    assert_int_equal(EMULATE(g, load32), DONE);
    assert_int_equal(g->event.EventPending, 0);
}

/* No exception says that the guest's tables are not in memory; nor can one be given if the client refuses it. */
static void test_what_no_exception_says(void **state)
{
    struct emulated_guest *g = guest_without_page(WHvTranslateGvaResultGpaUnmapped);
    g->missing_leaves_gpa = true;
    (void)state;
    assert_int_equal(EMULATE(g, load32), FAULTS);
    assert_int_equal(g->sets, 0);
    assert_int_equal(g->report.fault_pending, 0);
    assert_int_equal(g->report.fault_address, MISSING + 8);
    g->missing_code = WHvTranslateGvaResultPageNotPresent;
    g->fail_set = 1;
    assert_int_equal(EMULATE(g, load32), SET_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_fault_codes),
        cmocka_unit_test(test_page_fault_of_a_fetch),
        cmocka_unit_test(test_string_ports),
        cmocka_unit_test(test_repetition_keeps_flags),
        cmocka_unit_test(test_stack_of_push),
        cmocka_unit_test(test_stack_that_is_not_canonical),
        cmocka_unit_test(test_pop_target_faults),
        cmocka_unit_test(test_branches),
        cmocka_unit_test(test_canonical_addresses),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_real_mode_has_no_error_codes),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_what_no_exception_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
