/* SPDX-License-Identifier: MIT */
/* Partition properties and capabilities: defaults, what is taken, what setup freezes, sizes, unknown codes. */
#include "tests/scenarios/records.h"

#define CODE(name) WHvPartitionPropertyCode##name
#define CAPABILITY(name) WHvCapabilityCode##name
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Where a property's value comes from, and goes to, in the scenarios below. */
enum nature { KEPT, FACT, ZERO, READ_ONLY };

static const struct row {
    WHV_PARTITION_PROPERTY_CODE code;
    uint32_t size;
    enum nature nature;
    bool changeable;
    uint64_t other; /* KEPT: another value that is taken; else one that is not */
} rows[] = {
    {CODE(ExtendedVmExits), 8, KEPT, true, 0x2f},
    {CODE(ExceptionExitBitmap), 8, KEPT, true, 0x4008},
    {CODE(X64MsrExitBitmap), 8, KEPT, true, 0x3f},
    {CODE(UnimplementedMsrAction), 4, KEPT, false, 1},
    {CODE(ProcessorCount), 4, KEPT, false, 3},
    {CODE(LocalApicEmulationMode), 4, KEPT, false, 0},
    {CODE(ProcessorFeatures), 8, KEPT, false, 0},
    {CODE(ProcessorXsaveFeatures), 8, KEPT, false, 0},
    {CODE(ProcessorClFlushSize), 1, KEPT, false, 4},
    {CODE(ProcessorClockFrequency), 8, FACT, false, 1},
    {CODE(InterruptClockFrequency), 8, FACT, false, 1},
    {CODE(PhysicalAddressWidth), 4, FACT, false, 1},
    {CODE(ReferenceTime), 8, READ_ONLY, true, 1},
    {CODE(SeparateSecurityDomain), 4, ZERO, false, 1},
    {CODE(NestedVirtualization), 4, ZERO, false, 1},
    {CODE(PrimaryNumaNode), 2, ZERO, false, 1},
    {CODE(CpuReserve), 4, ZERO, false, 1},
    {CODE(CpuCap), 4, ZERO, false, 1},
    {CODE(CpuWeight), 4, ZERO, false, 1},
    {CODE(CpuGroupId), 8, ZERO, false, 1},
    {CODE(ProcessorFrequencyCap), 4, ZERO, false, 1},
    {CODE(AllowDeviceAssignment), 4, ZERO, false, 1},
    {CODE(DisableSmt), 4, ZERO, false, 1},
    {CODE(ApicRemoteReadSupport), 4, ZERO, false, 1},
    {CODE(ProcessorPerfmonFeatures), 8, ZERO, false, 1},
};

static WHV_PARTITION_HANDLE create(void)
{
    WHV_PARTITION_HANDLE p = NULL;
    CHECK_EQ(S_OK, WHvCreatePartition(&p));
    return p;
}

/* The value as a number; all of the union's other bytes stay as they are. */
static uint64_t get(WHV_PARTITION_HANDLE p, WHV_PARTITION_PROPERTY_CODE code, uint32_t size)
{
    uint8_t buffer[sizeof(WHV_PARTITION_PROPERTY)];
    uint64_t value = 0;
    UINT32 written = 0;
    memset(buffer, 0x5a, sizeof(buffer));
    CHECK_EQ(S_OK, WHvGetPartitionProperty(p, code, buffer, sizeof(buffer), &written));
    CHECK_EQ(size, written);
    CHECK_EQ(0x5a, buffer[size]);
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetPartitionProperty(p, code, buffer, size - 1, &written));
    CHECK_EQ(size, written);
    memcpy(&value, buffer, size);
    return value;
}

/* With the whole union as buffer, as clients do. */
static HRESULT set(WHV_PARTITION_HANDLE p, WHV_PARTITION_PROPERTY_CODE code, uint64_t value)
{
    WHV_PARTITION_PROPERTY buffer;
    memset(&buffer, 0, sizeof(buffer));
    memcpy(&buffer, &value, sizeof(value));
    return WHvSetPartitionProperty(p, code, &buffer, sizeof(buffer));
}

static void check_before_setup(WHV_PARTITION_HANDLE p, const struct row *row)
{
    uint64_t before = get(p, row->code, row->size);
    CHECK_EQ(E_INVALIDARG, WHvSetPartitionProperty(p, row->code, &row->other, row->size - 1));
    if (row->nature == ZERO) {
        CHECK_EQ(0, before);
    }
    if (row->nature == READ_ONLY) {
        CHECK_EQ(WHB_HR_NOT_SUPPORTED, set(p, row->code, before));
        return;
    }
    bool kept = row->nature == KEPT;
    CHECK_EQ(kept ? S_OK : WHB_HR_NOT_SUPPORTED, set(p, row->code, row->other));
    CHECK_EQ(kept ? row->other : before, get(p, row->code, row->size));
    if (row->code != CODE(ProcessorCount)) { /* which is 0 before it is set, and cannot be made that again */
        CHECK_EQ(S_OK, WHvSetPartitionProperty(p, row->code, &before, row->size));
        CHECK_EQ(before, get(p, row->code, row->size));
    }
}

