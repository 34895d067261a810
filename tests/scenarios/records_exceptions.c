/* SPDX-License-Identifier: MIT */
/* The Exception record, and giving exceptions back to the guest. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(raise64);
DECLARE_PAYLOAD(breakpoint64);
DECLARE_PAYLOAD(keep_rip64);
DECLARE_PAYLOAD(step64);
DECLARE_PAYLOAD(idle64);
DECLARE_AT(raise64_ud);
DECLARE_AT(raise64_read);
DECLARE_AT(raise64_write);
DECLARE_AT(raise64_icebp);
DECLARE_AT(raise64_divide);
DECLARE_AT(raise64_div);
DECLARE_AT(raise64_gp);
DECLARE_AT(raise64_int);
DECLARE_AT(raise64_hlt);
DECLARE_AT(breakpoint64_after);
DECLARE_AT(step64_first);
DECLARE_AT(step64_second);

#define EXCEPTION_EXIT 4ull
#define HANDLER_AT 0x1800u
#define BIT(vector) (1ull << (vector))
#define ALL_EXCEPTIONS 0x2b7dfbull
#define IDT_VECTOR_GATE(vector) (0x6000u + 16u * (vector))

static void start(struct guest *g, const uint8_t *begin, const uint8_t *end, uint64_t exceptions)
{
    guest_create(g, 1, EXCEPTION_EXIT);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeExceptionExitBitmap, &exceptions,
                                           sizeof(exceptions)));
    records_start(g, GUEST_LONG, begin, end);
}

struct expectation {
    unsigned vector;
    uint32_t info; /* WHV_VP_EXCEPTION_INFO */
    uint32_t error;
    uint64_t parameter;
    const uint8_t *at;
    uint8_t first_byte;
};

static void expect(struct guest *g, const struct expectation *e, const uint8_t *begin)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint64_t cr2 = guest_get(g, 0, WHvX64RegisterCr2), dr6 = guest_get(g, 0, WHvX64RegisterDr6);
    guest_run(g, 0, &r, WHvRunVpExitReasonException);
    records_check_context(g, &r, PAYLOAD_AT + (uint64_t)(e->at - begin), 0, 0, 0);
    CHECK_EQ(e->vector, r.VpException.ExceptionType);
    CHECK_EQ(e->info, r.VpException.ExceptionInfo.AsUINT32);
    CHECK_EQ(e->error, r.VpException.ErrorCode);
    CHECK_EQ(e->parameter, r.VpException.ExceptionParameter);
    CHECK_EQ(16, r.VpException.InstructionByteCount);
    CHECK_EQ(e->first_byte, r.VpException.InstructionBytes[0]);
    CHECK_EQ(cr2, guest_get(g, 0, WHvX64RegisterCr2));
    CHECK_EQ(dr6, guest_get(g, 0, WHvX64RegisterDr6));
    CHECK_EQ(0, guest_get(g, 0, WHvRegisterPendingInterruption));
    check_zero_tail(&r, 48 + 40);
}

/* Each exception in turn; the client steps over the instruction. */
static void every_exception(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(&g, payload_raise64, payload_raise64_end, ALL_EXCEPTIONS);
    const struct expectation steps[] = {
        {3, 2, 0, 0, payload_raise64, 0xcc},
        {6, 0, 0, 0, at_raise64_ud, 0x0f},
        {14, 1, 0, 0x60000008, at_raise64_read, 0x8b},
        {14, 1, 2, 0x6000000c, at_raise64_write, 0xc7},
        {1, 2, 0, 0, at_raise64_icebp, 0xf1},
        {0, 0, 0, 0, at_raise64_div, 0xf7},
        {13, 1, 0, 0, at_raise64_gp, 0xff},
    };
    const uint8_t *next[] = {at_raise64_ud,     at_raise64_read, at_raise64_write, at_raise64_icebp,
                             at_raise64_divide, at_raise64_gp,   at_raise64_int,   at_raise64_hlt};
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        expect(&g, &steps[i], payload_raise64);
        guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT + (uint64_t)(next[i] - payload_raise64));
    }
    /* INT n is no exception; that its gate is missing is one, met while it was being delivered. */
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    records_check_context(&g, &r, RIP_OF(raise64, raise64_int), 0, 0, 1);
    CHECK_EQ(13, r.VpException.ExceptionType);
    CHECK_EQ(0x21 * 8 + 2, r.VpException.ErrorCode);
    CHECK_EQ(1 | 4 << 1 | 2 << 5 | 0x21ull << 16, guest_get(&g, 0, WHvRegisterPendingInterruption));
    guest_set(&g, 0, WHvRegisterPendingInterruption, 0);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(raise64, raise64_hlt));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

/* Only the vectors of the bitmap exit, and only with the exit turned on; both may change between runs. */
static void bitmap_selects(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint64_t none = 0, undefined = BIT(6);
    start(&g, at_raise64_ud, payload_raise64_end, BIT(6));
    memcpy(g.ram + HANDLER_AT, payload_idle64, (size_t)(payload_idle64_end - payload_idle64));
    guest_idt(&g, 0, GUEST_LONG, 6, HANDLER_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeExtendedVmExits, &none, sizeof(none)));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(HANDLER_AT + 1, r.VpContext.Rip);
    uint64_t on = EXCEPTION_EXIT;
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeExtendedVmExits, &on, sizeof(on)));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeExceptionExitBitmap, &none, 8));
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(HANDLER_AT + 1, r.VpContext.Rip);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeExceptionExitBitmap, &undefined, 8));
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    uint64_t nmi = BIT(2);
    CHECK_EQ(WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeExceptionExitBitmap, &nmi, 8) != S_OK, 1);
    guest_destroy(&g);
}

