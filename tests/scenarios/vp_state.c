/* SPDX-License-Identifier: MIT */
/* Translation of addresses, XSAVE images, counters, time and reset, by hypercall. */
#include "root/lib/hypercall.h"
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(idle64);
DECLARE_PAYLOAD(rdtsc64);
DECLARE_PAYLOAD(raise64);

#define TABLES 0x100000u /* scenario.h: PML4, PDPT, PD, PD of 1 GiB */
#define ACCESSED 0x20u
#define DIRTY 0x40u

static uint8_t buffer[4096] __attribute__((aligned(64)));

static uint32_t translate(struct guest *g, uint64_t gva, uint64_t flags, uint64_t *gpa)
{
    struct whb_translation t = {.code = 0xffff};
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_TRANSLATE_GVA, whb_handle(g->partition), 0, gva, flags, (uintptr_t)&t, NULL));
    CHECK_EQ(0, t.reserved);
    *gpa = t.gpa;
    return t.code;
}

static uint64_t *entry_at(struct guest *g, uint32_t gpa)
{
    return (uint64_t *)(void *)(g->ram + gpa);
}

static void translate_gva(void)
{
    struct guest g;
    uint64_t gpa, all = WHvTranslateGvaFlagValidateRead | WHvTranslateGvaFlagValidateWrite;
    guest_create(&g, 1, 0);
    records_start(&g, GUEST_LONG, payload_idle64, payload_idle64_end);
    CHECK_EQ(WHvTranslateGvaResultSuccess, translate(&g, 0x40001234, all, &gpa));
    CHECK_EQ(0x1234, gpa);
    /* A device's address, with and without a right to check: the GPA comes all the same. */
    CHECK_EQ(WHvTranslateGvaResultGpaUnmapped, translate(&g, 0x3fe01234, all, &gpa));
    CHECK_EQ(0x3fe01234, gpa);
    CHECK_EQ(WHvTranslateGvaResultGpaUnmapped, translate(&g, 0x3fe01234, 0, &gpa));
    CHECK_EQ(0x3fe01234, gpa);
    CHECK_EQ(WHvTranslateGvaResultPageNotPresent, translate(&g, 0x60000000, 0, &gpa));
    CHECK_EQ(0, gpa);
    CHECK_EQ(0, *entry_at(&g, TABLES) & ACCESSED);
    CHECK_EQ(WHvTranslateGvaResultSuccess, translate(&g, 0x40001234, all | WHvTranslateGvaFlagSetPageTableBits, &gpa));
    CHECK_EQ(ACCESSED, *entry_at(&g, TABLES) & (ACCESSED | DIRTY));
    CHECK_EQ(ACCESSED | DIRTY, *entry_at(&g, TABLES + 0x3000) & (ACCESSED | DIRTY));
    *entry_at(&g, TABLES + 0x3000) &= ~2ull;                                      /* read-only */
    CHECK_EQ(WHvTranslateGvaResultSuccess, translate(&g, 0x40001234, all, &gpa)); /* CR0.WP is clear */
    guest_set(&g, 0, WHvX64RegisterCr0, guest_get(&g, 0, WHvX64RegisterCr0) | 1u << 16);
    CHECK_EQ(WHvTranslateGvaResultPrivilegeViolation, translate(&g, 0x40001234, all, &gpa));
    CHECK_EQ(WHvTranslateGvaResultSuccess, translate(&g, 0x40001234, WHvTranslateGvaFlagValidateRead, &gpa));
    *entry_at(&g, TABLES + 0x3000) |= 1ull << 13; /* reserved in a 2 MiB page */
    CHECK_EQ(WHvTranslateGvaResultInvalidPageTableFlags, translate(&g, 0x40001234, all, &gpa));
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, TABLES + 0x3000, 0x1000));
    CHECK_EQ(WHvTranslateGvaResultGpaUnmapped, translate(&g, 0x40001234, all, &gpa));
    CHECK_EQ(WHB_NO_GPA, gpa);
    CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram + TABLES + 0x3000, TABLES + 0x3000, 0x1000, 1));
    *entry_at(&g, TABLES + 0x3000) = 0x83;
    CHECK_EQ(WHvTranslateGvaResultGpaNoWriteAccess,
             translate(&g, 0x40001234, all | WHvTranslateGvaFlagSetPageTableBits, &gpa));
    CHECK_EQ(WHB_NO_GPA, gpa);
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT,
             whb_call(WHB_CALL_TRANSLATE_GVA, whb_handle(g.partition), 0, 0, 0x400, (uintptr_t)buffer, NULL));
    CHECK_EQ(WHB_ERROR_VP_ABSENT,
             whb_call(WHB_CALL_TRANSLATE_GVA, whb_handle(g.partition), 1, 0, 0, (uintptr_t)buffer, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_TRANSLATE_GVA, whb_handle(g.partition), 0, 0, 0, ~7ull, NULL));
    guest_destroy(&g);
}

