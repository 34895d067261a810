/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/emulator*.c root/libwhv/completion.c tests/unit/emulator_guest.c -lcapstone */
/* What a process cannot execute: segment registers, far branches, the machine status word, the state of x87 and SSE. */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "tests/unit/emulator_guest.h"

#define DEVICE 0x9000u
#define GDT 0x7000u

CODE(mov_ds16, 16, "movw (%si), %ds");
CODE(mov_ds, 32, "movw (%esi), %ds");
CODE(mov_ss, 32, "movw (%esi), %ss");
CODE(mov_fs64, 64, "movw (%rsi), %fs");
CODE(mov_ss64, 64, "movw (%rsi), %ss");
CODE(store_fs64, 64, "movw %fs, (%rsi)");
CODE(lss, 32, "lss (%esi), %eax");
CODE(les16, 16, "les (%si), %bx");
CODE(push_fs, 64, "pushq %fs");
CODE(pop_gs, 64, "popq %gs");
CODE(push_imm, 64, "pushq $-5");
CODE(ljmp16, 16, "ljmpw *(%si)");
CODE(ljmp, 32, "ljmpl *(%esi)");
CODE(lcall, 32, "lcalll *(%esi)");
CODE(ljmp64, 64, "ljmpl *(%rsi)");
CODE(ret, 64, "ret $0x10");
CODE(ret32, 32, "ret");
CODE(lmsw, 32, "lmsw (%esi)");
CODE(smsw, 32, "smsw (%esi)");
CODE(div32, 32, "divl (%esi)");
CODE(idiv64, 64, "idivq (%rsi)");
CODE(movups, 64, "movups (%rsi), %xmm1");
CODE(movq_mm, 64, "movq (%rsi), %mm3");
CODE(movq_mm_store, 64, "movq %mm3, (%rsi)");

enum { CODE32 = 8, DATA32 = 16, READ_ONLY = 24, ABSENT = 32, USER = 40, CODE64 = 48, GATE = 56, NOT_ACCESSED = 64 };

static void put(struct emulated_guest *g, uint64_t at, uint64_t value, size_t size)
{
    memcpy(g->memory + at, &value, size);
}

static struct emulated_guest *guest_with_gdt(enum emulator_mode mode)
{
    static const uint64_t descriptors[] = {
        0,
        0x00cf9b000000ffff,
        0x12cf93345678ffff,
        0x00cf91000000ffff,
        0x00cf13000000ffff,
        0x00cff3000000ffff,
        0x00af9b000000ffff,
        0x0000ec0000080000,
        0x0040920000000fff,
    };
    struct emulated_guest *g = new_guest(mode);
    g->gdt = GDT;
    memcpy(g->memory + GDT, descriptors, sizeof(descriptors));
    g->gpr[RSI] = DEVICE;
    g->gpr[RSP] = 0x8000;
    g->segment[EMULATOR_CS].Selector = CODE32;
    return g;
}

static void test_real_mode(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_16_BIT);
    (void)state;
    g->gpr[RSI] = 0x100;
    put(g, 0x20100, 0x1234, 2);
    put(g, 0x20102, 0x4321, 2);
    g->segment[EMULATOR_DS].Limit = 0xfffff; /* as after protected mode: it stays */
    assert_int_equal(EMULATE(g, mov_ds16), DONE);
    assert_int_equal(g->segment[EMULATOR_DS].Base, 0x12340);
    assert_int_equal(g->segment[EMULATOR_DS].Selector, 0x1234);
    assert_int_equal(g->segment[EMULATOR_DS].Limit, 0xfffff);
    g->segment[EMULATOR_DS].Base = 0x20000;
    assert_int_equal(EMULATE(g, les16), DONE);
    assert_int_equal(g->segment[EMULATOR_ES].Base, 0x43210);
    assert_int_equal(g->gpr[RBX], 0x1234);
    assert_int_equal(EMULATE(g, ljmp16), DONE);
    assert_int_equal(g->rip, 0x1234);
    assert_int_equal(g->segment[EMULATOR_CS].Base, 0x43210);
}

