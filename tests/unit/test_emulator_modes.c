/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/emulator*.c root/libwhv/completion.c tests/unit/emulator_guest.c -lcapstone */
/* Modes, segments, sizes, page crossings, stacks and repetition, each with the exact callbacks it makes. */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "tests/unit/emulator_guest.h"

CODE(store_moffs16, 16, "movb %al, %es:0x1234");
CODE(store_bp, 16, "movw %ax, 2(%bp,%si)");
CODE(store_ebx, 16, "addr32 movl %eax, 0x10000(%ebx)");
CODE(load_bx_di, 16, "movw -1(%bx,%di), %cx");
CODE(movs16, 16, "rep movsb");
CODE(movs16_fs, 16, "fs movsw");
CODE(movs16_addr32, 16, "addr32 rep movsl");
CODE(stos32, 32, "rep stosl");
CODE(store_moffs32, 32, "movl %eax, 0x5000");
CODE(store_moffs64, 64, "movabs %eax, 0x5000");
CODE(load_rip, 64, "movl 0x2000(%rip), %eax");
CODE(load_addr32, 64, "addr32 movl 8(%esi), %eax");
CODE(load_fs, 64, "movq %fs:8, %rax");
CODE(load_ds, 64, "ds movl (%rsi), %eax");
CODE(load64, 64, "movq (%rsi), %rax");
CODE(store32, 64, "movl %eax, (%rsi)");
CODE(store64, 64, "movq %rax, (%rsi)");
CODE(add64, 64, "addq %rax, (%rsi)");
CODE(push64, 64, "pushq (%rsi)");
CODE(pop64, 64, "popq 8(%rsp)");
CODE(call64, 64, "call *(%rsi)");
CODE(jmp64, 64, "jmp *(%rsi)");
CODE(push32, 32, "pushl (%esi)");
CODE(push16, 16, "pushw (%si)");
CODE(pop_reg, 64, "popq %rbx");
CODE(call32, 32, "call *(%esi)");
CODE(jmp16, 16, "jmp *(%si)");
CODE(stosb, 64, "rep stosb");
CODE(movsb, 64, "rep movsb");
CODE(movsb32, 64, "addr32 rep movsb");
CODE(dec_mem, 64, "decl (%rsi)");

static void put(struct emulated_guest *g, uint64_t at, uint64_t value, size_t size)
{
    memcpy(g->memory + at, &value, size);
}

static uint64_t memory_at(struct emulated_guest *g, uint64_t at, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, g->memory + at, size);
    return value;
}

static void test_real_mode_segments(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_16_BIT);
    (void)state;
    g->gpr[RAX] = 0xaabb;
    assert_int_equal(EMULATE(g, store_moffs16), DONE);
    assert_int_equal(memory_at(g, 0x11234, 2), 0xbb);
    g->gpr[RBP] = 0xfffff000;
    g->gpr[RSI] = 0x2000;
    g->segment[EMULATOR_SS].Base = 0x30000;
    assert_int_equal(EMULATE(g, store_bp), DONE); /* 0xf000 + 0x2000 + 2 wraps at 64 KiB */
    assert_int_equal(memory_at(g, 0x31002, 2), 0xaabb);
    g->gpr[RBX] = 0;
    g->gpr[RDI] = 0x10;
    put(g, 0x2000f, 0x7788, 2);
    g->gpr[RCX] = 0x99999999;
    assert_int_equal(EMULATE(g, load_bx_di), DONE);
    assert_int_equal(g->gpr[RCX], 0x99997788);
}

static void test_real_mode_limit(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_16_BIT);
    (void)state;
    assert_int_equal(EMULATE(g, store_ebx), DONE);
    assert_exception(g, 13, 0, 0);
    assert_int_equal(g->memories, 0);
    g->segment[EMULATOR_DS].Limit = 0xffffffff; /* as after a visit to protected mode */
    assert_int_equal(EMULATE(g, store_ebx), DONE);
    assert_int_equal(g->log[0].gpa, 0x30000);
}

static void test_real_mode_instruction_pointer_wraps(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_16_BIT);
    (void)state;
    g->rip = 0xfffd;
    assert_int_equal(EMULATE(g, movs16_fs), DONE);
    assert_int_equal(g->rip, 0xffff);
    g->rip = 0xfffe;
    assert_int_equal(EMULATE(g, movs16), DONE);
    assert_int_equal(g->rip, 0);
}