static enum whb_status state(enum whb_call call, struct guest *g, uint64_t size, uint64_t *value)
{
    return whb_call(call, whb_handle(g->partition), 0, WHvVirtualProcessorStateTypeXsaveState, (uintptr_t)buffer, size,
                    value);
}

static void xsave_state(void)
{
    struct guest g;
    uint64_t size = 0, value;
    const WHV_REGISTER_NAME xmm1 = WHvX64RegisterXmm1;
    WHV_REGISTER_VALUE v = {0};
    guest_create(&g, 1, 0);
    CHECK_EQ(WHB_ERROR_BUFFER_TOO_SMALL, state(WHB_CALL_VP_STATE_GET, &g, 100, &size));
    CHECK(size >= 576 && size <= 4096);
    v.Reg128.Low64 = 0x1122334455667788;
    v.Reg128.High64 = 0x99aabbccddeeff00;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &xmm1, 1, &v));
    CHECK_EQ(WHB_OK, state(WHB_CALL_VP_STATE_GET, &g, sizeof(buffer), &value));
    CHECK_EQ(size, value);
    CHECK_EQ(0, memcmp(buffer + 176, &v, 16));
    buffer[176] = 0x77;
    CHECK_EQ(WHB_OK, state(WHB_CALL_VP_STATE_SET, &g, size, NULL));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &xmm1, 1, &v));
    CHECK_EQ(0x1122334455667777, v.Reg128.Low64);
    /* What XRSTOR would fault on changes nothing. */
    buffer[176] = 0x66;
    buffer[24 + 3] = 0x80; /* MXCSR */
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, state(WHB_CALL_VP_STATE_SET, &g, size, NULL));
    buffer[24 + 3] = 0;
    buffer[512 + 7] = 0x40; /* a component that does not exist */
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, state(WHB_CALL_VP_STATE_SET, &g, size, NULL));
    buffer[512 + 7] = 0;
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, state(WHB_CALL_VP_STATE_SET, &g, 575, NULL));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &xmm1, 1, &v));
    CHECK_EQ(0x1122334455667777, v.Reg128.Low64);
    /* The compacted form. */
    buffer[520] = 3;
    buffer[527] = 0x80;
    buffer[512] = 3;
    CHECK_EQ(WHB_OK, state(WHB_CALL_VP_STATE_SET, &g, 576, NULL));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &xmm1, 1, &v));
    CHECK_EQ(0x1122334455667766, v.Reg128.Low64);
    guest_destroy(&g);
}

static void wait_ticks(uint64_t ticks)
{
    for (uint64_t start = cpu_rdtsc(); cpu_rdtsc() - start < ticks;) {
    }
}

/* While time stands still the TSC does too; a run lets it go on from there. */
static void partition_time(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 8);
    uint64_t handle = whb_handle(g.partition);
    records_start(&g, GUEST_LONG, payload_rdtsc64, payload_rdtsc64_end);
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_TIME_SUSPEND, handle, 0, 0, 0, 0, NULL));
    uint64_t then = guest_get(&g, 0, WHvX64RegisterTsc);
    wait_ticks(1000000);
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_TIME_SUSPEND, handle, 0, 0, 0, 0, NULL));
    CHECK_EQ(then, guest_get(&g, 0, WHvX64RegisterTsc));
    guest_set(&g, 0, WHvX64RegisterTsc, 5000);
    CHECK_EQ(5000, guest_get(&g, 0, WHvX64RegisterTsc));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Rdtsc);
    CHECK(r.ReadTsc.Tsc >= 5000 && r.ReadTsc.Tsc < 5000 + 500000);
    CHECK(guest_get(&g, 0, WHvX64RegisterTsc) > r.ReadTsc.Tsc);
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_TIME_SUSPEND, handle, 0, 0, 0, 0, NULL));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_TIME_RESUME, handle, 0, 0, 0, 0, NULL));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_TIME_RESUME, handle, 0, 0, 0, 0, NULL));
    then = guest_get(&g, 0, WHvX64RegisterTsc);
    wait_ticks(1000);
    CHECK(guest_get(&g, 0, WHvX64RegisterTsc) >= then + 1000);
    guest_destroy(&g);
}

