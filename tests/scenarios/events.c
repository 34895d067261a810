/* SPDX-License-Identifier: MIT */
/* Event injection, events in flight, NMI blocking, and #UD for what a guest must not have. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(idle64);
DECLARE_PAYLOAD(count64);
DECLARE_PAYLOAD(count_error64);
DECLARE_PAYLOAD(nmi64);
DECLARE_PAYLOAD(int64);
DECLARE_PAYLOAD(vmcall64);
DECLARE_PAYLOAD(vmxon64);
DECLARE_PAYLOAD(ud64_marker);
DECLARE_AT(idle64_second);
DECLARE_AT(nmi64_inside);
DECLARE_AT(int64_after);

#define HANDLER_AT 0x1800u
#define COUNTER_AT 0x2000u
#define IDT_PAGE 0x6000u
#define PENDING 1ull
#define TYPE(n) ((uint64_t)(n) << 1)
#define ERROR_CODE(n) ((1ull << 4) | ((uint64_t)(n) << 32))
#define VECTOR(n) ((uint64_t)(n) << 16)
#define LENGTH(n) ((uint64_t)(n) << 5)

static const WHV_MAP_GPA_RANGE_FLAGS all_rights =
    WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute;

static uint64_t memory_at(const struct guest *g, uint32_t gpa)
{
    uint64_t value;
    memcpy(&value, g->ram + gpa, sizeof(value));
    return value;
}

static void start_with_handler(struct guest *g, const uint8_t *begin, const uint8_t *end, unsigned vector,
                               const uint8_t *handler, const uint8_t *handler_end)
{
    guest_create(g, 1, 0);
    records_start(g, GUEST_LONG, begin, end);
    memcpy(g->ram + HANDLER_AT, handler, (size_t)(handler_end - handler));
    guest_idt(g, 0, GUEST_LONG, vector, HANDLER_AT);
}

static void inject_interrupt(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start_with_handler(&g, payload_idle64, payload_idle64_end, 0x40, payload_count64, payload_count64_end);
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    guest_set(&g, 0, WHvRegisterPendingInterruption, PENDING | TYPE(0) | VECTOR(0x40));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(1, memory_at(&g, COUNTER_AT));
    CHECK_EQ(RIP_OF(idle64, idle64_second), r.VpContext.Rip);
    CHECK_EQ(0, guest_get(&g, 0, WHvRegisterPendingInterruption));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(1, memory_at(&g, COUNTER_AT));
    guest_destroy(&g);
}

static void inject_exception(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start_with_handler(&g, payload_idle64, payload_idle64_end, 13, payload_count_error64, payload_count_error64_end);
    guest_set(&g, 0, WHvRegisterPendingInterruption, PENDING | TYPE(3) | VECTOR(13) | ERROR_CODE(0x1234));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
    /* The same by PendingEvent, and a page fault with its address. */
    start_with_handler(&g, payload_idle64, payload_idle64_end, 14, payload_count_error64, payload_count_error64_end);
    const WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
    WHV_REGISTER_VALUE v = {0};
    v.ExceptionEvent.EventPending = 1;
    v.ExceptionEvent.DeliverErrorCode = 1;
    v.ExceptionEvent.Vector = 14;
    v.ExceptionEvent.ErrorCode = 6;
    v.ExceptionEvent.ExceptionParameter = 0xabcd1000;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0xabcd1000, guest_get(&g, 0, WHvX64RegisterCr2));
    guest_destroy(&g);
}

static void nmi_blocking(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start_with_handler(&g, payload_idle64, payload_idle64_end, 2, payload_nmi64, payload_nmi64_end);
    guest_set(&g, 0, WHvRegisterPendingInterruption, PENDING | TYPE(2) | VECTOR(2));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(HANDLER_AT + (uint64_t)(at_nmi64_inside - payload_nmi64), r.VpContext.Rip);
    CHECK_EQ(2, guest_get(&g, 0, WHvRegisterInterruptState));
    guest_skip(&g, 0, &r);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0, guest_get(&g, 0, WHvRegisterInterruptState));
    CHECK_EQ(1, memory_at(&g, COUNTER_AT));
    guest_destroy(&g);
}

