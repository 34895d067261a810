/* SPDX-License-Identifier: MIT */
/* sources: vmm/run/instruction_check.c */
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmx.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/run/instruction_check.h"

#define SS_DPL(n) (0xc093u | (uint32_t)(n) << 5)
#define DR7_GD (1ull << 13)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* The modes that differ in what they permit. Long mode needs no more than CR0.PE to be told from real mode. */
static const struct {
    const char *name;
    struct instruction_mode mode;
    unsigned cpl;
    bool protected_mode;
} modes[] = {
    {"real", {.cr0 = CR0_ET, .ss_access = SS_DPL(0)}, 0, false},
    {"virtual-8086", {.cr0 = CR0_PE, .rflags = RFLAGS_VM, .ss_access = SS_DPL(3)}, 3, true},
    {"protected, CPL 0", {.cr0 = CR0_PE, .ss_access = SS_DPL(0)}, 0, true},
    {"protected, CPL 1", {.cr0 = CR0_PE, .ss_access = SS_DPL(1)}, 1, true},
    {"protected, CPL 3", {.cr0 = CR0_PE, .ss_access = SS_DPL(3)}, 3, true},
    {"long, CPL 0", {.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .ss_access = SS_DPL(0)}, 0, true},
    {"long, CPL 0, null SS", {.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .ss_access = 0x10000}, 0, true},
    {"long, CPL 3", {.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .ss_access = SS_DPL(3)}, 3, true},
};

static void expect(unsigned mode, enum instruction_fault expected, uint32_t reason, uint64_t qualification,
                   uint64_t cr4, uint64_t dr7)
{
    struct instruction_mode m = modes[mode].mode;
    m.cr4 |= cr4;
    m.dr7 |= dr7;
    enum instruction_fault came = instruction_check(reason, qualification, &m);
    if (came != expected) {
        fail_msg("%s: reason %u, qualification %llx, CR4 %llx, DR7 %llx: expected %d, came %d", modes[mode].name,
                 reason, (unsigned long long)qualification, (unsigned long long)m.cr4, (unsigned long long)m.dr7,
                 (int)expected, (int)came);
    }
}

static void test_cpl(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LENGTH(modes); i++) {
        assert_int_equal(modes[i].cpl, instruction_cpl(&modes[i].mode));
    }
}

/* #GP(0) above CPL 0, and nothing else to look at. */
static void test_privileged(void **state)
{
    static const uint32_t reasons[] = {VMX_EXIT_HLT,   VMX_EXIT_INVD,  VMX_EXIT_WBINVD,    VMX_EXIT_INVLPG,
                                       VMX_EXIT_RDMSR, VMX_EXIT_WRMSR, VMX_EXIT_CR_ACCESS, VMX_EXIT_INVPCID};
    (void)state;
    for (unsigned i = 0; i < LENGTH(modes); i++) {
        for (unsigned r = 0; r < LENGTH(reasons); r++) {
            expect(i, modes[i].cpl == 0 ? INSTRUCTION_LEGAL : INSTRUCTION_GP, reasons[r], 0, 0, 0);
            expect(i, modes[i].cpl == 0 ? INSTRUCTION_LEGAL : INSTRUCTION_GP, reasons[r], 4, CR4_DE, DR7_GD);
        }
    }
}

/* Every register, both directions, general registers 0 and 15. */
static void test_mov_dr(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LENGTH(modes); i++) {
        bool user = modes[i].cpl != 0;
        for (unsigned q = 0; q < 32; q++) {
            uint64_t qualification = (q & 7u) | (q & 8u) << 1 | (q & 16u) << 4;
            bool absent = (q & 7u) == 4 || (q & 7u) == 5;
            expect(i, user ? INSTRUCTION_GP : INSTRUCTION_LEGAL, VMX_EXIT_MOV_DR, qualification, 0, 0);
            expect(i, user ? INSTRUCTION_GP : INSTRUCTION_DETECT, VMX_EXIT_MOV_DR, qualification, 0, DR7_GD);
            enum instruction_fault present = user ? INSTRUCTION_GP : INSTRUCTION_LEGAL;
            expect(i, absent ? INSTRUCTION_UD : present, VMX_EXIT_MOV_DR, qualification, CR4_DE, 0);
            present = user ? INSTRUCTION_GP : INSTRUCTION_DETECT;
            expect(i, absent ? INSTRUCTION_UD : present, VMX_EXIT_MOV_DR, qualification, CR4_DE, DR7_GD);
        }
    }
}