static void values(void)
{
    WHV_PARTITION_HANDLE p = create();
    for (unsigned i = 0; i < COUNT(rows); i++) {
        check_before_setup(p, &rows[i]);
    }
    CHECK_EQ(0, get(p, CODE(ReferenceTime), 8));
    CHECK_EQ(S_OK, WHvSetupPartition(p));
    for (unsigned i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        uint64_t now = get(p, row->code, row->size);
        HRESULT expected = row->nature == READ_ONLY ? WHB_HR_NOT_SUPPORTED
                           : row->changeable        ? S_OK
                                                    : WHB_HR_INVALID_STATE;
        CHECK_EQ(expected, set(p, row->code, now));
    }
    uint64_t first = get(p, CODE(ReferenceTime), 8);
    CHECK(get(p, CODE(ReferenceTime), 8) > first);
    CHECK_EQ(S_OK, WHvDeletePartition(p));
}

static void banks(void)
{
    WHV_PARTITION_HANDLE p = create();
    WHV_PROCESSOR_FEATURES_BANKS offered, b;
    WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS synthetic = {.BanksCount = 7};
    CHECK_EQ(S_OK, WHvGetCapability(CAPABILITY(ProcessorFeaturesBanks), &offered, sizeof(offered), NULL));
    CHECK_EQ(2, offered.BanksCount);
    CHECK_EQ(S_OK, WHvGetPartitionProperty(p, CODE(ProcessorFeaturesBanks), &b, sizeof(b), NULL));
    CHECK_EQ(0, memcmp(&b, &offered, sizeof(b)));
    b.Bank0.Sse3Support = 0;
    b.Bank1.AsUINT64 = 0;
    CHECK_EQ(S_OK, WHvSetPartitionProperty(p, CODE(ProcessorFeaturesBanks), &b, sizeof(b)));
    CHECK_EQ(b.Bank0.AsUINT64, get(p, CODE(ProcessorFeatures), 8));
    b.Bank1.AsUINT64 = ~offered.Bank1.AsUINT64 & (0 - ~offered.Bank1.AsUINT64);
    CHECK_EQ(WHB_HR_NOT_SUPPORTED, WHvSetPartitionProperty(p, CODE(ProcessorFeaturesBanks), &b, sizeof(b)));
    b.BanksCount = 3;
    CHECK_EQ(E_INVALIDARG, WHvSetPartitionProperty(p, CODE(ProcessorFeaturesBanks), &b, sizeof(b)));
    const WHV_PROCESSOR_FEATURES amd = {.Sse4aSupport = 1};
    CHECK_EQ(WHB_HR_NOT_SUPPORTED, set(p, CODE(ProcessorFeatures), amd.AsUINT64));
    const WHV_PROCESSOR_XSAVE_FEATURES tiles = {.AmxTileSupport = 1};
    CHECK_EQ(WHB_HR_NOT_SUPPORTED, set(p, CODE(ProcessorXsaveFeatures), tiles.AsUINT64));
    CHECK_EQ(S_OK, WHvGetPartitionProperty(p, CODE(SyntheticProcessorFeaturesBanks), &synthetic, 16, NULL));
    CHECK_EQ(1, synthetic.BanksCount);
    CHECK_EQ(0, synthetic.Bank0.AsUINT64);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(p, CODE(SyntheticProcessorFeaturesBanks), &synthetic, 16));
    synthetic.Bank0.Hv1 = 1;
    CHECK_EQ(WHB_HR_NOT_SUPPORTED, WHvSetPartitionProperty(p, CODE(SyntheticProcessorFeaturesBanks), &synthetic, 16));
    CHECK_EQ(S_OK, WHvDeletePartition(p));
}

static void unknown_codes(void)
{
    static const uint32_t codes[] = {0, 0xe, 0xfff, 0x1000, 0x1012, 0x1ffe, 0x2000, 0x7777, 0xffffffff};
    uint8_t buffer[64] = {0};
    UINT32 written = 0;
    WHV_PARTITION_HANDLE p = create();
    for (unsigned i = 0; i < COUNT(codes); i++) {
        WHV_PARTITION_PROPERTY_CODE code = (WHV_PARTITION_PROPERTY_CODE)codes[i];
        CHECK_EQ(WHV_E_UNKNOWN_PROPERTY, WHvGetPartitionProperty(p, code, buffer, sizeof(buffer), &written));
        CHECK_EQ(WHV_E_UNKNOWN_PROPERTY, WHvSetPartitionProperty(p, code, buffer, 48));
    }
    static const uint32_t capabilities[] = {7, 0xfff, 0x100b, 0x2000, 0x2005, 0x2010, 0x2011, 0x7777, 0xffffffff};
    for (unsigned i = 0; i < COUNT(capabilities); i++) {
        WHV_CAPABILITY_CODE code = (WHV_CAPABILITY_CODE)capabilities[i];
        CHECK_EQ(WHV_E_UNKNOWN_CAPABILITY, WHvGetCapability(code, buffer, sizeof(buffer), &written));
    }
    CHECK_EQ(S_OK, WHvDeletePartition(p));
}