static void test_real_mode_string_wraps(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_16_BIT);
    (void)state;
    g->gpr[RSI] = 0xabcd0000fffe;
    g->gpr[RDI] = 0x7777ffff;
    g->gpr[RCX] = 0x50003;
    memcpy(g->memory + 0x2fffe, "ab", 2);
    g->memory[0x20000] = 'c';
    assert_int_equal(EMULATE(g, movs16), DONE);
    assert_int_equal(g->memory[0x1ffff], 'a');
    assert_memory_equal(g->memory + 0x10000, "bc", 2);
    assert_int_equal(g->gpr[RSI], 0xabcd00000001);
    assert_int_equal(g->gpr[RDI], 0x77770002);
    assert_int_equal(g->gpr[RCX], 0x50000);
    assert_int_equal(g->memories, 6);
}

static void test_string_overrides(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_16_BIT);
    (void)state;
    g->segment[EMULATOR_FS].Base = 0x40000;
    g->gpr[RSI] = 4;
    g->gpr[RDI] = 2;
    g->rflags |= EMULATOR_DF;
    put(g, 0x40004, 0x1234, 2);
    assert_int_equal(EMULATE(g, movs16_fs), DONE);
    assert_int_equal(memory_at(g, 0x10002, 2), 0x1234);
    assert_int_equal(g->gpr[RSI], 2);
    assert_int_equal(g->gpr[RDI], 0);
    g->rflags = 2;
    g->gpr[RCX] = 2;
    assert_int_equal(EMULATE(g, movs16_addr32), DONE);
    assert_int_equal(g->gpr[RSI], 10);
    assert_int_equal(g->gpr[RCX], 0);
    assert_int_equal(g->log[0].size, 4);
}

static void test_protected_mode(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_32_BIT);
    (void)state;
    g->gpr[RAX] = 0x11223344;
    g->gpr[RCX] = 3;
    g->gpr[RDI] = 0x5000;
    assert_int_equal(EMULATE(g, stos32), DONE);
    assert_int_equal(memory_at(g, 0x5008, 8), 0x11223344);
    assert_int_equal(g->gpr[RDI], 0x500c);
    g->segment[EMULATOR_DS].Base = 0xfffff000; /* linear addresses have 32 bits */
    assert_int_equal(EMULATE(g, store_moffs32), DONE);
    assert_int_equal(g->log[0].gpa, 0x4000);
}

static void test_protected_mode_segment_faults(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_32_BIT);
    (void)state;
    g->segment[EMULATOR_DS].Limit = 0x5002;
    assert_int_equal(EMULATE(g, store_moffs32), DONE);
    assert_exception(g, 13, 0, 0);
    g->segment[EMULATOR_DS].Limit = 0x5003;
    assert_int_equal(EMULATE(g, store_moffs32), DONE);
    g->segment[EMULATOR_DS].SegmentType = 1; /* read-only */
    assert_int_equal(EMULATE(g, store_moffs32), DONE);
    assert_exception(g, 13, 0, 0);
    g->segment[EMULATOR_DS].SegmentType = 7; /* expand-down: valid above the limit */
    assert_int_equal(EMULATE(g, store_moffs32), DONE);
    assert_exception(g, 13, 0, 0);
    g->segment[EMULATOR_DS].Limit = 0x4fff;
    assert_int_equal(EMULATE(g, store_moffs32), DONE);
    g->segment[EMULATOR_DS].Present = 0;
    assert_int_equal(EMULATE(g, store_moffs32), DONE);
    assert_exception(g, 13, 0, 0);
}

static void test_long_mode_addresses(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        g->segment[i].Base = 0x100; /* counts for FS and GS alone */
    }
    assert_int_equal(EMULATE(g, load_rip), DONE);
    assert_int_equal(g->log[0].gpa, 0x3000 + LENGTH(load_rip));
    g->gpr[RSI] = 0x1fffffff8;
    assert_int_equal(EMULATE(g, load_addr32), DONE);
    assert_int_equal(g->log[0].gpa, 0);
    assert_int_equal(EMULATE(g, load_fs), DONE);
    assert_int_equal(g->log[0].gpa, 0x108);
    g->gpr[RSI] = 0x4000;
    assert_int_equal(EMULATE(g, load_ds), DONE);
    assert_int_equal(g->log[0].gpa, 0x4000);
    assert_int_equal(EMULATE(g, store_moffs64), DONE);
    assert_int_equal(g->log[0].gpa, 0x5000);
    g->gpr[RSI] = 0x8000000000000000;
    assert_int_equal(EMULATE(g, load64), DONE);
    assert_exception(g, 13, 0, 0);
}

