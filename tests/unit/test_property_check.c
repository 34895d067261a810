/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/property_check.c vmm/partition/cpuid_override.c vmm/partition/msr_actions.c
 * vmm/partition/msr_policy.c */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "vmm/partition/cpuid_override.h"
#include "vmm/partition/property_check.h"

#define CODE(name) WHvPartitionPropertyCode##name
#define CLOCK 2000000000ull

static const struct machine_offer offer = {
    .features = {{0xff, 0x3, 0x7}},
    .extended_exits = 0x2f,
    .clock_hz = CLOCK,
    .address_width = 39,
    .clflush_size = 6,
};

static enum whb_status check(uint32_t code, uint64_t value, uint64_t size)
{
    uint8_t buffer[sizeof(WHV_PARTITION_PROPERTY)] = {0};
    memcpy(buffer, &value, sizeof(value));
    const struct property_info *info = property_find(code);
    assert_non_null(info);
    return property_check(info, &offer, false, buffer, size);
}

/* Every code of WHP is known, and nothing beside them. */
static void test_codes(void **state)
{
    (void)state;
    unsigned known = 0;
    for (uint32_t code = 0; code < 0x3000; code++) {
        const struct property_info *info = property_find(code);
        known += info != NULL ? 1 : 0;
        assert_true(info == NULL || (info->code == code && info->size != 0 && info->size <= 48));
    }
    assert_int_equal(known, 31);
    assert_null(property_find(0));
    assert_null(property_find(0x1012));
    assert_null(property_find(0x100000001ull));
}

/* Larger buffers are taken, smaller ones not; the union's size always fits. */
static void test_sizes(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x3000; code++) {
        const struct property_info *info = property_find(code);
        if (info == NULL || info->kind == PROPERTY_LIST) {
            continue;
        }
        uint8_t buffer[sizeof(WHV_PARTITION_PROPERTY)] = {0};
        assert_int_equal(property_check(info, &offer, false, buffer, info->size - 1u), WHB_ERROR_INVALID_ARGUMENT);
        enum whb_status exact = property_check(info, &offer, false, buffer, info->size);
        assert_int_equal(property_check(info, &offer, false, buffer, sizeof(buffer)), exact);
    }
}

static void test_frozen(void **state)
{
    (void)state;
    static const uint32_t changeable[] = {CODE(ExtendedVmExits), CODE(ExceptionExitBitmap), CODE(CpuidExitList),
                                          CODE(X64MsrExitBitmap)};
    const uint8_t buffer[sizeof(WHV_PARTITION_PROPERTY)] = {0};
    for (uint32_t code = 0; code < 0x3000; code++) {
        const struct property_info *info = property_find(code);
        if (info == NULL || info->kind == PROPERTY_READ_ONLY) {
            continue;
        }
        bool may = code == changeable[0] || code == changeable[1] || code == changeable[2] || code == changeable[3];
        enum whb_status status = property_check(info, &offer, true, buffer, info->size);
        assert_int_equal(status == WHB_ERROR_INVALID_STATE, !may);
    }
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        uint64_t value, size;
        enum whb_status status;
    } rows[] = {
        {CODE(ExtendedVmExits), 0x2f, 8, WHB_OK},
        {CODE(ExtendedVmExits), 0x10, 8, WHB_ERROR_NOT_SUPPORTED},
        {CODE(ExceptionExitBitmap), 1u << 2, 8, WHB_ERROR_NOT_SUPPORTED},
        {CODE(X64MsrExitBitmap), 0x40, 8, WHB_ERROR_NOT_SUPPORTED},
        {CODE(UnimplementedMsrAction), 3, 4, WHB_ERROR_INVALID_ARGUMENT},
        {CODE(ProcessorCount), 0, 4, WHB_ERROR_INVALID_ARGUMENT},
        {CODE(ProcessorCount), WHB_MAX_VPS + 1, 4, WHB_ERROR_INVALID_ARGUMENT},
        {CODE(ProcessorCount), WHB_MAX_VPS, 4, WHB_OK},
        {CODE(LocalApicEmulationMode), 1, 4, WHB_ERROR_NOT_SUPPORTED},
        {CODE(LocalApicEmulationMode), 3, 4, WHB_ERROR_INVALID_ARGUMENT},
        {CODE(ProcessorFeatures), 0x7f, 8, WHB_OK},
        {CODE(ProcessorFeatures), 0x100, 8, WHB_ERROR_NOT_SUPPORTED},
        {CODE(ProcessorXsaveFeatures), 8, 8, WHB_ERROR_NOT_SUPPORTED},
        {CODE(ProcessorClFlushSize), 6, 1, WHB_OK},
        {CODE(ProcessorClFlushSize), 7, 1, WHB_ERROR_NOT_SUPPORTED},
        {CODE(ProcessorClFlushSize), 2, 1, WHB_ERROR_NOT_SUPPORTED},
        {CODE(ProcessorClockFrequency), CLOCK, 8, WHB_OK},
        {CODE(InterruptClockFrequency), CLOCK + 1, 8, WHB_ERROR_NOT_SUPPORTED},
        {CODE(PhysicalAddressWidth), 39, 4, WHB_OK},
        {CODE(PhysicalAddressWidth), 36, 4, WHB_ERROR_NOT_SUPPORTED},
        {CODE(ReferenceTime), 0, 8, WHB_ERROR_NOT_SUPPORTED},
        {CODE(NestedVirtualization), 1, 4, WHB_ERROR_NOT_SUPPORTED},
        {CODE(NestedVirtualization), 0, 4, WHB_OK},
        {CODE(PrimaryNumaNode), 0x10000, 2, WHB_OK}, /* the third byte is not its */
        {CODE(ProcessorPerfmonFeatures), 1, 8, WHB_ERROR_NOT_SUPPORTED},
        {CODE(ProcessorFeaturesBanks), 0, 24, WHB_ERROR_INVALID_ARGUMENT},
        {CODE(ProcessorFeaturesBanks), 1, 24, WHB_OK},
        {CODE(ProcessorFeaturesBanks), 3, 24, WHB_ERROR_INVALID_ARGUMENT},
        {CODE(ProcessorFeaturesBanks), 1ull << 32 | 2, 24, WHB_ERROR_INVALID_ARGUMENT},
        {CODE(SyntheticProcessorFeaturesBanks), 0, 16, WHB_OK},
        {CODE(SyntheticProcessorFeaturesBanks), 1, 16, WHB_OK},
        {CODE(SyntheticProcessorFeaturesBanks), 1, 48, WHB_OK},
        {CODE(SyntheticProcessorFeaturesBanks), 2, 16, WHB_ERROR_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(check(rows[i].code, rows[i].value, rows[i].size), rows[i].status);
    }
}

