/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/emulator*.c root/libwhv/completion.c tests/unit/emulator_guest.c -lcapstone */
/* Arguments, ports, code that has to be fetched, failures of every callback, and what the report says. */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "tests/unit/emulator_guest.h"

CODE(store32, 64, "movl %eax, (%rsi)");
CODE(add32, 64, "addl %eax, (%rsi)");
CODE(movaps, 64, "movaps %xmm1, (%rsi)");
CODE(fld, 64, "fldl (%rsi)");
CODE(avx, 64, "vmovdqu (%rsi), %xmm1");
CODE(lgdt, 64, "lgdt (%rsi)");
CODE(jmp_near, 64, "jmp .");
CODE(in8, 64, "inb $0x80, %al");
CODE(in16, 64, "inw %dx, %ax");
CODE(in32, 64, "inl %dx, %eax");
CODE(out8, 64, "outb %al, $0xf0");
CODE(out32, 64, "outl %eax, %dx");
CODE(insb, 64, "rep insb");
CODE(insl, 64, "insl");
CODE(outsw, 64, "rep outsw");
CODE(outsb16, 16, "es outsb");
CODE(bad, 64, ".byte 0x06"); /* PUSH ES: none in 64-bit mode */
CODE(long32, 32, "lock addl $0x11223344, %fs:0x5000(,%eax,4)");

static void test_arguments(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    const struct emulator *made = g->emulator;
    WHV_EMULATOR_CALLBACKS callbacks = made->callbacks;
    WHV_EMULATOR_HANDLE handle = NULL;
    (void)state;
    assert_int_equal(WHvEmulatorCreateEmulator(NULL, &handle), E_POINTER);
    assert_int_equal(WHvEmulatorCreateEmulator(&callbacks, NULL), E_POINTER);
    callbacks.Size = 40;
    assert_int_equal(WHvEmulatorCreateEmulator(&callbacks, &handle), E_INVALIDARG);
    callbacks.Size = sizeof(callbacks);
    callbacks.WHvEmulatorTranslateGvaPage = NULL;
    assert_int_equal(WHvEmulatorCreateEmulator(&callbacks, &handle), E_INVALIDARG);
    assert_null(handle);
    assert_int_equal(WHvEmulatorDestroyEmulator(NULL), E_POINTER);
    assert_int_equal(WHvEmulatorTryMmioEmulation(NULL, g, &g->vp, &g->access, &g->status), E_POINTER);
    assert_int_equal(WHvEmulatorTryMmioEmulation(g->emulator, g, NULL, &g->access, &g->status), E_POINTER);
    assert_int_equal(WHvEmulatorTryMmioEmulation(g->emulator, g, &g->vp, NULL, &g->status), E_POINTER);
    assert_int_equal(WHvEmulatorTryMmioEmulation(g->emulator, g, &g->vp, &g->access, NULL), E_POINTER);
    assert_int_equal(WHvEmulatorTryIoEmulation(NULL, g, &g->vp, &g->io, &g->status), E_POINTER);
    assert_int_equal(WHvEmulatorTryIoEmulation(g->emulator, g, NULL, &g->io, &g->status), E_POINTER);
    assert_int_equal(WHvEmulatorTryIoEmulation(g->emulator, g, &g->vp, NULL, &g->status), E_POINTER);
    assert_int_equal(WHvEmulatorTryIoEmulation(g->emulator, g, &g->vp, &g->io, NULL), E_POINTER);
    assert_int_equal(whb_emulator_report(NULL, &g->report), E_POINTER);
    assert_int_equal(whb_emulator_report(g->emulator, NULL), E_POINTER);
}

static void test_several_emulators(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    WHV_EMULATOR_HANDLE first = g->emulator, more[8];
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(WHvEmulatorCreateEmulator(&((struct emulator *)first)->callbacks, &more[i]), S_OK);
    }
    for (unsigned i = 0; i < 8; i++) {
        g->emulator = more[i];
        assert_int_equal(EMULATE(g, store32), DONE);
        g->emulator = first;
        assert_int_equal(EMULATE(g, fld), INTERNAL);
        assert_int_equal(whb_emulator_report(more[i], &g->report), S_OK);
        assert_string_equal(g->report.instruction, "mov dword ptr [rsi], eax");
        assert_int_equal(WHvEmulatorDestroyEmulator(more[i]), S_OK);
    }
}

