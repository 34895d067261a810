/* SPDX-License-Identifier: MIT */
/* What a partition's properties do with MSRs: X64MsrExitBitmap, MsrActionList, UnimplementedMsrAction. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(msr_touch64);
DECLARE_PAYLOAD(msr_fault64);
DECLARE_AT(msr_touch64_write);
DECLARE_AT(msr_touch64_end);

#define HANDLER_AT 0x1800u
#define MSR_EXIT 2ull
#define MSR_TSC 0x10u
#define MSR_APIC_BASE 0x1bu
#define MSR_PATCH_LEVEL 0x8bu
#define MSR_MISC_ENABLE 0x1a0u
#define MSR_FS_BASE 0xc0000100u
#define MSR_LSTAR 0xc0000082u
#define MSR_NOBODYS 0x1234u

enum outcome {
    DONE,   /* no exit */
    RECORD, /* X64MsrAccess */
    FAULT,  /* #GP in the guest */
};

static void start(struct guest *g, uint64_t exits)
{
    guest_create(g, 1, exits);
    records_start(g, GUEST_LONG, payload_msr_touch64, payload_msr_touch64_end);
    memcpy(g->ram + HANDLER_AT, payload_msr_fault64, (size_t)(payload_msr_fault64_end - payload_msr_fault64));
    guest_idt(g, 0, GUEST_LONG, 13, HANDLER_AT);
}

/* One RDMSR or WRMSR of `msr`; the value read goes to *value. */
static enum outcome touch(struct guest *g, uint32_t msr, bool write, uint64_t *value)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_set(g, 0, WHvX64RegisterRcx, msr);
    guest_set(g, 0, WHvX64RegisterRax, *value & 0xffffffff);
    guest_set(g, 0, WHvX64RegisterRdx, *value >> 32);
    guest_set(g, 0, WHvX64RegisterRsp, 0x8000);
    guest_set(g, 0, WHvX64RegisterRip, write ? RIP_OF(msr_touch64, msr_touch64_write) : PAYLOAD_AT);
    HRESULT hr;
    do {
        hr = WHvRunVirtualProcessor(g->partition, 0, &r, sizeof(r));
    } while (hr == WHB_HR_INTERRUPTED);
    CHECK_EQ(S_OK, hr);
    *value = guest_get(g, 0, WHvX64RegisterRdx) << 32 | guest_get(g, 0, WHvX64RegisterRax);
    if (r.ExitReason == WHvRunVpExitReasonX64MsrAccess) {
        CHECK_EQ(msr, r.MsrAccess.MsrNumber);
        CHECK_EQ(write, r.MsrAccess.AccessInfo.IsWrite);
        return RECORD;
    }
    CHECK_EQ(WHvRunVpExitReasonX64Halt, r.ExitReason);
    return r.VpContext.Rip == RIP_OF(msr_touch64, msr_touch64_end) ? DONE : FAULT;
}

static enum outcome reading(struct guest *g, uint32_t msr)
{
    uint64_t value = 0;
    return touch(g, msr, false, &value);
}

static enum outcome writing(struct guest *g, uint32_t msr, uint64_t value)
{
    return touch(g, msr, true, &value);
}

static HRESULT set(struct guest *g, WHV_PARTITION_PROPERTY_CODE code, uint64_t value)
{
    return WHvSetPartitionProperty(g->partition, code, &value, sizeof(value));
}

/* Each class on and off again, with VPs there; without X64MsrExit none does anything. */
static void classes(void)
{
    struct guest g;
    const struct {
        uint64_t class;
        uint32_t msr;
        bool write;
        uint64_t value;
    } rows[] = {{2, MSR_TSC, true, 5},
                {4, MSR_TSC, false, 0},
                {8, MSR_APIC_BASE, true, 0xfee00900},
                {16, MSR_MISC_ENABLE, false, 0},
                {32, MSR_PATCH_LEVEL, false, 0}};
    start(&g, MSR_EXIT);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = rows[i].value;
        CHECK_EQ(S_OK, set(&g, WHvPartitionPropertyCodeX64MsrExitBitmap, rows[i].class));
        CHECK_EQ(RECORD, touch(&g, rows[i].msr, rows[i].write, &value));
        CHECK_EQ(FAULT, reading(&g, MSR_NOBODYS)); /* UnhandledMsrs is off */
        CHECK_EQ(S_OK, set(&g, WHvPartitionPropertyCodeX64MsrExitBitmap, 1));
        value = rows[i].value;
        CHECK_EQ(DONE, touch(&g, rows[i].msr, rows[i].write, &value));
        CHECK_EQ(RECORD, reading(&g, MSR_NOBODYS));
    }
    CHECK_EQ(S_OK, set(&g, WHvPartitionPropertyCodeX64MsrExitBitmap, 0x3f));
    CHECK_EQ(S_OK, set(&g, WHvPartitionPropertyCodeExtendedVmExits, 0));
    CHECK_EQ(DONE, reading(&g, MSR_TSC));
    CHECK_EQ(FAULT, reading(&g, MSR_NOBODYS));
    CHECK(set(&g, WHvPartitionPropertyCodeX64MsrExitBitmap, 0x40) != S_OK);
    CHECK(set(&g, WHvPartitionPropertyCodeUnimplementedMsrAction, 1) != S_OK); /* frozen */
    guest_destroy(&g);
}