static void test_page_crossing(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->moved_from = 0x6000;
    g->moved_to = 0x9000;
    g->gpr[RSI] = 0x5ffd;
    g->gpr[RAX] = 0x8877665544332211;
    assert_int_equal(EMULATE(g, store64), DONE);
    assert_int_equal(g->translates, 2);
    assert_int_equal(g->memories, 4);
    assert_int_equal(g->log[0].gpa, 0x5ffd);
    assert_int_equal(g->log[0].size, 2);
    assert_int_equal(g->log[1].size, 1);
    assert_int_equal(g->log[2].gpa, 0x9000);
    assert_int_equal(g->log[2].size, 4);
    assert_int_equal(g->log[3].data, 0x88);
    g->gpr[RAX] = 0;
    assert_int_equal(EMULATE(g, load64), DONE);
    assert_int_equal(g->gpr[RAX], 0x8877665544332211);
    assert_int_equal(EMULATE(g, add64), DONE);
    assert_int_equal(g->translates, 2);
    assert_int_equal(g->last_flags, WHvTranslateGvaFlagValidateRead | WHvTranslateGvaFlagValidateWrite |
                                        WHvTranslateGvaFlagSetPageTableBits);
    assert_int_equal(memory_at(g, 0x9000, 4), 0xeeccaa88);
}

static void test_page_crossing_second_page_missing(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->missing = 0x6000;
    g->missing_code = WHvTranslateGvaResultPageNotPresent;
    g->state.Cpl = 3;
    g->gpr[RSI] = 0x5ffd;
    assert_int_equal(EMULATE(g, store64), DONE);
    assert_exception(g, 14, 6, 0x6000);
    assert_int_equal(g->memories, 0);
}

static void test_unaligned_within_a_page_is_one_access(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RSI] = 0x5ff9;
    assert_int_equal(EMULATE(g, store32), DONE);
    assert_int_equal(g->memories, 1);
    assert_int_equal(g->log[0].size, 4);
}

static void test_exit_address_needs_no_translation(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->access.AccessInfo.GvaValid = 1;
    g->access.AccessInfo.AccessType = WHvMemoryAccessWrite;
    g->access.Gva = 0x5010;
    g->access.Gpa = 0x8010;
    g->gpr[RSI] = 0x5010;
    assert_int_equal(EMULATE(g, dec_mem), DONE);
    assert_int_equal(g->translates, 0);
    assert_int_equal(g->log[1].gpa, 0x8010);
    assert_int_equal(g->log[1].data, 0xffffffff);
    g->access.AccessInfo.AccessType = WHvMemoryAccessRead; /* says nothing about writing */
    g->moved_from = 0x5000;
    g->moved_to = 0x8000;
    assert_int_equal(EMULATE(g, dec_mem), DONE);
    assert_int_equal(g->translates, 1);
}

static void test_stack(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RSI] = 0x5000;
    g->gpr[RSP] = 0x8000;
    put(g, 0x5000, 0x2468, 8);
    assert_int_equal(EMULATE(g, push64), DONE);
    assert_int_equal(g->gpr[RSP], 0x7ff8);
    assert_int_equal(memory_at(g, 0x7ff8, 8), 0x2468);
    assert_int_equal(EMULATE(g, pop64), DONE);
    assert_int_equal(g->gpr[RSP], 0x8000);
    assert_int_equal(memory_at(g, 0x8008, 8), 0x2468);
    g->gpr[RSP] = 0x7ff8;
    assert_int_equal(EMULATE(g, pop_reg), DONE);
    assert_int_equal(g->gpr[RBX], 0x2468);
    uint64_t next = g->rip + LENGTH(call64);
    assert_int_equal(EMULATE(g, call64), DONE);
    assert_int_equal(g->rip, 0x2468);
    assert_int_equal(memory_at(g, 0x7ff8, 8), next);
    put(g, 0x5000, 0xffffffff80000000, 8);
    assert_int_equal(EMULATE(g, jmp64), DONE);
    assert_int_equal(g->rip, 0xffffffff80000000);
    put(g, 0x5000, 0x8000000000000000, 8);
    assert_int_equal(EMULATE(g, jmp64), DONE);
    assert_exception(g, 13, 0, 0);
}