static void test_xsetbv(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LENGTH(modes); i++) {
        expect(i, INSTRUCTION_UD, VMX_EXIT_XSETBV, 0, 0, 0);
        expect(i, modes[i].cpl == 0 ? INSTRUCTION_LEGAL : INSTRUCTION_GP, VMX_EXIT_XSETBV, 0, CR4_OSXSAVE, 0);
    }
}

/* CR4.TSD forbids, CR4.PCE permits, to CPL 3 alone. */
static void test_counters(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LENGTH(modes); i++) {
        enum instruction_fault forbidden = modes[i].cpl == 0 ? INSTRUCTION_LEGAL : INSTRUCTION_GP;
        expect(i, INSTRUCTION_LEGAL, VMX_EXIT_RDTSC, 0, CR4_PCE, 0);
        expect(i, INSTRUCTION_LEGAL, VMX_EXIT_RDTSCP, 0, CR4_PCE, 0);
        expect(i, forbidden, VMX_EXIT_RDTSC, 0, CR4_TSD, 0);
        expect(i, forbidden, VMX_EXIT_RDTSCP, 0, CR4_TSD, 0);
        expect(i, INSTRUCTION_LEGAL, VMX_EXIT_RDPMC, 0, CR4_PCE | CR4_TSD, 0);
        expect(i, forbidden, VMX_EXIT_RDPMC, 0, 0, 0);
    }
}

static void test_vmcall(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LENGTH(modes); i++) {
        bool legal = modes[i].cpl == 0 && modes[i].protected_mode;
        expect(i, legal ? INSTRUCTION_LEGAL : INSTRUCTION_UD, VMX_EXIT_VMCALL, 0, 0, 0);
    }
}

/* Instructions of features that guests are not told of, by their numbers in the SDM's and Linux's lists. */
static void test_hidden(void **state)
{
    static const uint8_t reasons[] = {11, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 36, 39, 50, 53, 59, 60,
                                      63, 64, 65, 67, 68, 69, 70, 72, 73, 76, 77, 78, 79, 80, 81, 84, 85};
    (void)state;
    for (unsigned i = 0; i < LENGTH(modes); i++) {
        for (unsigned r = 0; r < LENGTH(reasons); r++) {
            expect(i, INSTRUCTION_UD, reasons[r], 0, 0, 0);
            expect(i, INSTRUCTION_UD, reasons[r], ~0ull, ~0ull, ~0ull);
        }
    }
}

/* Events, instructions that fault after the exit alone, and numbers that nobody has given out. */
static void test_others(void **state)
{
    static const uint32_t reasons[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,   9,   10,  30,  33,   34,    35, 37,
                                       38, 40, 41, 42, 43, 44, 45, 46, 47,  48,  49,  52,  56,   57,    61, 62,
                                       66, 71, 74, 75, 82, 83, 86, 87, 100, 127, 128, 255, 1000, 0xffff};
    (void)state;
    for (unsigned i = 0; i < LENGTH(modes); i++) {
        for (unsigned r = 0; r < LENGTH(reasons); r++) {
            expect(i, INSTRUCTION_LEGAL, reasons[r], 0, 0, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpl),    cmocka_unit_test(test_privileged), cmocka_unit_test(test_mov_dr),
        cmocka_unit_test(test_xsetbv), cmocka_unit_test(test_counters),   cmocka_unit_test(test_vmcall),
        cmocka_unit_test(test_hidden), cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
