/* SPDX-License-Identifier: MIT */
#include "tests/scenarios/completion.h"

DECLARE_PAYLOAD(handler64);

#define EXIT_CPUID 1ull /* WHV_EXTENDED_VM_EXITS */
#define EXIT_MSR 2ull
#define EXIT_EXCEPTION 4ull
#define EXIT_HYPERCALL (1ull << 5)

void completion_create(struct guest *g, const uint8_t *begin, const uint8_t *end)
{
    const uint64_t debug = 1u << VECTOR_DB;
    const UINT32 leaf = 0;
    guest_create(g, 1, EXIT_CPUID | EXIT_MSR | EXIT_EXCEPTION | EXIT_HYPERCALL);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeExceptionExitBitmap, &debug, 8));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeCpuidExitList, &leaf, 4));
    records_start(g, GUEST_LONG, begin, end);
}

void completion_handler(struct guest *g, unsigned vector, const uint8_t *begin, const uint8_t *end)
{
    memcpy(g->ram + HANDLER_AT, begin, (size_t)(end - begin));
    guest_idt(g, 0, GUEST_LONG, vector, HANDLER_AT);
}

void completion_handler_port(struct guest *g, unsigned vector)
{
    completion_handler(g, vector, payload_handler64, payload_handler64_end);
}

void completion_check_handler(struct guest *g, uint64_t rip)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint64_t pushed;
    guest_run(g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(HANDLER_PORT, r.IoPortAccess.PortNumber);
    memcpy(&pushed, g->ram + guest_get(g, 0, WHvX64RegisterRsp), sizeof(pushed));
    CHECK_EQ(rip, pushed);
}

void completion_check_trap(struct guest *g, uint64_t rip, uint64_t causes)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(g, 0, &r, WHvRunVpExitReasonException);
    CHECK_EQ(VECTOR_DB, r.VpException.ExceptionType);
    CHECK_EQ(causes, r.VpException.ExceptionParameter);
    CHECK_EQ(rip, r.VpContext.Rip);
}

void completion_interrupt(struct guest *g)
{
    const WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
    WHV_REGISTER_VALUE v = {0};
    v.ExtIntEvent.EventPending = 1;
    v.ExtIntEvent.EventType = WHvX64PendingEventExtInt;
    v.ExtIntEvent.Vector = VECTOR_EXTERNAL;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
}