static void test_unsupported_is_named(void **state)
{
    static const struct {
        const uint8_t *begin, *end;
        const char *text;
    } list[] = {
        {code_fld, code_fld_end, "fld qword ptr [rsi]"},
        {code_avx, code_avx_end, "vmovdqu xmm1, xmmword ptr [rsi]"},
        {code_lgdt, code_lgdt_end, "lgdt [rsi]"},
        {code_jmp_near, code_jmp_near_end, "jmp 0"},
    };
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        assert_int_equal(emulate_memory(g, list[i].begin, list[i].end), INTERNAL);
        assert_string_equal(g->report.instruction, list[i].text);
        assert_int_equal(g->report.byte_count, list[i].end - list[i].begin);
        assert_memory_equal(g->report.bytes, list[i].begin, g->report.byte_count);
        assert_int_equal(g->sets + g->gets, 0);
    }
}

static void test_invalid_code(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    memset(g->memory + 0x1000, 0x06, 32);
    assert_int_equal(EMULATE(g, bad), INTERNAL);
    assert_string_equal(g->report.instruction, "");
    assert_int_equal(g->report.byte_count, 15);
}

static void test_code_is_fetched(void **state)
{
    unsigned length = (unsigned)LENGTH(long32);
    (void)state;
    for (unsigned given = 0; given <= length; given++) {
        for (unsigned in_page = 1; in_page <= length; in_page += 3) {
            struct emulated_guest *g = new_guest(EMULATOR_32_BIT);
            g->segment[EMULATOR_CS].Base = 0x1000;
            g->rip = 0x2000 - in_page;
            g->moved_from = 0x3000;
            g->moved_to = 0x9000;
            memcpy(g->memory + 0x3000 - in_page, code_long32, in_page);
            memcpy(g->memory + 0x9000, code_long32 + in_page, length - in_page);
            assert_int_equal(emulate_memory(g, code_long32, code_long32 + given), DONE);
            assert_int_equal(g->rip, 0x2000 - in_page + length);
            assert_memory_equal(g->memory + 0x5000, "\x44\x33\x22\x11", 4);
        }
    }
}

static void test_code_page_behind_is_not_needed(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->rip = 0x2000 - LENGTH(store32);
    memcpy(g->memory + g->rip, code_store32, LENGTH(store32));
    g->missing = 0x2000;
    g->missing_code = WHvTranslateGvaResultPageNotPresent;
    assert_int_equal(emulate_memory(g, code_store32, code_store32), DONE);
    g->rip = 0x1fff;
    g->memory[0x1fff] = 0x89;
    assert_int_equal(emulate_memory(g, code_store32, code_store32), DONE);
    assert_int_equal(g->last_flags, WHvTranslateGvaFlagValidateExecute | WHvTranslateGvaFlagSetPageTableBits);
    assert_exception(g, 14, 0, 0x2000);
}

/* The guest's registers stay as they were, whatever fails; the bit says what. */
static void test_failing_callbacks(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->fail_get = 1;
    assert_int_equal(EMULATE(g, add32), GET_FAILED);
    g->fail_get = 0;
    g->fail_set = 1;
    assert_int_equal(EMULATE(g, add32), SET_FAILED);
    g->fail_set = 0;
    g->fail_translate = 1;
    assert_int_equal(EMULATE(g, add32), TRANSLATE_FAILED);
    g->fail_translate = 0;
    g->misalign = 0x800;
    assert_int_equal(EMULATE(g, add32), NOT_ALIGNED);
    g->misalign = 0;
    for (g->fail_memory = 1; g->fail_memory <= 2; g->fail_memory++) {
        assert_int_equal(EMULATE(g, add32), MEMORY_FAILED);
        assert_int_equal(g->memories, g->fail_memory);
        assert_int_equal(g->sets, 0);
    }
    assert_int_equal(g->rip, 0x1000);
}