static void test_stack_sizes(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_32_BIT);
    (void)state;
    g->gpr[RSI] = 0x5000;
    g->gpr[RSP] = 0x8000;
    put(g, 0x5000, 0x12345678, 4);
    assert_int_equal(EMULATE(g, push32), DONE);
    assert_int_equal(memory_at(g, 0x7ffc, 4), 0x12345678);
    assert_int_equal(EMULATE(g, call32), DONE);
    assert_int_equal(g->rip, 0x12345678);
    assert_int_equal(g->gpr[RSP], 0x7ff8);
    g = new_guest(EMULATOR_16_BIT);
    g->gpr[RSI] = 0x100;
    g->gpr[RSP] = 0xabcd0000;
    put(g, 0x20100, 0x4321, 2);
    assert_int_equal(EMULATE(g, push16), DONE);
    assert_int_equal(g->gpr[RSP], 0xabcdfffe);
    assert_int_equal(memory_at(g, 0x2fffe, 2), 0x4321);
    assert_int_equal(EMULATE(g, jmp16), DONE);
    assert_int_equal(g->rip, 0x4321);
}

static void test_repetition_with_zero_count(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    assert_int_equal(EMULATE(g, stosb), DONE);
    assert_int_equal(g->memories, 0);
    assert_int_equal(g->rip, 0x1000 + LENGTH(stosb));
}

static void test_repetition_stops_before_a_fault(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RSI] = 0x4000;
    g->gpr[RDI] = 0x5ffe;
    g->gpr[RCX] = 5;
    g->missing = 0x6000;
    g->missing_code = WHvTranslateGvaResultPageNotPresent;
    assert_int_equal(EMULATE(g, movsb), DONE);
    assert_int_equal(g->rip, 0x1000);
    assert_int_equal(g->gpr[RCX], 3);
    assert_int_equal(g->gpr[RSI], 0x4002);
    assert_int_equal(g->gpr[RDI], 0x6000);
    assert_int_equal(g->memories, 4); /* the third element's source was not read */
    assert_exception(g, 14, 2, 0x6000);
}

static void test_repetition_is_bounded(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RCX] = 65537;
    assert_int_equal(EMULATE(g, stosb), DONE);
    assert_int_equal(g->memories, 65536);
    assert_int_equal(g->gpr[RCX], 1);
    assert_int_equal(g->rip, 0x1000);
    assert_int_equal(EMULATE(g, stosb), DONE);
    assert_int_equal(g->rip, 0x1000 + LENGTH(stosb));
    assert_int_equal(g->gpr[RDI], 65537);
}

static void test_repetition_with_32_bit_addresses(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RSI] = 0x1100004000;
    g->gpr[RDI] = 0x2200005000;
    g->gpr[RCX] = 0x3300000002;
    g->rflags |= EMULATOR_DF;
    assert_int_equal(EMULATE(g, movsb32), DONE);
    assert_int_equal(g->gpr[RSI], 0x3ffe);
    assert_int_equal(g->gpr[RDI], 0x4ffe);
    assert_int_equal(g->gpr[RCX], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_mode_segments),
        cmocka_unit_test(test_real_mode_limit),
        cmocka_unit_test(test_real_mode_instruction_pointer_wraps),
        cmocka_unit_test(test_real_mode_string_wraps),
        cmocka_unit_test(test_string_overrides),
        cmocka_unit_test(test_protected_mode),
        cmocka_unit_test(test_protected_mode_segment_faults),
        cmocka_unit_test(test_long_mode_addresses),
        cmocka_unit_test(test_page_crossing),
        cmocka_unit_test(test_page_crossing_second_page_missing),
        cmocka_unit_test(test_unaligned_within_a_page_is_one_access),
        cmocka_unit_test(test_exit_address_needs_no_translation),
        cmocka_unit_test(test_stack),
        cmocka_unit_test(test_stack_sizes),
        cmocka_unit_test(test_repetition_with_zero_count),
        cmocka_unit_test(test_repetition_stops_before_a_fault),
        cmocka_unit_test(test_repetition_is_bounded),
        cmocka_unit_test(test_repetition_with_32_bit_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