static void create_with(struct guest *g, const WHV_MSR_ACTION_ENTRY *list, uint32_t count, uint32_t unimplemented)
{
    uint32_t vps = 1;
    guest_create(g, 1, 0); /* for its memory block; the partition itself is made anew */
    CHECK_EQ(S_OK, WHvDeletePartition(g->partition));
    CHECK_EQ(S_OK, WHvCreatePartition(&g->partition));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeProcessorCount, &vps, sizeof(vps)));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeMsrActionList, list,
                                           count * (uint32_t)sizeof(*list)));
    CHECK_EQ(S_OK, set(g, WHvPartitionPropertyCodeUnimplementedMsrAction, unimplemented));
    CHECK_EQ(S_OK, WHvSetupPartition(g->partition));
    CHECK_EQ(S_OK, WHvMapGpaRange(g->partition, g->ram, 0, GUEST_RAM, 7));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(g->partition, 0, 0));
    records_start(g, GUEST_LONG, payload_msr_touch64, payload_msr_touch64_end);
    memcpy(g->ram + HANDLER_AT, payload_msr_fault64, (size_t)(payload_msr_fault64_end - payload_msr_fault64));
    guest_idt(g, 0, GUEST_LONG, 13, HANDLER_AT);
}

/* The list comes before everything else, also for MSRs that pass without an exit otherwise. */
static void actions(void)
{
    struct guest g;
    uint64_t value = 0x123456789a;
    const WHV_MSR_ACTION_ENTRY list[] = {
        {MSR_FS_BASE, WHvMsrActionArchitectureDefault, WHvMsrActionExit, 0},
        {MSR_LSTAR, WHvMsrActionIgnoreWriteReadZero, WHvMsrActionIgnoreWriteReadZero, 0},
        {MSR_NOBODYS, WHvMsrActionExit, WHvMsrActionIgnoreWriteReadZero, 0},
    };
    create_with(&g, list, 3, WHvMsrActionIgnoreWriteReadZero);
    CHECK_EQ(DONE, reading(&g, MSR_FS_BASE));
    CHECK_EQ(RECORD, writing(&g, MSR_FS_BASE, 0x1000));
    CHECK_EQ(DONE, writing(&g, MSR_LSTAR, 0x1000));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterLstar));
    guest_set(&g, 0, WHvX64RegisterLstar, 0x5000);
    CHECK_EQ(DONE, touch(&g, MSR_LSTAR, false, &value));
    CHECK_EQ(0, value);
    CHECK_EQ(RECORD, reading(&g, MSR_NOBODYS));
    CHECK_EQ(DONE, writing(&g, MSR_NOBODYS, 7));
    value = 0x123456789a;
    CHECK_EQ(DONE, touch(&g, MSR_NOBODYS + 1, false, &value));
    CHECK_EQ(0, value);
    CHECK_EQ(DONE, writing(&g, MSR_NOBODYS + 1, 7));
    guest_destroy(&g);
    create_with(&g, list, 0, WHvMsrActionExit);
    CHECK_EQ(RECORD, reading(&g, MSR_NOBODYS));
    CHECK_EQ(DONE, reading(&g, MSR_LSTAR));
    guest_destroy(&g);
}

static void lists_that_cannot_be(void)
{
    static WHV_MSR_ACTION_ENTRY list[65];
    WHV_PARTITION_HANDLE p;
    const WHV_PARTITION_PROPERTY_CODE code = WHvPartitionPropertyCodeMsrActionList;
    for (uint32_t i = 0; i < 65; i++) {
        list[i] = (WHV_MSR_ACTION_ENTRY){i, 1, 1, 0};
    }
    CHECK_EQ(S_OK, WHvCreatePartition(&p));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(p, code, list, 64 * sizeof(list[0])));
    CHECK_EQ(E_INVALIDARG, WHvSetPartitionProperty(p, code, list, 65 * sizeof(list[0])));
    CHECK_EQ(E_INVALIDARG, WHvSetPartitionProperty(p, code, list, 7));
    list[1].Index = 0;
    CHECK_EQ(E_INVALIDARG, WHvSetPartitionProperty(p, code, list, 2 * sizeof(list[0])));
    list[1] = (WHV_MSR_ACTION_ENTRY){1, 3, 0, 0};
    CHECK_EQ(E_INVALIDARG, WHvSetPartitionProperty(p, code, list, 2 * sizeof(list[0])));
    uint32_t action = 3;
    CHECK_EQ(E_INVALIDARG,
             WHvSetPartitionProperty(p, WHvPartitionPropertyCodeUnimplementedMsrAction, &action, sizeof(action)));
    CHECK_EQ(S_OK, WHvDeletePartition(p));
}

const struct scenario scenarios_msr_policy[] = {
    {"msr/classes", 1, classes},
    {"msr/actions", 1, actions},
    {"msr/lists-that-cannot-be", 1, lists_that_cannot_be},
    {0},
};
