/* SPDX-License-Identifier: MIT */
/* sources: vmm/cpu/mitigations.c */
#include "tests/unit/cmocka_tests.h"
#include "vmm/cpu/mitigations.h"

#define EDX_AFTER_2018 (LEAF_7_EDX_IBRS_IBPB | LEAF_7_EDX_L1D_FLUSH | LEAF_7_EDX_MD_CLEAR)
#define EDX_WITH_CAPS (EDX_AFTER_2018 | LEAF_7_EDX_ARCH_CAPABILITIES)
#define MMIO_NO (ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO)

/* As the processors say with microcode of 2022 to 2024. */
static const struct speculation_bits skylake_old = {.leaf_7_ebx = LEAF_7_EBX_RTM};
static const struct speculation_bits skylake_sp = {.leaf_7_ebx = LEAF_7_EBX_RTM, .leaf_7_edx = EDX_AFTER_2018};
static const struct speculation_bits cascade_lake = {
    .leaf_7_ebx = LEAF_7_EBX_RTM,
    .leaf_7_edx = EDX_WITH_CAPS,
    .arch_capabilities = 0xab, /* RDCL_NO, IBRS_ALL, SKIP_L1DFL_VMENTRY, MDS_NO, TSX_CTRL */
};
static const struct speculation_bits ice_lake_sp = {
    .leaf_7_ebx = LEAF_7_EBX_RTM,
    .leaf_7_edx = EDX_WITH_CAPS,
    .arch_capabilities = ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SKIP_L1DFL_VMENTRY | ARCH_CAP_MDS_NO |
                         ARCH_CAP_TAA_NO | ARCH_CAP_FB_CLEAR,
};
static const struct speculation_bits sapphire_rapids = {
    .leaf_7_ebx = LEAF_7_EBX_RTM,
    .leaf_7_edx = EDX_WITH_CAPS,
    .leaf_7_2_edx = LEAF_7_2_EDX_BHI_CTRL,
    .arch_capabilities = ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SKIP_L1DFL_VMENTRY | ARCH_CAP_MDS_NO |
                         ARCH_CAP_TAA_NO | MMIO_NO,
};
static const struct speculation_bits gracemont = {
    .leaf_7_edx = EDX_WITH_CAPS,
    .leaf_7_2_edx = LEAF_7_2_EDX_BHI_CTRL,
    .arch_capabilities = ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SKIP_L1DFL_VMENTRY | ARCH_CAP_MDS_NO |
                         ARCH_CAP_TAA_NO | MMIO_NO | ARCH_CAP_RFDS_CLEAR,
};
static const struct speculation_bits all_fixed = {
    .leaf_7_edx = EDX_WITH_CAPS,
    .arch_capabilities = ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SKIP_L1DFL_VMENTRY | ARCH_CAP_MDS_NO |
                         ARCH_CAP_TAA_NO | MMIO_NO | ARCH_CAP_RFDS_NO | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO,
};

/* `on`: a bit for each enum mitigation. */
static struct mitigations assert_on(const struct speculation_bits *cpu, uint32_t on)
{
    struct mitigations m;
    mitigations_decide(cpu, true, &m);
    for (unsigned i = 0; i < MITIGATION_COUNT; i++) {
        assert_int_equal(m.choice[i].on, (on >> i & 1u) != 0);
        assert_non_null(m.choice[i].why);
    }
    return m;
}

#define ON(name) (1u << MITIGATE_##name)

/* The build that measures what all of them take. */
static void test_forced(void **state)
{
    (void)state;
    struct mitigations m;
    mitigations_decide(&all_fixed, true, &m);
    mitigations_force(&m);
    for (unsigned i = 0; i < MITIGATION_COUNT; i++) {
        assert_true(m.choice[i].on);
    }
    assert_int_equal(m.returns, RETURNS_FILL);
    assert_true(m.ibrs_at_exit);
    assert_int_equal(m.spec_ctrl, SPEC_CTRL_IBRS | SPEC_CTRL_BHI_DIS_S);
    assert_true(mitigations_any(&m));
}

/* Without any of the bits, as in Bochs, all that can be done needs nothing of the processor. */
static void test_nothing_there(void **state)
{
    (void)state;
    struct mitigations m = assert_on(&skylake_old, ON(RETURNS));
    assert_int_equal(m.returns, RETURNS_FILL);
    assert_int_equal(m.spec_ctrl, 0);
    assert_false(m.ibrs_at_exit);
    assert_false(mitigations_any(&m));
}

static void test_skylake(void **state)
{
    (void)state;
    struct mitigations m = assert_on(&skylake_sp, ON(IBPB) | ON(IBRS) | ON(RETURNS) | ON(BUFFERS) | ON(L1D));
    assert_int_equal(m.returns, RETURNS_FILL);
    assert_int_equal(m.spec_ctrl, SPEC_CTRL_IBRS);
    assert_true(m.ibrs_at_exit);
    assert_true(mitigations_any(&m));
}

