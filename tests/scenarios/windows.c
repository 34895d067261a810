/* SPDX-License-Identifier: MIT */
/* DeliverabilityNotifications and the InterruptWindow record; external interrupts that wait. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(window64);
DECLARE_PAYLOAD(priority64);
DECLARE_PAYLOAD(unmask64);
DECLARE_PAYLOAD(keep_rip64);
DECLARE_AT(window64_open);
DECLARE_AT(priority64_three);
DECLARE_AT(unmask64_after);

#define NMI 1ull
#define INTERRUPT 2ull
#define PRIORITY(n) ((uint64_t)(n) << 2)
#define HANDLER_AT 0x1800u

static void start(struct guest *g, const uint8_t *begin, const uint8_t *end)
{
    guest_create(g, 1, 0);
    records_start(g, GUEST_LONG, begin, end);
}

static void expect_window(struct guest *g, uint64_t rip, uint32_t type)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(g, 0, &r, WHvRunVpExitReasonX64InterruptWindow);
    CHECK_EQ(type, r.InterruptWindow.DeliverableType);
    records_check_context(g, &r, rip, 0, 0, 0);
    CHECK_EQ(0, guest_get(g, 0, WHvRegisterDeliverabilityNotifications));
    check_zero_tail(&r, 48 + 4);
}

/* After STI and one more instruction; once. */
static void interrupt_window(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(&g, payload_window64, payload_window64_end);
    guest_set(&g, 0, WHvRegisterDeliverabilityNotifications, INTERRUPT);
    CHECK_EQ(INTERRUPT, guest_get(&g, 0, WHvRegisterDeliverabilityNotifications));
    expect_window(&g, RIP_OF(window64, window64_open), WHvX64PendingInterrupt);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

static void immediate_window(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(&g, payload_window64, payload_window64_end);
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    guest_set(&g, 0, WHvRegisterDeliverabilityNotifications, INTERRUPT);
    expect_window(&g, PAYLOAD_AT, WHvX64PendingInterrupt);
    guest_set(&g, 0, WHvRegisterDeliverabilityNotifications, NMI | INTERRUPT);
    expect_window(&g, PAYLOAD_AT, WHvX64PendingNmi);
    /* Given back before it fired. */
    guest_set(&g, 0, WHvX64RegisterRflags, 2);
    guest_set(&g, 0, WHvRegisterDeliverabilityNotifications, INTERRUPT);
    guest_set(&g, 0, WHvRegisterDeliverabilityNotifications, 0);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

/* CR8 holds the interrupt back until it is below the priority asked for. */
static void window_priority(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(&g, payload_priority64, payload_priority64_end);
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    guest_set(&g, 0, WHvX64RegisterCr8, 12);
    guest_set(&g, 0, WHvRegisterDeliverabilityNotifications, INTERRUPT | PRIORITY(4));
    expect_window(&g, RIP_OF(priority64, priority64_three), WHvX64PendingInterrupt);
    CHECK_EQ(3, guest_get(&g, 0, WHvX64RegisterCr8));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    /* Priority 0 does not look at CR8. */
    guest_set(&g, 0, WHvX64RegisterCr8, 15);
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_set(&g, 0, WHvRegisterDeliverabilityNotifications, INTERRUPT);
    expect_window(&g, PAYLOAD_AT, WHvX64PendingInterrupt);
    guest_destroy(&g);
}

static void nmi_window(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(&g, payload_unmask64, payload_unmask64_end);
    guest_set(&g, 0, WHvRegisterInterruptState, 2);
    guest_set(&g, 0, WHvRegisterDeliverabilityNotifications, NMI);
    expect_window(&g, RIP_OF(unmask64, unmask64_after), WHvX64PendingNmi);
    CHECK_EQ(0, guest_get(&g, 0, WHvRegisterInterruptState));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

/* An external interrupt by PendingEvent waits until the guest takes interrupts, and comes once. */
static void external_event(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    const WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
    WHV_REGISTER_VALUE v = {0}, back;
    uint64_t pushed;
    start(&g, payload_window64, payload_window64_end);
    memcpy(g.ram + HANDLER_AT, payload_keep_rip64, (size_t)(payload_keep_rip64_end - payload_keep_rip64));
    guest_idt(&g, 0, GUEST_LONG, 0x55, HANDLER_AT);
    v.ExtIntEvent.EventPending = 1;
    v.ExtIntEvent.EventType = WHvX64PendingEventExtInt;
    v.ExtIntEvent.Vector = 0x55;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &name, 1, &back));
    CHECK_EQ(0, memcmp(&v, &back, sizeof(v)));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    memcpy(&pushed, g.ram + 0x2000, sizeof(pushed));
    CHECK_EQ(RIP_OF(window64, window64_open), pushed);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &name, 1, &back));
    CHECK_EQ(0, back.Reg64);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(1, g.ram[0x2008]);
    v.ExtIntEvent.Vector = 8; /* the 8259's timer under a BIOS */
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
    v.ExtIntEvent.Reserved1 = 1;
    CHECK(WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v) != S_OK);
    guest_destroy(&g);
}

const struct scenario scenarios_windows[] = {
    {"record/interrupt-window", 1, interrupt_window},
    {"record/interrupt-window-immediate", 1, immediate_window},
    {"record/interrupt-window-priority", 1, window_priority},
    {"record/nmi-window", 1, nmi_window},
    {"event/external-waits", 1, external_event},
    {0},
};
