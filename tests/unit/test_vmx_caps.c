/* SPDX-License-Identifier: MIT */
/* sources: vmm/cpu/vmx_caps.c kernel/core/format.c */
#include "tests/unit/cmocka_tests.h"

#include <string.h>

#include "vmm/cpu/vmx_caps.h"

/* May be 1: everything. Must be 1: what Intel's processors have so (SDM vol. 3D, A.3 to A.5, the default1 classes). */
#define CAPABILITY(must) (0xffffffff00000000ull | (must))

static struct vmx_controls controls;
static char sentence[VMX_SENTENCE_SIZE];

static struct vmx_caps make_caps(void)
{
    return (struct vmx_caps){
        .pin = CAPABILITY(0x16),
        .cpu = CAPABILITY(0x04006172),
        .cpu2 = CAPABILITY(0),
        .exit = CAPABILITY(0x00036dfb),
        .entry = CAPABILITY(0x000011fb),
        .true_controls = true,
    };
}

static uint64_t without(uint64_t capability, uint32_t bits)
{
    return capability & ~((uint64_t)bits << 32);
}

/* Each value is what the hypervisor wants and what the processor insists on, and no more. */
static void test_root_controls(void **state)
{
    (void)state;
    struct vmx_caps caps = make_caps();
    assert_true(vmx_controls_root(&caps, &controls, sentence));
    assert_int_equal(controls.pin, 0x16 | PIN_NMI | PIN_VIRTUAL_NMI);
    assert_int_equal(controls.cpu, 0x04006172 | CPU_IO_BITMAPS | CPU_MSR_BITMAPS | CPU_SECONDARY);
    assert_int_equal(controls.cpu2, CPU2_EPT | CPU2_VPID | CPU2_UNRESTRICTED | CPU2_RDTSCP | CPU2_INVPCID);
    assert_int_equal(controls.entry & ENTRY_IA32E, 0);
    assert_int_not_equal(controls.exit & EXIT_HOST_64, 0);
}

static void test_guest_controls(void **state)
{
    (void)state;
    struct vmx_caps caps = make_caps();
    const uint32_t wanted = CPU_HLT | CPU_UNCONDITIONAL_IO | CPU_MOV_DR | CPU_TSC_OFFSETTING | CPU_MSR_BITMAPS |
                            CPU_SECONDARY | CPU_RDPMC | CPU_MWAIT | CPU_MONITOR | CPU_TPR_SHADOW;
    assert_true(vmx_controls_guest(&caps, &controls, sentence));
    assert_int_equal(controls.pin, 0x16 | PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI);
    assert_int_equal(controls.cpu, 0x04006172 | wanted);
    assert_int_not_equal(controls.cpu2 & CPU2_WBINVD, 0);
}

static void test_optional_controls(void **state)
{
    (void)state;
    struct vmx_caps caps = make_caps();
    caps.cpu2 = without(caps.cpu2, CPU2_RDTSCP | CPU2_INVPCID | CPU2_WBINVD);
    assert_true(vmx_controls_guest(&caps, &controls, sentence));
    assert_int_equal(controls.cpu2, CPU2_EPT | CPU2_VPID | CPU2_UNRESTRICTED);
}

/* The sentence names the word, the first bit that lacks and the capability. */
static void expect_refused(const struct vmx_caps *caps, const char *word)
{
    memset(sentence, 0, sizeof(sentence));
    assert_false(vmx_controls_guest(caps, &controls, sentence));
    assert_non_null(strstr(sentence, word));
}

static void test_required_controls(void **state)
{
    (void)state;
    struct vmx_caps caps = make_caps();
    caps.pin = without(caps.pin, PIN_VIRTUAL_NMI);
    expect_refused(&caps, "pin-based VMX controls lack bit 5");
    caps = make_caps();
    caps.cpu = without(caps.cpu, CPU_MSR_BITMAPS);
    expect_refused(&caps, "processor-based VMX controls lack bit 28");
    caps = make_caps();
    caps.cpu2 = without(caps.cpu2, CPU2_VPID);
    expect_refused(&caps, "secondary processor-based VMX controls lack bit 5");
    caps = make_caps();
    caps.exit = without(caps.exit, EXIT_LOAD_EFER);
    expect_refused(&caps, "VM-exit VMX controls lack bit 21");
    caps = make_caps();
    caps.entry = without(caps.entry, ENTRY_LOAD_PAT);
    expect_refused(&caps, "VM-entry VMX controls lack bit 14");
}

/* Controls that a processor forces although the hypervisor cannot live with them. */
static void test_forbidden_controls(void **state)
{
    (void)state;
    struct vmx_caps caps = make_caps();
    caps.cpu |= CPU_CR3_LOAD;
    expect_refused(&caps, "processor-based VMX controls force bit 15");
    caps = make_caps();
    caps.entry |= ENTRY_IA32E;
    expect_refused(&caps, "VM-entry VMX controls force bit 9");
    caps = make_caps();
    caps.pin |= PIN_EXTERNAL_INTERRUPT;
    assert_false(vmx_controls_root(&caps, &controls, sentence));
    assert_non_null(strstr(sentence, "pin-based VMX controls force bit 0"));
    assert_true(vmx_controls_guest(&caps, &controls, sentence));
}

static void test_difference(void **state)
{
    (void)state;
    struct vmx_caps a = make_caps(), b = make_caps();
    assert_null(vmx_caps_difference(&a, &b));
    b.misc = 1;
    assert_string_equal(vmx_caps_difference(&a, &b), "IA32_VMX_MISC");
    b = make_caps();
    b.cr4_fixed1 = 1;
    assert_string_equal(vmx_caps_difference(&a, &b), "IA32_VMX_CR4_FIXED1");
    a.cpu2 = 0; /* the first is named */
    assert_string_equal(vmx_caps_difference(&a, &b), "secondary processor-based controls");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_controls),      cmocka_unit_test(test_guest_controls),
        cmocka_unit_test(test_optional_controls),  cmocka_unit_test(test_required_controls),
        cmocka_unit_test(test_forbidden_controls), cmocka_unit_test(test_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