/* MDS is fixed, TSX asynchronous abort is not, unless TSX is off. */
static void test_cascade_lake(void **state)
{
    (void)state;
    struct mitigations m = assert_on(&cascade_lake, ON(IBPB) | ON(IBRS) | ON(RETURNS) | ON(BUFFERS));
    assert_string_equal(m.choice[MITIGATE_BUFFERS].why, "VERW before each entry (TAA)");
    assert_int_equal(m.returns, RETURNS_ONE);
    assert_false(m.ibrs_at_exit);
    struct speculation_bits without_tsx = cascade_lake;
    without_tsx.leaf_7_ebx = 0;
    assert_on(&without_tsx, ON(IBPB) | ON(IBRS) | ON(RETURNS));
    without_tsx = cascade_lake;
    without_tsx.leaf_7_edx |= LEAF_7_EDX_RTM_ALWAYS_ABORT;
    assert_on(&without_tsx, ON(IBPB) | ON(IBRS) | ON(RETURNS));
    without_tsx.arch_capabilities |= ARCH_CAP_FB_CLEAR; /* the microcode of 2022 */
    assert_on(&without_tsx, ON(IBPB) | ON(IBRS) | ON(RETURNS) | ON(BUFFERS));
}

static void test_ice_lake(void **state)
{
    (void)state;
    struct mitigations m = assert_on(&ice_lake_sp, ON(IBPB) | ON(IBRS) | ON(RETURNS) | ON(BUFFERS));
    assert_string_equal(m.choice[MITIGATE_BUFFERS].why, "VERW before each entry (MMIO stale data)");
    assert_int_equal(m.returns, RETURNS_ONE);
    assert_int_equal(m.spec_ctrl, SPEC_CTRL_IBRS);
}

static void test_sapphire_rapids(void **state)
{
    (void)state;
    struct mitigations m = assert_on(&sapphire_rapids, ON(IBPB) | ON(IBRS) | ON(BHI) | ON(RETURNS));
    assert_int_equal(m.returns, RETURNS_ONE);
    assert_int_equal(m.spec_ctrl, SPEC_CTRL_IBRS | SPEC_CTRL_BHI_DIS_S);
    assert_false(m.ibrs_at_exit);
}

static void test_gracemont(void **state)
{
    (void)state;
    struct mitigations m = assert_on(&gracemont, ON(IBPB) | ON(IBRS) | ON(BHI) | ON(RETURNS) | ON(BUFFERS));
    assert_string_equal(m.choice[MITIGATE_BUFFERS].why, "VERW before each entry (RFDS)");
}

static void test_all_fixed(void **state)
{
    (void)state;
    struct mitigations m = assert_on(&all_fixed, ON(IBPB) | ON(IBRS));
    assert_int_equal(m.returns, RETURNS_KEEP);
    assert_true(mitigations_any(&m));
}

/* L1TF alone: any of three bits makes the flush unnecessary or impossible. */
static void test_l1d(void **state)
{
    (void)state;
    struct mitigations m;
    for (unsigned i = 0; i < 8; i++) {
        struct speculation_bits cpu = skylake_sp;
        cpu.arch_capabilities =
            ((i & 1) != 0 ? ARCH_CAP_RDCL_NO : 0) | ((i & 2) != 0 ? ARCH_CAP_SKIP_L1DFL_VMENTRY : 0);
        cpu.leaf_7_edx &= (i & 4) != 0 ? ~LEAF_7_EDX_L1D_FLUSH : ~0u;
        mitigations_decide(&cpu, true, &m);
        assert_int_equal(m.choice[MITIGATE_L1D].on, i == 0);
    }
}

static void test_off(void **state)
{
    (void)state;
    const struct speculation_bits *cpus[] = {&skylake_old, &skylake_sp,      &cascade_lake, &ice_lake_sp,
                                             &gracemont,   &sapphire_rapids, &all_fixed};
    for (unsigned k = 0; k < sizeof(cpus) / sizeof(cpus[0]); k++) {
        struct mitigations m;
        mitigations_decide(cpus[k], false, &m);
        assert_false(mitigations_any(&m));
        assert_int_equal(m.returns, RETURNS_KEEP);
        assert_int_equal(m.spec_ctrl, 0);
        assert_false(m.ibrs_at_exit);
        assert_false(m.choice[MITIGATE_RETURNS].on);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MITIGATION_COUNT; i++) {
        assert_non_null(mitigation_name((enum mitigation)i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_skylake),
        cmocka_unit_test(test_cascade_lake),
        cmocka_unit_test(test_ice_lake),
        cmocka_unit_test(test_sapphire_rapids),
        cmocka_unit_test(test_gracemont),
        cmocka_unit_test(test_all_fixed),
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_l1d),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