static void test_repetition_undone_by_a_failing_callback(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RCX] = 5;
    g->io.AccessInfo.StringOp = 1;
    g->fail_port = 3;
    assert_int_equal(EMULATE_PORT(g, insb), PORT_FAILED);
    assert_int_equal(g->sets, 0);
    assert_int_equal(g->gpr[RCX], 5);
}

static void test_faults(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RSI] = 0x5008;
    assert_int_equal(EMULATE(g, movaps), DONE);
    assert_exception(g, 13, 0, 0);
    g->missing = 0x5000;
    g->missing_code = WHvTranslateGvaResultPrivilegeViolation;
    assert_int_equal(EMULATE(g, add32), DONE);
    assert_exception(g, 14, 3, 0x5008);
    g->missing_code = WHvTranslateGvaResultGpaUnmapped;
    g->missing_leaves_gpa = true;
    assert_int_equal(EMULATE(g, add32), FAULTS);
    assert_int_equal(g->report.fault_pending, 0);
    assert_int_equal(g->sets, 0);
}

/* WHvTranslateGva says of a device's page that it is not mapped, and of ROM that it cannot be written: with its GPA. */
static void test_pages_of_devices(void **state)
{
    static const WHV_TRANSLATE_GVA_RESULT_CODE codes[] = {
        WHvTranslateGvaResultGpaUnmapped, WHvTranslateGvaResultGpaNoReadAccess, WHvTranslateGvaResultGpaNoWriteAccess};
    (void)state;
    for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
        g->gpr[RSI] = 0x5008;
        g->missing = 0x5000;
        g->missing_code = codes[i];
        assert_int_equal(EMULATE(g, add32), DONE);
        assert_true(g->translates > 0 && g->memories > 0);
    }
}

static void test_event_delivery_is_not_emulated(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->state.InterruptionPending = 1;
    assert_int_equal(EMULATE(g, store32), INTERRUPTED);
    assert_int_equal(EMULATE_PORT(g, in8), INTERRUPTED);
    assert_int_equal(g->gets + g->sets + g->memories + g->ports, 0);
}

static void test_resume_flag_and_trap_flag(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->rflags = 0x10302;
    assert_int_equal(EMULATE(g, store32), DONE);
    assert_int_equal(g->rflags, 0x302);
}

static void test_port_reads(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    static const uint64_t merged[] = {0x99aabbccddeeff88, 0x99aabbccddee7788, 0x55667788};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        g->gpr[RAX] = 0x99aabbccddeeff00;
        g->port_value = 0x55667788;
        g->vp.InstructionLength = 2;
        g->rip = 0xffffffff80000000;
        g->io.AccessInfo.AsUINT32 = 2u << i;
        g->io.PortNumber = 0xcf8;
        assert_int_equal(EMULATE_PORT(g, in8), DONE);
        assert_int_equal(g->gpr[RAX], merged[i]);
        assert_int_equal(g->rip, 0xffffffff80000002);
        assert_int_equal(g->port_log[0].gpa, 0xcf8);
        assert_int_equal(g->port_log[0].size, 1u << i);
        assert_int_equal(g->gets, 0);
    }
}

static void test_port_writes(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RAX] = 0x99aabbccddeeff11;
    g->io.PortNumber = 0x3f8;
    g->io.AccessInfo.AsUINT32 = 5; /* two bytes */
    g->vp.InstructionLength = 2;
    assert_int_equal(EMULATE_PORT(g, out8), DONE);
    assert_int_equal(g->port_log[0].data, 0xff11);
    assert_int_equal(g->port_log[0].direction, 1);
    assert_int_equal(g->gpr[RAX], 0x99aabbccddeeff11);
    g->fail_port = 1;
    assert_int_equal(EMULATE_PORT(g, out8), PORT_FAILED);
}