/* Everything a VP can hold goes back; memory, properties and other partitions do not. */
static void reset_partition(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 2, 0);
    uint64_t handle = whb_handle(g.partition);
    struct {
        WHV_REGISTER_NAME name;
        uint64_t value, reset;
    } rows[] = {
        {WHvX64RegisterRbx, 1, 0},
        {WHvX64RegisterRip, 0x1000, 0xfff0},
        {WHvX64RegisterCr2, 0x123, 0},
        {WHvX64RegisterCr8, 5, 0},
        {WHvX64RegisterDr0, 0x4000, 0},
        {WHvX64RegisterLstar, 0x1234, 0},
        {WHvX64RegisterKernelGsBase, 77, 0},
        {WHvX64RegisterTscAux, 9, 0},
        {WHvX64RegisterSysenterEip, 8, 0},
        {WHvRegisterInterruptState, 2, 0},
        {WHvX64RegisterPat, 0x6, 0x0007040600070406},
        {WHvRegisterDeliverabilityNotifications, 2, 0},
        {WHvRegisterPendingInterruption, 1 | 0x40 << 16, 0},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_set(&g, 1, rows[i].name, rows[i].value);
    }
    g.ram[0x1000] = 0xf4;
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(g.partition, 1, 0));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_RESET, handle, 0, 0, 0, 0, NULL));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_EQ(rows[i].reset, guest_get(&g, 1, rows[i].name));
    }
    uint64_t tsc = guest_get(&g, 1, WHvX64RegisterTsc);
    CHECK_EQ(0, tsc); /* and it stands still */
    guest_load(&g, 1, payload_idle64, payload_idle64_end, 0x2000);
    guest_set(&g, 1, WHvX64RegisterRip, 0x1000);
    guest_run(&g, 1, &r, WHvRunVpExitReasonX64Halt); /* not Canceled */
    CHECK_EQ(0x1001, r.VpContext.Rip);
    CHECK(guest_get(&g, 1, WHvX64RegisterTsc) > 0);
    CHECK_EQ(WHB_ERROR_INVALID_HANDLE, whb_call(WHB_CALL_PARTITION_RESET, 0x12345, 0, 0, 0, 0, NULL));
    guest_destroy(&g);
}

static enum whb_status counters(struct guest *g, uint64_t set, uint64_t room, uint64_t *size)
{
    return whb_call(WHB_CALL_VP_COUNTERS, whb_handle(g->partition), 0, set, (uintptr_t)buffer, room, size);
}

static void vp_counters(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_PROCESSOR_INTERCEPT_COUNTERS c;
    WHV_PROCESSOR_RUNTIME_COUNTERS t;
    WHV_PROCESSOR_EVENT_COUNTERS e;
    uint64_t size;
    guest_create(&g, 1, 0);
    records_start(&g, GUEST_LONG, payload_idle64, payload_idle64_end);
    CHECK_EQ(WHB_ERROR_BUFFER_TOO_SMALL, counters(&g, WHvProcessorCounterSetIntercepts, 8, &size));
    CHECK_EQ(sizeof(c), size);
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, counters(&g, WHvProcessorCounterSetSyntheticFeatures, 4096, &size));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_set(&g, 0, WHvX64RegisterRip, 0x300000); /* unmapped */
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    guest_idt(&g, 0, GUEST_LONG, 0x40, PAYLOAD_AT);
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_set(&g, 0, WHvRegisterPendingInterruption, 1 | 0x40 << 16);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(WHB_OK, counters(&g, WHvProcessorCounterSetIntercepts, sizeof(buffer), &size));
    memcpy(&c, buffer, sizeof(c));
    CHECK_EQ(3, c.HaltInstructions.Count);
    CHECK_EQ(1, c.NestedPageFaultIntercepts.Count);
    CHECK_EQ(0, c.IoInstructions.Count);
    CHECK_EQ(0, c.CpuidInstructions.Count);
    CHECK_EQ(WHB_OK, counters(&g, WHvProcessorCounterSetEvents, sizeof(buffer), &size));
    memcpy(&e, buffer, sizeof(e));
    CHECK_EQ(1, e.InterruptCount);
    CHECK_EQ(0, e.ExceptionCount);
    CHECK_EQ(WHB_OK, counters(&g, WHvProcessorCounterSetRuntime, sizeof(buffer), &size));
    memcpy(&t, buffer, sizeof(t));
    CHECK_EQ(sizeof(t), size);
    CHECK(t.TotalRuntime100ns >= t.HypervisorRuntime100ns);
    guest_destroy(&g);
}

const struct scenario scenarios_vp_state[] = {
    {"call/translate-gva", 1, translate_gva},   {"call/xsave-state", 1, xsave_state},
    {"call/partition-time", 1, partition_time}, {"call/partition-reset", 1, reset_partition},
    {"call/vp-counters", 1, vp_counters},       {0},
};
