/* SPDX-License-Identifier: MIT */
/* Each function of libwhv that is one hypercall, once, doing its work: its arguments arrive where they belong. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(idle64);

#define FAR_GVA 0x40000000u /* scenario.h: maps to GPA 0 */
#define FREE_GPA 0x300000u

static const WHV_ACCESS_GPA_CONTROLS write_back = {.CacheType = WHvCacheTypeWriteBack};
static const WHV_MAP_GPA_RANGE_FLAGS readable = WHvMapGpaRangeFlagRead;
static const WHV_MAP_GPA_RANGE_FLAGS tracked =
    (WHV_MAP_GPA_RANGE_FLAGS)(WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagTrackDirtyPages);
static uint8_t state[8192], other_state[8192];

static void translate(void)
{
    struct guest g;
    WHV_TRANSLATE_GVA_RESULT result = {.Reserved = 5};
    WHV_GUEST_PHYSICAL_ADDRESS gpa = 5;
    guest_create(&g, 1, 0);
    records_start(&g, GUEST_LONG, payload_idle64, payload_idle64_end);
    CHECK_EQ(S_OK, WHvTranslateGva(g.partition, 0, FAR_GVA + 0x1234, WHvTranslateGvaFlagValidateRead, &result, &gpa));
    CHECK_EQ(WHvTranslateGvaResultSuccess, result.ResultCode);
    CHECK_EQ(0, result.Reserved);
    CHECK_EQ(0x1234, gpa);
    CHECK_EQ(S_OK, WHvTranslateGva(g.partition, 0, 2ull * FAR_GVA, WHvTranslateGvaFlagValidateRead, &result, &gpa));
    CHECK_EQ(WHvTranslateGvaResultPageNotPresent, result.ResultCode);
    CHECK_EQ(0, gpa);
    guest_destroy(&g);
}

static void xsave(void)
{
    struct guest g;
    UINT32 size = 0, written = 0;
    guest_create(&g, 1, 0);
    WHV_PARTITION_HANDLE p = g.partition;
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetVirtualProcessorXsaveState(p, 0, NULL, 0, &size));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorXsaveState(p, 0, state, sizeof(state), &written));
    CHECK_EQ(size, written);
    state[160] = 0x77; /* XMM0; the bit of XSTATE_BV in the header at 512 says that it counts */
    state[512] |= 2;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorXsaveState(p, 0, state, size));
    CHECK_EQ(0x77, guest_get(&g, 0, WHvX64RegisterXmm0) & 0xff);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorState(p, 0, WHvVirtualProcessorStateTypeXsaveState, other_state,
                                               sizeof(other_state), NULL));
    CHECK_EQ(0x77, other_state[160]);
    other_state[160] = 0x66;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorState(p, 0, WHvVirtualProcessorStateTypeXsaveState, other_state, size));
    CHECK_EQ(0x66, guest_get(&g, 0, WHvX64RegisterXmm0) & 0xff);
    guest_destroy(&g);
}

static void counters_and_time(void)
{
    struct guest g;
    UINT32 written = 0;
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_PROCESSOR_INTERCEPT_COUNTERS c;
    guest_create(&g, 1, 0);
    records_start(&g, GUEST_LONG, payload_idle64, payload_idle64_end);
    CHECK_EQ(S_OK, WHvSuspendPartitionTime(g.partition));
    CHECK_EQ(S_OK, WHvResumePartitionTime(g.partition));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(S_OK,
             WHvGetVirtualProcessorCounters(g.partition, 0, WHvProcessorCounterSetIntercepts, &c, sizeof(c), &written));
    CHECK_EQ(sizeof(c), written);
    CHECK_EQ(1, c.HaltInstructions.Count);
    guest_destroy(&g);
}