/* Exits of a hypervisor that does not know the instruction's length. */
static void test_ports_decoded(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->gpr[RDX] = 0x12cf8;
    g->gpr[RAX] = ~0ull;
    assert_int_equal(EMULATE_PORT(g, in8), DONE);
    assert_int_equal(g->port_log[0].gpa, 0x80);
    assert_int_equal(g->gpr[RAX], 0xffffffffffffff00);
    assert_int_equal(EMULATE_PORT(g, in16), DONE);
    assert_int_equal(g->gpr[RAX], 0xffffffffffff0001);
    assert_int_equal(EMULATE_PORT(g, in32), DONE);
    assert_int_equal(g->port_log[0].gpa, 0x2cf8);
    assert_int_equal(g->gpr[RAX], 2);
    assert_int_equal(EMULATE_PORT(g, out8), DONE);
    assert_int_equal(g->port_log[0].gpa, 0xf0);
    assert_int_equal(EMULATE_PORT(g, out32), DONE);
    assert_int_equal(g->port_log[0].data, 2);
    assert_int_equal(EMULATE_PORT(g, store32), INTERNAL);
}

static void test_port_strings(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->io.AccessInfo.StringOp = 1;
    g->gpr[RDX] = 0x1f0;
    g->gpr[RCX] = 3;
    g->gpr[RDI] = 0x5fff;
    g->gpr[RSI] = 0x5fff;
    g->port_value = 0x41;
    assert_int_equal(EMULATE_PORT(g, insb), DONE);
    assert_memory_equal(g->memory + 0x5fff, "ABC", 3);
    assert_int_equal(g->gpr[RDI], 0x6002);
    assert_int_equal(g->gpr[RCX], 0);
    g->gpr[RCX] = 1;
    assert_int_equal(EMULATE_PORT(g, outsw), DONE);
    assert_int_equal(g->port_log[0].data, 0x4241);
    assert_int_equal(g->gpr[RSI], 0x6001);
    assert_int_equal(EMULATE_PORT(g, insl), DONE);
    assert_int_equal(g->gpr[RDI], 0x6006);
    assert_int_equal(g->port_log[0].size, 4);
    g = new_guest(EMULATOR_16_BIT);
    g->io.AccessInfo.StringOp = 1;
    g->rflags |= EMULATOR_DF;
    g->memory[0x10000] = 7;
    assert_int_equal(EMULATE_PORT(g, outsb16), DONE);
    assert_int_equal(g->port_log[0].data, 7);
    assert_int_equal(g->gpr[RSI], 0xffff);
}

/* The destination is looked up first: a port that was read cannot be read again. */
static void test_port_is_not_read_for_nothing(void **state)
{
    struct emulated_guest *g = new_guest(EMULATOR_64_BIT);
    (void)state;
    g->io.AccessInfo.StringOp = 1;
    g->gpr[RDI] = 0x5000;
    g->missing = 0x5000;
    g->missing_code = WHvTranslateGvaResultPageNotPresent;
    assert_int_equal(EMULATE_PORT(g, insl), DONE);
    assert_exception(g, 14, 2, 0x5000);
    assert_int_equal(g->ports, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_several_emulators),
        cmocka_unit_test(test_unsupported_is_named),
        cmocka_unit_test(test_invalid_code),
        cmocka_unit_test(test_code_is_fetched),
        cmocka_unit_test(test_code_page_behind_is_not_needed),
        cmocka_unit_test(test_failing_callbacks),
        cmocka_unit_test(test_repetition_undone_by_a_failing_callback),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_pages_of_devices),
        cmocka_unit_test(test_event_delivery_is_not_emulated),
        cmocka_unit_test(test_resume_flag_and_trap_flag),
        cmocka_unit_test(test_port_reads),
        cmocka_unit_test(test_port_writes),
        cmocka_unit_test(test_ports_decoded),
        cmocka_unit_test(test_port_strings),
        cmocka_unit_test(test_port_is_not_read_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