/* A single step: the trap comes after the instruction, TF stays set, DR6 is the client's to write. */
static void single_step(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(&g, payload_step64, payload_step64_end, BIT(1));
    /* Once without: on Bochs with KVM an EPT violation of KVM's own at the first instruction leaves a step pending. */
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_set(&g, 0, WHvX64RegisterRflags, 0x102);
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    CHECK_EQ(RIP_OF(step64, step64_first), r.VpContext.Rip);
    CHECK_EQ(1, r.VpException.ExceptionType);
    CHECK_EQ(0, r.VpException.ExceptionInfo.AsUINT32);
    CHECK_EQ(1ull << 14, r.VpException.ExceptionParameter);
    CHECK_EQ(0x102, r.VpContext.Rflags);
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    CHECK_EQ(RIP_OF(step64, step64_second), r.VpContext.Rip);
    guest_set(&g, 0, WHvX64RegisterRflags, 2);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

static void pend(struct guest *g, unsigned vector, bool has_error, uint32_t error, uint64_t parameter)
{
    const WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
    WHV_REGISTER_VALUE v = {0};
    v.ExceptionEvent.EventPending = 1;
    v.ExceptionEvent.DeliverErrorCode = has_error;
    v.ExceptionEvent.Vector = vector & 0xffffu;
    v.ExceptionEvent.ErrorCode = error;
    v.ExceptionEvent.ExceptionParameter = parameter;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
}

/* An intercepted INT3 goes back to the guest as a software exception: its handler returns past it. */
static void reflect_breakpoint(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint64_t pushed;
    start(&g, payload_breakpoint64, payload_breakpoint64_end, BIT(3));
    memcpy(g.ram + HANDLER_AT, payload_keep_rip64, (size_t)(payload_keep_rip64_end - payload_keep_rip64));
    guest_idt(&g, 0, GUEST_LONG, 3, HANDLER_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    CHECK_EQ(PAYLOAD_AT + 1, r.VpContext.Rip);
    pend(&g, 3, false, 0, 0);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    memcpy(&pushed, g.ram + 0x2000, sizeof(pushed));
    CHECK_EQ(RIP_OF(breakpoint64, breakpoint64_after), pushed);
    CHECK_EQ(1, g.ram[0x2008]);
    guest_destroy(&g);
}

/* A reflected page fault loads CR2, a reflected debug trap DR6. */
static void reflect_faults(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(&g, at_raise64_read, payload_raise64_end, BIT(14));
    memcpy(g.ram + HANDLER_AT, payload_idle64, (size_t)(payload_idle64_end - payload_idle64));
    guest_idt(&g, 0, GUEST_LONG, 14, HANDLER_AT);
    guest_idt(&g, 0, GUEST_LONG, 1, HANDLER_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    pend(&g, 14, true, r.VpException.ErrorCode, r.VpException.ExceptionParameter);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(HANDLER_AT + 1, r.VpContext.Rip);
    CHECK_EQ(0x60000008, guest_get(&g, 0, WHvX64RegisterCr2));
    guest_set(&g, 0, WHvX64RegisterDr6, 0xffff0ff1);
    pend(&g, 1, false, 0, 1ull << 14);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0xffff4ff0, guest_get(&g, 0, WHvX64RegisterDr6));
    guest_destroy(&g);
}

/* A fault during delivery is reported by its own vector, with the event in flight still pending. */
static void fault_in_delivery(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(&g, payload_idle64, payload_idle64_end, BIT(11));
    guest_idt(&g, 0, GUEST_LONG, 0x40, HANDLER_AT);
    g.ram[IDT_VECTOR_GATE(0x40) + 5] = 0x0e; /* not present */
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    guest_set(&g, 0, WHvRegisterPendingInterruption, 1 | 0x40ull << 16);
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    CHECK_EQ(11, r.VpException.ExceptionType);
    CHECK_EQ(0x40 * 8 + 2 + 1, r.VpException.ErrorCode); /* IDT and EXT */
    CHECK_EQ(1, r.VpContext.ExecutionState.InterruptionPending);
    CHECK_EQ(0, r.VpException.InstructionByteCount);
    CHECK_EQ(1 | 0x40ull << 16, guest_get(&g, 0, WHvRegisterPendingInterruption));
    g.ram[IDT_VECTOR_GATE(0x40) + 5] = 0x8e;
    memcpy(g.ram + HANDLER_AT, payload_idle64, (size_t)(payload_idle64_end - payload_idle64));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(HANDLER_AT + 1, r.VpContext.Rip);
    guest_destroy(&g);
}

const struct scenario scenarios_records_exceptions[] = {
    {"record/exceptions", 1, every_exception},
    {"record/exception-bitmap", 1, bitmap_selects},
    {"record/exception-single-step", 1, single_step},
    {"record/exception-reflect-int3", 1, reflect_breakpoint},
    {"record/exception-reflect-faults", 1, reflect_faults},
    {"record/exception-in-delivery", 1, fault_in_delivery},
    {0},
};