static void test_data_segments(void **state)
{
    struct emulated_guest *g = guest_with_gdt(EMULATOR_32_BIT);
    (void)state;
    put(g, DEVICE, DATA32, 2);
    assert_int_equal(EMULATE(g, mov_ds), DONE);
    assert_int_equal(g->segment[EMULATOR_DS].Base, 0x12345678);
    assert_int_equal(g->segment[EMULATOR_DS].Limit, 0xffffffff);
    assert_int_equal(g->segment[EMULATOR_DS].Attributes, 0xc093);
    assert_int_equal(g->rip, 0x1000 + LENGTH(mov_ds));
    assert_int_equal(g->interrupt_state, 0);
    g = guest_with_gdt(EMULATOR_32_BIT);
    put(g, DEVICE, NOT_ACCESSED, 2);
    assert_int_equal(EMULATE(g, mov_ds), DONE);
    assert_int_equal(g->segment[EMULATOR_DS].Attributes, 0x4093);
    assert_int_equal(g->segment[EMULATOR_DS].Limit, 0xfff);
    assert_int_equal(g->memory[GDT + NOT_ACCESSED + 5], 0x93); /* the accessed bit */
    g = guest_with_gdt(EMULATOR_32_BIT);
    put(g, DEVICE, 3, 2); /* null, with an RPL */
    assert_int_equal(EMULATE(g, mov_ds), DONE);
    assert_int_equal(g->segment[EMULATOR_DS].Present, 0);
}

static void expect(struct emulated_guest *g, uint32_t selector, const uint8_t *begin, const uint8_t *end,
                   unsigned vector, uint32_t error)
{
    g->rflags = 2;
    put(g, DEVICE, selector, 2);
    (void)emulate_memory(g, begin, end);
    assert_exception(g, vector, error, 0);
}

static void test_data_segment_faults(void **state)
{
    struct emulated_guest *g = guest_with_gdt(EMULATOR_32_BIT);
    (void)state;
    expect(g, ABSENT, code_mov_ds, code_mov_ds_end, 11, ABSENT);
    expect(g, GATE, code_mov_ds, code_mov_ds_end, 13, GATE);
    expect(g, 8 * GDT_ENTRIES + 3, code_mov_ds, code_mov_ds_end, 13, 8 * GDT_ENTRIES);
    expect(g, 8 | 4, code_mov_ds, code_mov_ds_end, 13, 8 | 4); /* no LDT */
    expect(g, DATA32 | 3, code_mov_ds, code_mov_ds_end, 13, DATA32);
    expect(g, 0, code_mov_ss, code_mov_ss_end, 13, 0);
    expect(g, READ_ONLY, code_mov_ss, code_mov_ss_end, 13, READ_ONLY);
    expect(g, CODE32, code_mov_ss, code_mov_ss_end, 13, CODE32);
    expect(g, USER, code_mov_ss, code_mov_ss_end, 13, USER);
    expect(g, ABSENT, code_mov_ss, code_mov_ss_end, 12, ABSENT);
    g->state.Cpl = 3;
    expect(g, DATA32, code_mov_ds, code_mov_ds_end, 13, DATA32);
    g->missing = GDT;
    g->missing_code = WHvTranslateGvaResultPageNotPresent;
    g->rflags = 2;
    (void)EMULATE(g, mov_ds);
    assert_exception(g, 14, 0, GDT + DATA32); /* the processor's own read: not a user's */
    assert_int_equal(g->last_flags & WHvTranslateGvaFlagPrivilegeExempt, WHvTranslateGvaFlagPrivilegeExempt);
}

static void test_stack_segment(void **state)
{
    struct emulated_guest *g = guest_with_gdt(EMULATOR_32_BIT);
    (void)state;
    put(g, DEVICE, DATA32, 2);
    assert_int_equal(EMULATE(g, mov_ss), DONE);
    assert_int_equal(g->segment[EMULATOR_SS].Selector, DATA32);
    assert_int_equal(g->interrupt_state, 1);
    g = guest_with_gdt(EMULATOR_32_BIT);
    put(g, DEVICE, 0x8877, 4);
    put(g, DEVICE + 4, DATA32, 2);
    assert_int_equal(EMULATE(g, lss), DONE);
    assert_int_equal(g->gpr[RAX], 0x8877);
    assert_int_equal(g->segment[EMULATOR_SS].Selector, DATA32);
    assert_int_equal(g->interrupt_state, 0);
    g = guest_with_gdt(EMULATOR_64_BIT);
    put(g, DEVICE, 0, 2);
    assert_int_equal(EMULATE(g, mov_ss64), DONE); /* null: allowed there */
    assert_int_equal(g->segment[EMULATOR_SS].Present, 0);
}