static const struct {
    WHV_CAPABILITY_CODE code;
    uint32_t size;
    WHV_PARTITION_PROPERTY_CODE same; /* the property whose default this is; 0: none */
} capability_rows[] = {
    {CAPABILITY(HypervisorPresent), 4, 0},
    {CAPABILITY(Features), 8, 0},
    {CAPABILITY(ExtendedVmExits), 8, 0},
    {CAPABILITY(ExceptionExitBitmap), 8, 0},
    {CAPABILITY(X64MsrExitBitmap), 8, 0},
    {CAPABILITY(GpaRangePopulateFlags), 4, 0},
    {CAPABILITY(SchedulerFeatures), 8, 0},
    {CAPABILITY(ProcessorVendor), 4, 0},
    {CAPABILITY(ProcessorFeatures), 8, CODE(ProcessorFeatures)},
    {CAPABILITY(ProcessorClFlushSize), 1, CODE(ProcessorClFlushSize)},
    {CAPABILITY(ProcessorXsaveFeatures), 8, CODE(ProcessorXsaveFeatures)},
    {CAPABILITY(ProcessorClockFrequency), 8, CODE(ProcessorClockFrequency)},
    {CAPABILITY(InterruptClockFrequency), 8, CODE(InterruptClockFrequency)},
    {CAPABILITY(ProcessorPerfmonFeatures), 8, CODE(ProcessorPerfmonFeatures)},
    {CAPABILITY(PhysicalAddressWidth), 4, CODE(PhysicalAddressWidth)},
    {CAPABILITY(ProcessorFeaturesBanks), 24, 0},
    {CAPABILITY(SyntheticProcessorFeaturesBanks), 16, 0},
    {CAPABILITY(ProcessorFrequencyCap), 20, 0},
};

static void check_capability_value(WHV_CAPABILITY_CODE code, const WHV_CAPABILITY *c)
{
    switch (code) {
    case CAPABILITY(HypervisorPresent):
        CHECK_EQ(1, c->HypervisorPresent);
        break;
    case CAPABILITY(Features):
        CHECK_EQ(1, c->Features.PartialUnmap);
        CHECK_EQ(1, c->Features.DirtyPageTracking);
        CHECK_EQ(0, c->Features.AsUINT64 & ~0xfull);
        break;
    case CAPABILITY(ExtendedVmExits):
        CHECK_EQ(0x2f, c->ExtendedVmExits.AsUINT64 & 0x2f);
        CHECK(c->ExtendedVmExits.AsUINT64 == 0x2f || c->ExtendedVmExits.AsUINT64 == 0x33ff);
        break;
    case CAPABILITY(ExceptionExitBitmap):
        CHECK_EQ(0x2b7dfb, c->ExceptionExitBitmap);
        break;
    case CAPABILITY(ProcessorFeatures):
        CHECK_EQ(1, c->ProcessorFeatures.Sse3Support);
        CHECK_EQ(0, c->ProcessorFeatures.Sse4aSupport);
        break;
    case CAPABILITY(ProcessorClFlushSize):
        CHECK_EQ(6, c->ProcessorClFlushSize);
        break;
    case CAPABILITY(ProcessorClockFrequency):
        CHECK(c->ProcessorClockFrequency % 1000 == 0 && c->ProcessorClockFrequency >= 1000000);
        break;
    case CAPABILITY(PhysicalAddressWidth):
        CHECK(c->PhysicalAddressWidth >= 32 && c->PhysicalAddressWidth <= 52);
        break;
    case CAPABILITY(ProcessorFrequencyCap):
        CHECK_EQ(0, c->ProcessorFrequencyCap.IsSupported);
        break;
    default:
        break;
    }
}

static void capabilities(void)
{
    WHV_PARTITION_HANDLE p = create();
    for (unsigned i = 0; i < COUNT(capability_rows); i++) {
        uint8_t buffer[64];
        UINT32 written = 0, size = capability_rows[i].size;
        WHV_CAPABILITY value;
        memset(buffer, 0x5a, sizeof(buffer));
        CHECK_EQ(S_OK, WHvGetCapability(capability_rows[i].code, buffer, sizeof(buffer), &written));
        CHECK_EQ(size, written);
        CHECK_EQ(0x5a, buffer[size]);
        CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetCapability(capability_rows[i].code, buffer, size - 1, &written));
        memcpy(&value, buffer, sizeof(value));
        check_capability_value(capability_rows[i].code, &value);
        if (capability_rows[i].same != 0) {
            uint64_t number = 0;
            memcpy(&number, buffer, size);
            CHECK_EQ(number, get(p, capability_rows[i].same, size));
        }
    }
    CHECK_EQ(S_OK, WHvDeletePartition(p));
}

const struct scenario scenarios_properties[] = {
    {"property/values", 1, values},
    {"property/banks", 1, banks},
    {"property/unknown-codes", 1, unknown_codes},
    {"capability/values", 1, capabilities},
    {0},
};
