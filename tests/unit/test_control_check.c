/* SPDX-License-Identifier: MIT */
/* sources: vmm/vp/control_check.c */
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/vp/control_check.h"

#define CS_L (1u << 13)
#define ALLOWED (0x3full | CR4_PGE | CR4_MCE | CR4_PCIDE | CR4_SMEP | CR4_LA57)
#define CR4_CET (1ull << 23)

enum mode { REAL, PROTECTED, PAE, COMPATIBILITY, LONG_64 };

static struct control_state in(enum mode mode)
{
    struct control_state s = {.cr0 = CR0_ET,
                              .cr3 = 0x1000,
                              .cr4_allowed = ALLOWED,
                              .cs_access = 0x9b,
                              .tr_access = 0x8b,
                              .physical_bits = 40};
    s.cr0 |= mode != REAL ? CR0_PE : 0;
    s.cr0 |= mode >= PAE ? CR0_PG : 0;
    s.cr4 |= mode >= PAE ? CR4_PAE : 0;
    s.efer |= mode >= COMPATIBILITY ? EFER_LME | EFER_LMA : 0;
    s.cs_access |= mode == LONG_64 ? CS_L : 0;
    return s;
}

static void cr0_faults(const struct control_state *s, uint64_t value)
{
    struct control_next next;
    assert_false(control_check_cr0(s, value, &next));
}

static struct control_next cr0_goes(const struct control_state *s, uint64_t value, bool loads)
{
    struct control_next next;
    assert_true(control_check_cr0(s, value, &next));
    assert_int_equal(next.cr4, s->cr4);
    assert_int_equal(next.loads_pdptes, loads);
    return next;
}

static void cr4_faults(const struct control_state *s, uint64_t value)
{
    struct control_next next;
    assert_false(control_check_cr4(s, value, &next));
}

static void cr4_goes(const struct control_state *s, uint64_t value, bool loads)
{
    struct control_next next;
    assert_true(control_check_cr4(s, value, &next));
    assert_int_equal(next.cr4, value & 0xffffffff);
    assert_int_equal(next.cr0, s->cr0);
    assert_int_equal(next.efer, s->efer);
    assert_int_equal(next.loads_pdptes, loads);
}

static void test_cr0(void **state)
{
    (void)state;
    for (enum mode m = REAL; m <= LONG_64; m++) {
        struct control_state s = in(m);
        cr0_faults(&s, (s.cr0 & ~CR0_PE) | CR0_PG);
        cr0_faults(&s, s.cr0 | CR0_NW);
        assert_int_equal(cr0_goes(&s, s.cr0 | CR0_NW | CR0_CD, m == PAE).cr0, s.cr0 | CR0_NW | CR0_CD);
        assert_int_equal(cr0_goes(&s, s.cr0 | 0x1ff80000u, false).cr0, s.cr0); /* undefined bits, and ET, stay */
        assert_int_equal(cr0_goes(&s, (s.cr0 ^ CR0_NE) & ~CR0_ET, false).cr0, s.cr0 ^ CR0_NE);
        struct control_state cet = s;
        cet.cr4 |= CR4_CET;
        cr0_faults(&cet, s.cr0);
        if (m == LONG_64) {
            cr0_faults(&s, s.cr0 | 1ull << 32);
        } else {
            cr0_goes(&s, s.cr0 | 0xffffffff00000000ull, false);
        }
    }
}

static void test_paging(void **state)
{
    (void)state;
    struct control_state s = in(PROTECTED);
    cr0_goes(&s, s.cr0 | CR0_PG, false);
    s.cr4 = CR4_PAE;
    cr0_goes(&s, s.cr0 | CR0_PG, true);
    s.efer = EFER_LME;
    assert_int_equal(cr0_goes(&s, s.cr0 | CR0_PG, false).efer, EFER_LME | EFER_LMA);
    s.cr4 = 0;
    cr0_faults(&s, s.cr0 | CR0_PG);
    s.cr4 = CR4_PAE;
    s.cs_access |= CS_L;
    cr0_faults(&s, s.cr0 | CR0_PG);
    s.cs_access &= ~CS_L;
    s.tr_access = 0x83;
    cr0_faults(&s, s.cr0 | CR0_PG);
    s.efer = 0;
    cr0_goes(&s, s.cr0 | CR0_PG, true);
    s = in(COMPATIBILITY);
    assert_int_equal(cr0_goes(&s, s.cr0 & ~CR0_PG, false).efer, EFER_LME);
    s.cr4 |= CR4_PCIDE;
    cr0_faults(&s, s.cr0 & ~CR0_PG);
    s = in(LONG_64);
    cr0_faults(&s, s.cr0 & ~CR0_PG);
}

static void test_cr4(void **state)
{
    (void)state;
    for (enum mode m = REAL; m <= LONG_64; m++) {
        struct control_state s = in(m);
        for (unsigned bit = 0; bit < 32; bit++) {
            if ((ALLOWED >> bit & 1) == 0) {
                cr4_faults(&s, s.cr4 | 1ull << bit);
            }
        }
        cr4_goes(&s, s.cr4 | CR4_MCE, false);
        cr4_goes(&s, s.cr4 | CR4_PGE, m == PAE);
        cr4_goes(&s, s.cr4 | CR4_SMEP, m == PAE);
        if (m == LONG_64) {
            cr4_faults(&s, s.cr4 | 1ull << 63);
        } else {
            cr4_goes(&s, s.cr4 | 1ull << 63, false);
        }
        if (m >= COMPATIBILITY) {
            cr4_faults(&s, s.cr4 & ~CR4_PAE);
            cr4_faults(&s, s.cr4 ^ CR4_LA57);
            cr4_goes(&s, s.cr4 | CR4_PCIDE, false);
            s.cr3 = 0x1001;
            cr4_faults(&s, s.cr4 | CR4_PCIDE);
            s.cr4 |= CR4_PCIDE;
            cr4_goes(&s, s.cr4 | CR4_MCE, false); /* it is set already */
        } else {
            cr4_faults(&s, s.cr4 | CR4_PCIDE);
            cr4_goes(&s, s.cr4 | CR4_LA57, false);
            cr4_goes(&s, s.cr4 & ~CR4_PAE, false);
        }
    }
    struct control_state s = in(PROTECTED);
    s.cr4_allowed |= CR4_CET;
    cr4_faults(&s, CR4_CET);
    s.cr0 |= CR0_WP;
    cr4_goes(&s, CR4_CET, false);
    s = in(PROTECTED);
    s.cr0 |= CR0_PG;
    cr4_goes(&s, CR4_PAE, true);
}

static void test_small(void **state)
{
    (void)state;
    assert_int_equal(control_lmsw(CR0_PE | CR0_NE | CR0_TS, 0xfff0), CR0_PE | CR0_NE);
    assert_int_equal(control_lmsw(CR0_NE, 0xffff), CR0_NE | CR0_PE | CR0_MP | CR0_EM | CR0_TS);
    assert_int_equal(control_clts(CR0_PE | CR0_TS | CR0_MP), CR0_PE | CR0_MP);
    assert_true(control_pdpte_valid(~1ull, 40));
    for (unsigned bit = 1; bit < 64; bit++) {
        bool reserved = bit == 1 || bit == 2 || (bit >= 5 && bit <= 8) || bit >= 40;
        assert_int_equal(control_pdpte_valid(1 | 1ull << bit, 40), !reserved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cr0),
        cmocka_unit_test(test_paging),
        cmocka_unit_test(test_cr4),
        cmocka_unit_test(test_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