/* The delivery meets an unmapped IDT: the event is kept, shown, and delivered once the page is there. */
static void in_flight(uint64_t event, unsigned vector, const uint8_t *begin, const uint8_t *end, unsigned length)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start_with_handler(&g, begin, end, vector, payload_count64, payload_count64_end);
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, IDT_PAGE, 0x1000));
    if (event != 0) {
        guest_set(&g, 0, WHvRegisterPendingInterruption, event);
    }
    for (unsigned i = 0; i < 2; i++) {
        guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
        CHECK_EQ(1, r.VpContext.ExecutionState.InterruptionPending);
        CHECK_EQ(0, r.MemoryAccess.InstructionByteCount);
        CHECK_EQ(IDT_PAGE + 16 * vector, r.MemoryAccess.Gpa);
        CHECK_EQ(0, memory_at(&g, COUNTER_AT));
        uint64_t kept = guest_get(&g, 0, WHvRegisterPendingInterruption);
        CHECK_EQ(vector, kept >> 16 & 0xff);
        CHECK_EQ(PENDING, kept & 1);
        CHECK_EQ(length, kept >> 5 & 15);
    }
    CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram + IDT_PAGE, IDT_PAGE, 0x1000, all_rights));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(1, memory_at(&g, COUNTER_AT));
    CHECK_EQ(0, guest_get(&g, 0, WHvRegisterPendingInterruption));
    guest_destroy(&g);
}

static void in_flight_interrupt(void)
{
    in_flight(PENDING | TYPE(0) | VECTOR(0x40), 0x40, payload_idle64, payload_idle64_end, 0);
}

static void in_flight_nmi(void)
{
    in_flight(PENDING | TYPE(2) | VECTOR(2), 2, payload_idle64, payload_idle64_end, 0);
}

static void in_flight_software(void)
{
    in_flight(0, 0x30, payload_int64, payload_int64_end, 2);
}

/* A client that handles INT n itself drops the event and steps over the instruction. */
static void in_flight_dropped(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start_with_handler(&g, payload_int64, payload_int64_end, 0x30, payload_count64, payload_count64_end);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, IDT_PAGE, 0x1000));
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    uint64_t kept = guest_get(&g, 0, WHvRegisterPendingInterruption);
    CHECK_EQ(PENDING | TYPE(4) | LENGTH(2) | VECTOR(0x30), kept);
    guest_set(&g, 0, WHvRegisterPendingInterruption, 0);
    guest_advance(&g, 0, kept >> 5 & 15);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(RIP_OF(int64, int64_after) + 1, r.VpContext.Rip);
    CHECK_EQ(0, memory_at(&g, COUNTER_AT));
    guest_destroy(&g);
}

static void undefined(const uint8_t *begin, const uint8_t *end)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start_with_handler(&g, begin, end, 6, payload_ud64_marker, payload_ud64_marker_end);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0x60, r.IoPortAccess.PortNumber);
    CHECK_EQ(PAYLOAD_AT, memory_at(&g, (uint32_t)guest_get(&g, 0, WHvX64RegisterRsp)));
    guest_destroy(&g);
}

static void guest_vmcall(void)
{
    undefined(payload_vmcall64, payload_vmcall64_end);
}

static void guest_vmxon(void)
{
    undefined(payload_vmxon64, payload_vmxon64_end);
}

const struct scenario scenarios_events[] = {
    {"event/interrupt", 1, inject_interrupt},          {"event/exception", 1, inject_exception},
    {"event/nmi-blocking", 1, nmi_blocking},           {"event/in-flight-interrupt", 1, in_flight_interrupt},
    {"event/in-flight-nmi", 1, in_flight_nmi},         {"event/in-flight-int-n", 1, in_flight_software},
    {"event/in-flight-dropped", 1, in_flight_dropped}, {"guest/vmcall-is-undefined", 1, guest_vmcall},
    {"guest/vmxon-is-undefined", 1, guest_vmxon},      {0},
};
