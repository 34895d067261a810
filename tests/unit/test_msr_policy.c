/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/msr_policy.c */
#include <stdbool.h>

#include "arch/cpu/msr.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/partition/msr_policy.h"

struct range {
    uint32_t first, last;
    bool reads, writes;
};

/* Written from docs and manual, not from the policy's tables: what a guest may do without an exit. */
static const struct range guest_passes[] = {
    {0x10, 0x10, true, false},             /* TSC */
    {0x174, 0x176, true, true},            /* SYSENTER_CS, _ESP, _EIP */
    {0xc0000081, 0xc0000084, true, false}, /* STAR, LSTAR, CSTAR, FMASK */
    {0xc0000100, 0xc0000102, true, true},  /* FS_BASE, GS_BASE, KERNEL_GS_BASE */
    {0xc0000103, 0xc0000103, true, false}, /* TSC_AUX */
};

/* What exits when the root does it. */
static const struct range root_exits[] = {
    {0x1b, 0x1b, false, true},             /* APIC_BASE */
    {0x33, 0x33, false, true},             /* TEST_CTRL */
    {0x3a, 0x3a, true, true},              /* FEATURE_CONTROL */
    {0x79, 0x79, false, true},             /* BIOS_UPDT_TRIG */
    {0x9b, 0x9b, true, true},              /* SMM_MONITOR_CTL */
    {0x1a0, 0x1a0, false, true},           /* MISC_ENABLE */
    {0x1c4, 0x1c4, false, true},           /* XFD */
    {0x1f4, 0x1f5, false, true},           /* PRMRR_BASE, _MASK */
    {0x200, 0x26f, true, true},            /* MTRRs */
    {0x2ff, 0x2ff, true, true},            /* MTRR_DEF_TYPE */
    {0x3f1, 0x3f1, false, true},           /* PEBS_ENABLE */
    {0x3f4, 0x3f5, false, true},           /* PEBS_BASE, _INDEX */
    {0x480, 0x493, true, true},            /* VMX capabilities */
    {0x560, 0x561, true, true},            /* RTIT_OUTPUT_BASE, _MASK_PTRS */
    {0x570, 0x572, true, true},            /* RTIT_CTL, _STATUS, _CR3_MATCH */
    {0x580, 0x587, true, true},            /* RTIT_ADDR0_A to RTIT_ADDR3_B */
    {0x600, 0x600, false, true},           /* DS_AREA */
    {0x87, 0x87, true, true},              /* MKTME_KEYID_PARTITIONING */
    {0x981, 0x984, true, true},            /* TME_CAPABILITY, _ACTIVATE, _EXCLUDE_MASK, _EXCLUDE_BASE */
    {0x830, 0x830, false, true},           /* X2APIC_ICR */
    {0xda0, 0xda0, true, true},            /* XSS */
    {0x1400, 0x1401, false, true},         /* SEAMRR_BASE, _MASK */
    {0x17d0, 0x17d1, false, true},         /* HW_FEEDBACK_PTR, _CONFIG */
    {0xc0000080, 0xc0000080, false, true}, /* EFER */
    {0xc0000081, 0xc0000084, false, true}, /* STAR, LSTAR, CSTAR, FMASK */
    {0xc0000103, 0xc0000103, false, true}, /* TSC_AUX */
};

static bool is_listed(const struct range *list, size_t count, uint32_t msr, bool write)
{
    for (size_t i = 0; i < count; i++) {
        if (msr >= list[i].first && msr <= list[i].last) {
            return write ? list[i].writes : list[i].reads;
        }
    }
    return false;
}

/* SDM vol. 3C, 25.6.9: read low, read high, write low, write high; 1 KiB each */
static bool bit_of(const uint8_t *bitmap, uint32_t msr, bool write)
{
    uint32_t bit = (msr & 0x1fff) + (msr >= 0xc0000000 ? 8192 : 0) + (write ? 16384 : 0);
    return ((bitmap[bit / 8] >> (bit % 8)) & 1) != 0;
}

static void check_all_bits(const uint8_t *bitmap, const struct range *list, size_t count, bool listed_exit)
{
    for (uint32_t i = 0; i < 2 * 8192; i++) {
        uint32_t msr = i < 8192 ? i : 0xc0000000 + (i - 8192);
        for (unsigned write = 0; write < 2; write++) {
            bool listed = is_listed(list, count, msr, write != 0);
            bool expected = listed ? listed_exit : !listed_exit;
            if (bit_of(bitmap, msr, write != 0) != expected) {
                fail_msg("MSR %#x, %s", msr, write != 0 ? "write" : "read");
            }
        }
    }
}

static void test_guest(void **state)
{
    (void)state;
    uint8_t bitmap[MSR_BITMAP_SIZE] = {0};
    msr_bitmap_guest(bitmap);
    check_all_bits(bitmap, guest_passes, sizeof(guest_passes) / sizeof(guest_passes[0]), false);
}

static void test_root(void **state)
{
    (void)state;
    uint8_t bitmap[MSR_BITMAP_SIZE];
    for (unsigned i = 0; i < MSR_BITMAP_SIZE; i++) {
        bitmap[i] = 0xff;
    }
    msr_bitmap_root(bitmap);
    check_all_bits(bitmap, root_exits, sizeof(root_exits) / sizeof(root_exits[0]), true);
}

static void test_apic_base(void **state)
{
    (void)state;
    const uint64_t xapic = 0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_BSP, x2apic = xapic | APIC_BASE_X2APIC;
    assert_true(msr_apic_base_allowed(xapic, xapic, false));
    assert_true(msr_apic_base_allowed(xapic, x2apic, true));
    assert_true(msr_apic_base_allowed(x2apic, x2apic, true));
    assert_false(msr_apic_base_allowed(xapic, x2apic, false));
    assert_false(msr_apic_base_allowed(x2apic, xapic, true)); /* #GP on the processor too */
    assert_false(msr_apic_base_allowed(xapic, xapic & ~APIC_BASE_ENABLE, true));
    assert_false(msr_apic_base_allowed(x2apic, 0xfee00000 | APIC_BASE_BSP, true));
    assert_false(msr_apic_base_allowed(xapic, xapic ^ APIC_BASE_BSP, true));
    assert_false(msr_apic_base_allowed(xapic, xapic | 1, true));
    for (unsigned bit = 12; bit < 64; bit++) {
        assert_false(msr_apic_base_allowed(xapic, xapic ^ (1ull << bit), true));
        assert_false(msr_apic_base_allowed(xapic, x2apic ^ (1ull << bit), true));
    }
    const uint64_t off = 0xfee00000;
    assert_true(msr_apic_base_allowed(off, off, true));
    assert_false(msr_apic_base_allowed(off, off | APIC_BASE_X2APIC, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guest),
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_apic_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