static void test_long_mode_segments(void **state)
{
    struct emulated_guest *g = guest_with_gdt(EMULATOR_64_BIT);
    (void)state;
    put(g, DEVICE, DATA32, 2);
    assert_int_equal(EMULATE(g, mov_fs64), DONE);
    assert_int_equal(g->segment[EMULATOR_FS].Base, 0x12345678);
    g->segment[EMULATOR_FS].Base = 0;
    put(g, DEVICE, ~0ull, 8);
    assert_int_equal(EMULATE(g, store_fs64), DONE);
    assert_int_equal(g->log[0].size, 2);
    assert_int_equal(g->log[0].data, DATA32);
    assert_int_equal(EMULATE(g, push_fs), DONE);
    assert_int_equal(g->gpr[RSP], 0x7ff8);
    assert_int_equal(g->log[0].size, 8);
    assert_int_equal(g->log[0].data, DATA32);
    assert_int_equal(EMULATE(g, pop_gs), DONE);
    assert_int_equal(g->gpr[RSP], 0x8000);
    assert_int_equal(g->segment[EMULATOR_GS].Selector, DATA32);
    assert_int_equal(EMULATE(g, push_imm), DONE);
    assert_int_equal(g->log[0].data, (uint64_t)-5);
}

static void test_far_branches(void **state)
{
    struct emulated_guest *g = guest_with_gdt(EMULATOR_32_BIT);
    (void)state;
    put(g, DEVICE, 0x123456, 4);
    put(g, DEVICE + 4, CODE32, 2);
    assert_int_equal(EMULATE(g, ljmp), DONE);
    assert_int_equal(g->rip, 0x123456);
    assert_int_equal(g->segment[EMULATOR_CS].Selector, CODE32);
    assert_int_equal(g->segment[EMULATOR_CS].Attributes, 0xc09b);
    assert_int_equal(EMULATE(g, lcall), DONE);
    assert_int_equal(g->gpr[RSP], 0x7ff8);
    uint64_t pushed;
    memcpy(&pushed, g->memory + 0x7ff8, 8);
    assert_int_equal(pushed, 0x123456 + LENGTH(lcall) + ((uint64_t)CODE32 << 32));
    g = guest_with_gdt(EMULATOR_64_BIT); /* to compatibility mode and back */
    put(g, DEVICE, 0x123456, 4);
    put(g, DEVICE + 4, CODE32, 2);
    assert_int_equal(EMULATE(g, ljmp64), DONE);
    assert_int_equal(g->segment[EMULATOR_CS].Long, 0);
    put(g, DEVICE + 4, CODE64, 2);
    assert_int_equal(EMULATE(g, ljmp), DONE);
    assert_int_equal(g->segment[EMULATOR_CS].Long, 1);
}

static void test_far_branch_faults(void **state)
{
    static const struct {
        uint16_t selector;
        uint8_t vector, error;
    } rows[] = {{0, 13, 0}, {DATA32, 13, DATA32}, {ABSENT, 13, ABSENT}, {CODE32 | 3, 13, CODE32}, {0x7c, 13, 0x7c}};
    struct emulated_guest *g = guest_with_gdt(EMULATOR_32_BIT);
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        g->rflags = 2;
        put(g, DEVICE + 4, rows[i].selector, 2);
        (void)EMULATE(g, ljmp);
        assert_exception(g, rows[i].vector, rows[i].error, 0);
    }
    put(g, GDT + CODE32, 0x00cf1b000000ffff, 8);
    put(g, DEVICE + 4, CODE32, 2);
    g->rflags = 2;
    (void)EMULATE(g, ljmp);
    assert_exception(g, 11, CODE32, 0);
    put(g, GDT + CODE32, 0x00409b000000ffff, 8); /* 64 KiB */
    put(g, DEVICE, 0x10000, 4);
    g->rflags = 2;
    (void)EMULATE(g, lcall);
    assert_exception(g, 13, 0, 0);
    assert_int_equal(g->gpr[RSP], 0x8000);
    put(g, DEVICE + 4, GATE, 2);
    assert_int_equal(EMULATE(g, ljmp), INTERNAL); /* gates are not emulated */
}

static void test_return(void **state)
{
    struct emulated_guest *g = guest_with_gdt(EMULATOR_64_BIT);
    (void)state;
    put(g, 0x8000, 0x5000, 8);
    assert_int_equal(EMULATE(g, ret), DONE);
    assert_int_equal(g->rip, 0x5000);
    assert_int_equal(g->gpr[RSP], 0x8018);
    g->gpr[RSP] = 0x8000;
    put(g, 0x8000, 0x800000000000, 8);
    (void)EMULATE(g, ret);
    assert_exception(g, 13, 0, 0);
    g = guest_with_gdt(EMULATOR_32_BIT);
    put(g, 0x8000, 0x6000, 4);
    assert_int_equal(EMULATE(g, ret32), DONE);
    assert_int_equal(g->rip, 0x6000);
    assert_int_equal(g->gpr[RSP], 0x8004);
}

