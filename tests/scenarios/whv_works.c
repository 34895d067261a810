/* SPDX-License-Identifier: MIT */
/* Each function of libwhv that is one hypercall, once, doing its work: its arguments arrive where they belong. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(idle64);

#define FAR_GVA 0x40000000u /* scenario.h: maps to GPA 0 */

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
    {"whv/reset", 1, reset},
    {0},
};
