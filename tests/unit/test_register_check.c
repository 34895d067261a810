/* SPDX-License-Identifier: MIT */
/* sources: vmm/registers/register_check.c vmm/cpu/switch_check.c */
#include "tests/unit/cmocka_tests.h"

#include "vmm/cpu/switch_check.h"
#include "vmm/registers/vp_registers.h"

static const struct register_limits limits = {
    .xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512,
    .cr4_hidden = 1ull << 13,
    .physical_bits = 40,
    .tsc_aux = true,
};

static enum whb_status check(uint32_t name, uint64_t low, uint64_t high)
{
    struct register_value v = {low, high};
    return register_check(&limits, name, &v);
}

static void test_names(void **state)
{
    (void)state;
    const uint32_t unknown[] = {0x28,   0x101a, 0x200f,     0x2020,     0x2050,
                                0x207c, 0x3000, 0x80000003, 0x90000000, 0xffffffff};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_int_equal(check(unknown[i], 0, 0), WHB_ERROR_UNKNOWN_REGISTER);
    }
    assert_int_equal(register_kind(WHvX64RegisterRsp), REGISTER_GPR);
    assert_int_equal(register_kind(WHvX64RegisterTr), REGISTER_SEGMENT);
    assert_int_equal(register_kind(WHvX64RegisterXCr0), REGISTER_CONTROL);
    assert_int_equal(register_kind(WHvX64RegisterMsrMtrrFix4kF8000), REGISTER_MTRR);
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(check(WHvX64RegisterCr8, 15, 0), WHB_OK);
    assert_int_equal(check(WHvX64RegisterInitialApicId, 0, 0), WHB_OK);
    assert_int_equal(check(WHvX64RegisterInitialApicId, 1, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvX64RegisterSpecCtrl, 0, 0), WHB_OK);
    assert_int_equal(check(WHvX64RegisterSpecCtrl, 1, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvX64RegisterMsrMtrrPhysMaskF, 1, 0), WHB_OK);
    assert_int_equal(check(WHvX64RegisterTscVirtualOffset, ~0ull, 0), WHB_OK);
    assert_int_equal(check(WHvX64RegisterCr8, 16, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvX64RegisterCr4, 1ull << 13, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvX64RegisterLstar, 0xffff800000000000, 0), WHB_OK);
    assert_int_equal(check(WHvX64RegisterLstar, 0x0000800000000000, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvX64RegisterSfmask, 1ull << 32, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvX64RegisterApicBase, 1ull << 40, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvX64RegisterApicBase, 0xfee00d00, 0), WHB_OK);
    assert_int_equal(check(WHvX64RegisterApicBase, 0xfee00500, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvX64RegisterXmmControlStatus, 0, 0xffff), WHB_OK);
    assert_int_equal(check(WHvX64RegisterXmmControlStatus, 0, 0x10000), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvX64RegisterMsrMtrrCap, GUEST_MTRR_CAP, 0), WHB_OK);
    assert_int_equal(check(WHvX64RegisterMsrMtrrCap, 0, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvRegisterInterruptState, 4, 0), WHB_ERROR_INVALID_REGISTER);
}

static void test_xcr0(void **state)
{
    (void)state;
    const uint64_t good[] = {1, 3, 7, 0xe7}, bad[] = {0, 2, 5, 6, 0x27, 0xe3, 0x207, 0x8000000000000001};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(check(WHvX64RegisterXCr0, good[i], 0), WHB_OK);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(check(WHvX64RegisterXCr0, bad[i], 0), WHB_ERROR_INVALID_REGISTER);
    }
}

/* Every type and vector against the rules of VM entry, SDM vol. 3C, 27.2.1.3. */
static void test_pending_interruption(void **state)
{
    (void)state;
    for (uint64_t type = 0; type < 8; type++) {
        for (uint64_t vector = 0; vector < 300; vector++) {
            bool good = vector < 256 && (type == 0 || (type == 2 && vector == 2) ||
                                         (type == 3 && vector < 32 && vector != 2) || (type >= 4 && type <= 6));
            enum whb_status expected = good ? WHB_OK : WHB_ERROR_INVALID_REGISTER;
            assert_int_equal(check(WHvRegisterPendingInterruption, 1 | type << 1 | 2u << 5 | vector << 16, 0),
                             expected);
        }
    }
    /* A software event has a length, an error code goes with the vectors that push one. */
    assert_int_equal(check(WHvRegisterPendingInterruption, 1 | 4u << 1 | 0x30u << 16, 0), WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvRegisterPendingInterruption, 1 | 3u << 1 | 16u | 13u << 16, 0), WHB_OK);
    assert_int_equal(check(WHvRegisterPendingInterruption, 1 | 3u << 1 | 16u | 6u << 16, 0),
                     WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvRegisterPendingInterruption, 0, 0), WHB_OK);
    /* 16 bits of an error code, as of a selector. */
    assert_int_equal(check(WHvRegisterPendingInterruption, 1 | 3u << 1 | 16u | 13u << 16 | 0xfffcull << 32, 0), WHB_OK);
    assert_int_equal(check(WHvRegisterPendingInterruption, 1 | 3u << 1 | 16u | 13u << 16 | 1ull << 48, 0),
                     WHB_ERROR_INVALID_REGISTER);
    assert_int_equal(check(WHvRegisterPendingEvent, 1 | 1u << 8 | 13u << 16 | 0xfffcull << 32, 0), WHB_OK);
    assert_int_equal(check(WHvRegisterPendingEvent, 1 | 1u << 8 | 13u << 16 | 1ull << 48, 0),
                     WHB_ERROR_INVALID_REGISTER);
}

static void test_event_round_trip(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 1 | 0x40u << 16, 1 | 2u << 1 | 2u << 16, 1 | 4u << 1 | 2u << 5 | 0x30u << 16,
                               1 | 3u << 1 | 16u | 13u << 16 | 0x1234ull << 32};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct pending_event e = register_to_event(values[i]);
        assert_int_equal(register_from_event(&e), values[i]);
    }
    struct register_value page_fault = {1 | 1u << 8 | 14u << 16 | 6ull << 32, 0xabc000};
    struct pending_event e = register_to_exception(&page_fault);
    struct register_value back = register_from_exception(&e, 0xabc000);
    assert_memory_equal(&back, &page_fault, sizeof(back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_xcr0),
        cmocka_unit_test(test_pending_interruption),
        cmocka_unit_test(test_event_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