static void test_banks(void **state)
{
    (void)state;
    WHV_PROCESSOR_FEATURES_BANKS banks = {.BanksCount = 2, .AsUINT64 = {0xf, 2}};
    const struct property_info *info = property_find(CODE(ProcessorFeaturesBanks));
    assert_int_equal(property_check(info, &offer, false, &banks, sizeof(banks)), WHB_OK);
    banks.AsUINT64[1] = 4;
    assert_int_equal(property_check(info, &offer, false, &banks, sizeof(banks)), WHB_ERROR_NOT_SUPPORTED);
    banks.BanksCount = 1;
    assert_int_equal(property_check(info, &offer, false, &banks, sizeof(banks)), WHB_OK);
    banks.AsUINT64[0] = 0x100;
    assert_int_equal(property_check(info, &offer, false, &banks, sizeof(banks)), WHB_ERROR_NOT_SUPPORTED);
}

static void test_lists(void **state)
{
    (void)state;
    static WHV_X64_CPUID_RESULT2 list[65];
    const struct property_info *info = property_find(CODE(CpuidResultList2));
    assert_int_equal(property_check(info, &offer, false, list, 0), WHB_OK);
    assert_int_equal(property_check(info, &offer, false, list, 64 * sizeof(list[0])), WHB_OK);
    assert_int_equal(property_check(info, &offer, false, list, sizeof(list)), WHB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(property_check(info, &offer, false, list, 47), WHB_ERROR_INVALID_ARGUMENT);
    list[63].VpIndex = 64;
    assert_int_equal(property_check(info, &offer, false, list, 64 * sizeof(list[0])), WHB_OK);
    list[63].Flags = WHvX64CpuidResult2FlagVpSpecific;
    assert_int_equal(property_check(info, &offer, false, list, 64 * sizeof(list[0])), WHB_ERROR_INVALID_ARGUMENT);
    list[63].Flags = (WHV_X64_CPUID_RESULT2_FLAGS)4;
    assert_int_equal(property_check(info, &offer, false, list, 64 * sizeof(list[0])), WHB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(property_check(property_find(CODE(CpuidExitList)), &offer, true, list, 257),
                     WHB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(property_exits_offered(false), 0x2f);
    assert_int_equal(property_exits_offered(true), 0x33ff);
}

static void test_overrides(void **state)
{
    (void)state;
    const WHV_X64_CPUID_RESULT2 list[] = {
        {.Function = 7, .Output = {0x11, 0x22, 0x33, 0x44}, .Mask = {0xf, 0, ~0u, 0xf0}},
        {.Function = 7, .Index = 1, .Flags = WHvX64CpuidResult2FlagSubleafSpecific, .Output.Eax = 9, .Mask.Eax = ~0u},
        {.Function = 7, .VpIndex = 2, .Flags = WHvX64CpuidResult2FlagVpSpecific, .Output.Ebx = 5, .Mask.Ebx = ~0u},
    };
    struct cpuid_result r = {0xaaaa, 0xbbbb, 0xcccc, 0xdddd};
    cpuid_override(list, 3, 0, 7, 0, &r);
    assert_int_equal(r.eax, 0xaaa1);
    assert_int_equal(r.ebx, 0xbbbb);
    assert_int_equal(r.ecx, 0x33);
    assert_int_equal(r.edx, 0xdd4d);
    cpuid_override(list, 3, 2, 7, 1, &r);
    assert_int_equal(r.eax, 9);
    assert_int_equal(r.ebx, 5);
    r.eax = 1;
    cpuid_override(list, 3, 2, 8, 1, &r);
    assert_int_equal(r.eax, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),     cmocka_unit_test(test_sizes), cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_values),    cmocka_unit_test(test_banks), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_overrides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