static void memory(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    UINT64 bitmap = UINT64_MAX;
    uint8_t bytes[16];
    guest_create(&g, 1, 0);
    WHV_PARTITION_HANDLE p = g.partition;
    CHECK_EQ(S_OK, WHvMapGpaRange2(p, NULL, g.ram + 0x8000, FREE_GPA, 0x4000, tracked));
    CHECK_EQ(S_OK, WHvQueryGpaRangeDirtyBitmap(p, FREE_GPA, 0x4000, &bitmap, sizeof(bitmap)));
    CHECK_EQ(0, bitmap);
    memset(bytes, 0x3c, sizeof(bytes));
    CHECK_EQ(S_OK, WHvWriteGpaRange(p, 0, FREE_GPA + 0x2ff8, write_back, bytes, 16));
    CHECK_EQ(0x3c, g.ram[0xaff8]);
    CHECK_EQ(0x3c, g.ram[0xb007]);
    CHECK_EQ(0, g.ram[0xb008]);
    memset(bytes, 0, sizeof(bytes));
    CHECK_EQ(S_OK, WHvReadGpaRange(p, WHV_ANY_VP, FREE_GPA + 0x3004, write_back, bytes, 5));
    CHECK_EQ(0x3c3c3c3c, bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24);
    CHECK_EQ(0, bytes[4] | bytes[5]);
    CHECK_EQ(S_OK, WHvQueryGpaRangeDirtyBitmap(p, FREE_GPA, 0x4000, &bitmap, sizeof(bitmap)));
    CHECK_EQ(0xc, bitmap);
    CHECK_EQ(S_OK, WHvWriteGpaRange(p, 0, FREE_GPA, write_back, bytes, 1));
    CHECK_EQ(S_OK, WHvQueryGpaRangeDirtyBitmap(p, FREE_GPA, 0x4000, NULL, 0));
    CHECK_EQ(S_OK, WHvQueryGpaRangeDirtyBitmap(p, FREE_GPA, 0x4000, &bitmap, sizeof(bitmap)));
    CHECK_EQ(0, bitmap);
    CHECK_EQ(S_OK, whb_protect_gpa_range(p, FREE_GPA + 0x1000, 0x1000, readable));
    CHECK_EQ(E_ACCESSDENIED, WHvWriteGpaRange(p, 0, FREE_GPA + 0x1000, write_back, bytes, 1));
    CHECK_EQ(S_OK, whb_protect_gpa_range(p, PAYLOAD_AT, 0x1000, readable));
    guest_load(&g, 0, bytes, bytes + 1, PAYLOAD_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    CHECK_EQ(PAYLOAD_AT, r.MemoryAccess.Gpa);
    CHECK_EQ(WHV_E_GPA_RANGE_NOT_FOUND, whb_protect_gpa_range(p, FREE_GPA, 0x5000, readable));
    guest_destroy(&g);
}

static void partition_counters(void)
{
    struct guest g;
    UINT32 written = 0;
    WHV_PARTITION_MEMORY_COUNTERS c = {0};
    guest_create(&g, 1, 0);
    CHECK_EQ(S_OK, WHvGetPartitionCounters(g.partition, WHvPartitionCounterSetMemory, &c, sizeof(c), &written));
    CHECK_EQ(sizeof(c), written);
    CHECK_EQ(GUEST_RAM / 4096, c.Mapped4KPageCount + 512 * c.Mapped2MPageCount);
    guest_destroy(&g);
}

/* MOV of a byte to an address without memory: counted and stepped over while the doorbell is there, else an exit. */
static void doorbell(void)
{
    static struct whb_event event __attribute__((aligned(8)));
    static const uint8_t code[] = {0xb0, 0x12, 0xa2, 0x00, 0x80, 0xf4}; /* mov al, 12h; mov [8000h], al; hlt */
    const WHV_DOORBELL_MATCH_DATA match = {.GuestAddress = 0x8000, .Length = 1, .MatchOnLength = 1};
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    event.signals = 0;
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, 0x8000, 0x1000));
    CHECK_EQ(WHB_HR_NOT_FOUND, WHvUnregisterPartitionDoorbellEvent(g.partition, &match));
    CHECK_EQ(E_INVALIDARG, WHvRegisterPartitionDoorbellEvent(g.partition, &match, (uint8_t *)&event + 1));
    CHECK_EQ(S_OK, WHvRegisterPartitionDoorbellEvent(g.partition, &match, &event));
    CHECK_EQ(E_INVALIDARG, WHvRegisterPartitionDoorbellEvent(g.partition, &match, &event));
    for (uint64_t runs = 1; runs <= 2; runs++) {
        guest_load(&g, 0, code, code + sizeof(code), PAYLOAD_AT);
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
        CHECK_EQ(runs, event.signals);
    }
    CHECK_EQ(S_OK, WHvUnregisterPartitionDoorbellEvent(g.partition, &match));
    guest_load(&g, 0, code, code + sizeof(code), PAYLOAD_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    CHECK_EQ(0x8000, r.MemoryAccess.Gpa);
    CHECK_EQ(2, event.signals);
    guest_destroy(&g);
}

/* A reset VP is in the reset state, also what of it lies in the run page; memory stays. */
static void reset(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    records_start(&g, GUEST_LONG, payload_idle64, payload_idle64_end);
    guest_set(&g, 0, WHvX64RegisterRbx, 0x1234);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(g.partition, 0, 0));
    guest_set(&g, 0, WHvX64RegisterRflags, 0x46);
    CHECK_EQ(S_OK, WHvResetPartition(g.partition));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterRbx));
    CHECK_EQ(0xfff0, guest_get(&g, 0, WHvX64RegisterRip));
    CHECK_EQ(2, guest_get(&g, 0, WHvX64RegisterRflags));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterCr3));
    records_start(&g, GUEST_LONG, payload_idle64, payload_idle64_end);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

const struct scenario scenarios_whv_works[] = {
    {"whv/translate", 1, translate},
    {"whv/xsave", 1, xsave},
    {"whv/counters-and-time", 1, counters_and_time},
    {"whv/memory", 1, memory},
    {"whv/partition-counters", 1, partition_counters},
    {"whv/doorbell", 1, doorbell},
    {"whv/reset", 1, reset},
    {0},
};