static void test_machine_status(void **state)
{
    struct emulated_guest *g = guest_with_gdt(EMULATOR_32_BIT);
    (void)state;
    g->cr0 = 0x8005003b;
    put(g, DEVICE, 0xffffffffffff0004, 8);
    assert_int_equal(EMULATE(g, lmsw), DONE);
    assert_int_equal(g->cr0, 0x80050035); /* PE stays, MP and TS went, EM came */
    assert_int_equal(EMULATE(g, smsw), DONE);
    assert_int_equal(g->log[0].size, 2);
    assert_int_equal(g->log[0].data, 0x35);
    g->state.Cpl = 3;
    (void)EMULATE(g, lmsw);
    assert_exception(g, 13, 0, 0);
}

static void test_divide_errors(void **state)
{
    struct emulated_guest *g = guest_with_gdt(EMULATOR_32_BIT);
    (void)state;
    (void)EMULATE(g, div32);
    assert_exception(g, 0, 0, 0);
    g->rflags = 2;
    put(g, DEVICE, 5, 4);
    g->gpr[RDX] = 5;
    (void)EMULATE(g, div32);
    assert_exception(g, 0, 0, 0);
    g = guest_with_gdt(EMULATOR_64_BIT);
    put(g, DEVICE, ~0ull, 8);
    g->gpr[RAX] = 1ull << 63;
    g->gpr[RDX] = ~0ull; /* the most negative number by -1 */
    (void)EMULATE(g, idiv64);
    assert_exception(g, 0, 0, 0);
    g->rflags = 2;
    g->gpr[RAX]++;
    assert_int_equal(EMULATE(g, idiv64), DONE);
    assert_int_equal(g->gpr[RAX], ~0ull >> 1);
    assert_int_equal(g->event.EventPending, 0);
}

static void test_vector_state(void **state)
{
    static const struct {
        uint64_t cr0, cr4;
        uint8_t xmm, mmx; /* vectors; FFH: none */
    } rows[] = {{0, 0x200, 0xff, 0xff}, {8, 0x200, 7, 7}, {4, 0x200, 6, 6}, {0xc, 0x200, 6, 6}, {0, 0, 6, 0xff}};
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct emulated_guest *g = guest_with_gdt(EMULATOR_64_BIT);
        g->cr0 = rows[i].cr0;
        g->cr4 = rows[i].cr4;
        assert_int_equal(EMULATE(g, movups), DONE);
        if (rows[i].xmm != 0xff) {
            assert_exception(g, rows[i].xmm, 0, 0);
        }
        assert_int_equal(g->event.EventPending, rows[i].xmm != 0xff);
        g->rflags = 2;
        assert_int_equal(EMULATE(g, movq_mm), DONE);
        if (rows[i].mmx != 0xff) {
            assert_exception(g, rows[i].mmx, 0, 0);
        }
        assert_int_equal(g->event.EventPending, rows[i].mmx != 0xff);
    }
}

/* The x87 stack's top is 2: MM3 is ST(1) in the image. Afterwards the top is 0, and the image moved. */
static void test_mmx_moves_the_stack(void **state)
{
    struct emulated_guest *g = guest_with_gdt(EMULATOR_64_BIT);
    (void)state;
    for (unsigned n = 0; n < 8; n++) {
        g->mmx[n] = 0x100 + n;
    }
    g->fpu_status = 2u << 11 | 0x41;
    assert_int_equal(EMULATE(g, movq_mm_store), DONE);
    assert_int_equal(g->log[0].data, 0x101);
    assert_int_equal(g->fpu_status, 0x41);
    for (unsigned n = 0; n < 8; n++) {
        assert_int_equal(g->mmx[n], 0x100 + (n + 6) % 8);
    }
    put(g, DEVICE, 0x8877665544332211, 8);
    assert_int_equal(EMULATE(g, movq_mm), DONE);
    assert_int_equal(g->mmx[3], 0x8877665544332211);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_mode),           cmocka_unit_test(test_data_segments),
        cmocka_unit_test(test_data_segment_faults), cmocka_unit_test(test_stack_segment),
        cmocka_unit_test(test_long_mode_segments),  cmocka_unit_test(test_far_branches),
        cmocka_unit_test(test_far_branch_faults),   cmocka_unit_test(test_return),
        cmocka_unit_test(test_machine_status),      cmocka_unit_test(test_divide_errors),
        cmocka_unit_test(test_vector_state),        cmocka_unit_test(test_mmx_moves_the_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
