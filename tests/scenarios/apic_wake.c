/* SPDX-License-Identifier: MIT */
/* What ends the HLT of a VP with a local APIC when the client sets it by register, and what does not. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(apic_handler32);
DECLARE_PAYLOAD(apic_wait32);
DECLARE_AT(apic_wait32_woken);

#define HANDLER_AT 0x1800u
#define COUNTER 0x2000u
#define VECTOR 0x46u
#define IF_OPEN 0x202u
#define IF_CLOSED 2u
#define TIMER_COUNT 1000000u
#define HALT_SUSPEND 2u

static struct guest guest;

static uint32_t count(void)
{
    uint32_t value;
    memcpy(&value, guest.ram + COUNTER, sizeof(value));
    return value;
}

static void set(WHV_REGISTER_NAME name, const WHV_REGISTER_VALUE *value)
{
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(guest.partition, 0, &name, 1, value));
}

static void external(uint64_t vector)
{
    WHV_REGISTER_VALUE v = {0};
    v.ExtIntEvent.EventPending = 1;
    v.ExtIntEvent.EventType = WHvX64PendingEventExtInt;
    v.ExtIntEvent.Vector = (uint8_t)vector;
    set(WHvRegisterPendingEvent, &v);
}

static void exception(uint32_t vector)
{
    WHV_REGISTER_VALUE v = {0};
    v.ExceptionEvent.EventPending = 1;
    v.ExceptionEvent.EventType = WHvX64PendingEventException;
    v.ExceptionEvent.Vector = (uint16_t)vector;
    set(WHvRegisterPendingEvent, &v);
}

static void interruption(uint32_t type, uint32_t vector)
{
    WHV_REGISTER_VALUE v = {0};
    v.PendingInterruption.InterruptionPending = 1;
    v.PendingInterruption.InterruptionType = type & 7u;
    v.PendingInterruption.InterruptionVector = (uint16_t)vector;
    set(WHvRegisterPendingInterruption, &v);
}

/* In HLT, as a saved state is restored. */
static void asleep(uint64_t rflags)
{
    guest_create_apic(&guest, 1, 0, WHvX64LocalApicEmulationModeXApic);
    records_start(&guest, GUEST_PROTECTED, payload_apic_wait32, payload_apic_wait32_end);
    memcpy(guest.ram + HANDLER_AT, payload_apic_handler32,
           (size_t)(payload_apic_handler32_end - payload_apic_handler32));
    guest_set(&guest, 0, WHvX64RegisterApicSpurious, 0x1ff);
    guest_set(&guest, 0, WHvX64RegisterRip, RIP_OF(apic_wait32, apic_wait32_woken));
    guest_set(&guest, 0, WHvX64RegisterRflags, rflags);
    guest_set(&guest, 0, WHvRegisterInternalActivityState, HALT_SUSPEND);
}

static void handler(unsigned vector)
{
    guest_idt(&guest, 0, GUEST_PROTECTED, vector, HANDLER_AT);
}

/* The handler ran once, and the guest went on behind its HLT. */
static void expect_woken(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0x50, r.IoPortAccess.PortNumber);
    CHECK_EQ(1, count());
    CHECK_EQ(0, guest_get(&guest, 0, WHvRegisterInternalActivityState));
}

static void cancel_run(struct root_frame *frame)
{
    (void)frame;
    apic_eoi();
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
}

static void expect_asleep(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    root_set_handler(APIC_VECTOR_TIMER, cancel_run);
    apic_timer(TIMER_COUNT, false);
    cpu_sti();
    HRESULT hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
    cpu_cli();
    apic_timer(0, false);
    root_set_handler(APIC_VECTOR_TIMER, NULL);
    CHECK_EQ(S_OK, hr);
    CHECK_EQ(WHvRunVpExitReasonCanceled, r.ExitReason);
    CHECK_EQ(HALT_SUSPEND, guest_get(&guest, 0, WHvRegisterInternalActivityState));
    CHECK_EQ(0, count());
}

static void wake_external(void)
{
    asleep(IF_OPEN);
    handler(VECTOR);
    guest_set(&guest, 0, WHvX64RegisterCr8, 15); /* which does not hold it back */
    external(VECTOR);
    expect_woken();
    guest_destroy(&guest);
    asleep(IF_CLOSED);
    handler(VECTOR);
    external(VECTOR);
    expect_asleep();
    guest_set(&guest, 0, WHvX64RegisterRflags, IF_OPEN);
    expect_woken();
    guest_destroy(&guest);
}

/* PendingInterruption, and exceptions: whatever is delivered at the next entry makes the processor active. */
static void wake_injected(void)
{
    static const struct {
        uint32_t type, vector;
        uint64_t rflags;
    } cases[] = {
        {WHvX64PendingInterrupt, VECTOR, IF_OPEN},
        {WHvX64PendingNmi, 2, IF_CLOSED},
        {WHvX64PendingException, 6, IF_CLOSED},
        {WHvX64PendingException, 18, IF_CLOSED},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        asleep(cases[i].rflags);
        handler(cases[i].vector);
        interruption(cases[i].type, cases[i].vector);
        expect_woken();
        guest_destroy(&guest);
    }
    asleep(IF_CLOSED);
    handler(6);
    exception(6);
    expect_woken();
    guest_destroy(&guest);
}

static void wake_debug(void)
{
    asleep(IF_CLOSED | 0x100); /* a HLT that is stepped is complete, and its trap is due */
    handler(1);
    WHV_REGISTER_VALUE v = {0};
    v.PendingDebugException.SingleStep = 1;
    set(WHvX64RegisterPendingDebugException, &v);
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK(count() >= 1); /* and at each instruction from then on */
    guest_destroy(&guest);
}

/* What the local APIC or the flags hold back goes on waiting, until a register of the client's opens it. */
static void wake_opened(void)
{
    asleep(IF_OPEN);
    handler(VECTOR);
    guest_set(&guest, 0, WHvX64RegisterCr8, 15);
    guest_set(&guest, 0, WHvX64RegisterApicIrr2, 1u << (VECTOR % 32));
    expect_asleep();
    guest_set(&guest, 0, WHvX64RegisterCr8, 0);
    expect_woken();
    guest_destroy(&guest);
    WHV_INTERRUPT_CONTROL nmi = {.Type = WHvX64InterruptTypeNmi};
    asleep(IF_CLOSED);
    handler(2);
    guest_set(&guest, 0, WHvRegisterInterruptState, 2);
    CHECK_EQ(S_OK, WHvRequestInterrupt(guest.partition, &nmi, sizeof(nmi)));
    expect_asleep();
    guest_set(&guest, 0, WHvRegisterInterruptState, 0);
    expect_woken();
    guest_destroy(&guest);
}

const struct scenario scenarios_apic_wake[] = {
    {"apic/wake-external", 1, wake_external},
    {"apic/wake-injected", 1, wake_injected},
    {"apic/wake-debug", 1, wake_debug},
    {"apic/wake-opened", 1, wake_opened},
    {0},
};
