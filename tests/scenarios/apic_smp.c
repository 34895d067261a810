/* SPDX-License-Identifier: MIT */
/* Local APICs between VPs, and VPs that wait in HLT while the root goes on with its own work. */
#include "root/lib/hypercall.h"
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(apic_handler32);
DECLARE_PAYLOAD(apic_wait32);
DECLARE_PAYLOAD(apic_start32);
DECLARE_PAYLOAD(apic_started16);
DECLARE_PAYLOAD(apic_handler64);
DECLARE_PAYLOAD(apic_closed64);
DECLARE_AT(apic_wait32_woken);

#define HANDLER_AT 0x1800u
#define WAIT_AT 0x1a00u
#define COUNTER 0x2000u
#define SIPI_AT 0x3000u
#define CLOSED_ROUNDS 200u
#define TICKS 2000000000ull
#define TIMER_COUNT 1000000u /* a nested machine spends tens of thousands of ticks on a run */

static struct guest guest;
static volatile uint32_t root_ticks;
static uint32_t cancel_at;

static uint32_t word(uint32_t at)
{
    uint32_t value;
    memcpy(&value, guest.ram + at, sizeof(value));
    return value;
}

static void put_code(uint32_t at, const uint8_t *begin, const uint8_t *end)
{
    memcpy(guest.ram + at, begin, (size_t)(end - begin));
}

static void start(const uint8_t *begin, const uint8_t *end, uint32_t vps)
{
    guest_create_apic(&guest, vps, 0, WHvX64LocalApicEmulationModeXApic);
    records_start(&guest, GUEST_PROTECTED, begin, end);
    put_code(HANDLER_AT, payload_apic_handler32, payload_apic_handler32_end);
    put_code(SIPI_AT, payload_apic_started16, payload_apic_started16_end);
    guest_idt(&guest, 0, GUEST_PROTECTED, 0x46, HANDLER_AT);
    guest_idt(&guest, 0, GUEST_PROTECTED, 0x47, HANDLER_AT);
}

static void to_port(uint32_t vp, unsigned port, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    guest_run(&guest, vp, r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(port, r->IoPortAccess.PortNumber);
    guest_skip(&guest, vp, r);
}

static void request(uint32_t destination, uint32_t vector)
{
    WHV_INTERRUPT_CONTROL c = {.Type = WHvX64InterruptTypeFixed, .Destination = destination, .Vector = vector};
    CHECK_EQ(S_OK, WHvRequestInterrupt(guest.partition, &c, sizeof(c)));
}

/* VP 1 sleeps from its creation until SIPI; INIT and SIPI that come while nobody runs it are kept for it. */
static void start_up(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(payload_apic_start32, payload_apic_start32_end, 2);
    CHECK_EQ(1, guest_get(&guest, 1, WHvRegisterInternalActivityState));
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 1, 0));
    guest_run(&guest, 1, &r, WHvRunVpExitReasonCanceled);
    guest_set(&guest, 1, WHvX64RegisterRbx, 0x1234);
    to_port(0, 0x50, &r);
    to_port(1, 0x60, &r);
    CHECK_EQ(0x300, r.IoPortAccess.Rax & 0xffff); /* CS */
    CHECK_EQ(SIPI_AT, r.VpContext.Cs.Base);
    CHECK_EQ(0, guest_get(&guest, 1, WHvX64RegisterRbx)); /* INIT */
    CHECK_EQ(0, guest_get(&guest, 1, WHvRegisterInternalActivityState));
    guest_destroy(&guest);
}

/* A fixed interrupt to the other VP waits in its IRR until it enables its APIC's interrupts. */
static void ipi_to_other(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(payload_apic_start32, payload_apic_start32_end, 2);
    guest_set(&guest, 1, WHvX64RegisterApicSpurious, 0x1ff);
    guest_set(&guest, 0, WHvX64RegisterRip, PAYLOAD_AT);
    to_port(0, 0x50, &r);
    to_port(1, 0x60, &r);
    guest_set(&guest, 1, WHvX64RegisterApicSpurious, 0x1ff);
    to_port(0, 0x51, &r);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 1, 0));
    guest_run(&guest, 1, &r, WHvRunVpExitReasonCanceled); /* sticky: before anything was taken in */
    guest_set(&guest, 1, WHvRegisterInternalActivityState, 0);
    guest_load(&guest, 1, payload_apic_wait32, payload_apic_wait32_end, WAIT_AT);
    guest_idt(&guest, 1, GUEST_REAL, 0x47, 0x400);
    guest.ram[0x400] = 0xe6; /* outb %al, $0x61 */
    guest.ram[0x401] = 0x61;
    guest_set(&guest, 1, WHvX64RegisterRip, 0x500);
    memcpy(guest.ram + 0x500, "\xfb\xf4", 2); /* sti; hlt */
    to_port(1, 0x61, &r);
    CHECK_EQ(1ull << (0x47 % 32), guest_get(&guest, 1, WHvX64RegisterApicIsr2));
    guest_destroy(&guest);
}

static void on_timer(struct root_frame *frame)
{
    (void)frame;
    apic_eoi();
    root_ticks++;
    if (root_ticks == cancel_at) {
        CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    }
}

static void timer_on(uint32_t cancel, uint32_t count)
{
    root_ticks = 0;
    cancel_at = cancel;
    root_set_handler(APIC_VECTOR_TIMER, on_timer);
    apic_timer(count, true);
}

static void timer_off(void)
{
    apic_timer(0, false);
    __asm__ volatile("sti; nop; cli" : : : "memory");
    root_set_handler(APIC_VECTOR_TIMER, NULL);
}

/* The VP sleeps, the root's timer goes on ticking, and one of its ticks cancels the run; the VP goes on sleeping. */
static void halt_leaves_the_root_alone(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(payload_apic_wait32, payload_apic_wait32_end, 1);
    timer_on(10, TIMER_COUNT);
    cpu_sti();
    HRESULT hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
    cpu_cli();
    timer_off();
    CHECK_EQ(S_OK, hr);
    CHECK_EQ(WHvRunVpExitReasonCanceled, r.ExitReason);
    CHECK_EQ(RIP_OF(apic_wait32, apic_wait32_woken), r.VpContext.Rip); /* past HLT */
    CHECK(root_ticks >= 10);
    CHECK_EQ(2, guest_get(&guest, 0, WHvRegisterInternalActivityState));
    guest_set(&guest, 0, WHvRegisterPendingInterruption, 1 | 0x46 << 16);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonCanceled); /* before anything was taken in */
    CHECK_EQ(0, word(COUNTER));
    CHECK_EQ(2, guest_get(&guest, 0, WHvRegisterInternalActivityState));
    to_port(0, 0x50, &r);
    CHECK_EQ(1, word(COUNTER));
    guest_destroy(&guest);
}

/* No multiple of a round. In a nested machine a tick and the way back into the guest take longer than the short one. */
static uint32_t closed_period(void)
{
    return scenario_is_nested() ? TIMER_COUNT + 3 : TIMER_COUNT / 10 + 3;
}

/*
 * What waits in the VP's local APIC waits until IF is 1, also while the root's own interrupts come (which Bochs
 * does not by itself: vmm/cpu/quirks_bochs.h).
 */
static void root_interrupts_open_nothing(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create_apic(&guest, 1, 0, WHvX64LocalApicEmulationModeX2Apic);
    records_start(&guest, GUEST_LONG, payload_apic_closed64, payload_apic_closed64_end);
    put_code(HANDLER_AT, payload_apic_handler64, payload_apic_handler64_end);
    guest_idt(&guest, 0, GUEST_LONG, 0x41, HANDLER_AT);
    guest_set(&guest, 0, WHvX64RegisterApicBase, 0xfee00d00);
    guest_set(&guest, 0, WHvX64RegisterApicSpurious, 0x1ff);
    guest_set(&guest, 0, WHvX64RegisterRsi, CLOSED_ROUNDS);
    timer_on(0, closed_period());
    cpu_sti();
    HRESULT hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
    cpu_cli();
    timer_off();
    CHECK_EQ(S_OK, hr);
    CHECK_EQ(WHvRunVpExitReasonX64IoPortAccess, r.ExitReason);
    CHECK_EQ(0x50, r.IoPortAccess.PortNumber);
    CHECK_EQ(0, guest_get(&guest, 0, WHvX64RegisterRsi));
    CHECK_EQ(CLOSED_ROUNDS, word(COUNTER));
    CHECK(root_ticks >= 10);
    guest_destroy(&guest);
}

static volatile uint32_t woken;

static void run_waiter(void *arg)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint32_t rounds = *(const uint32_t *)arg;
    for (uint32_t i = 0; i < rounds; i++) {
        to_port(0, 0x50, &r);
        woken++;
    }
    HRESULT hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
    while (hr == WHB_HR_INTERRUPTED) {
        __asm__ volatile("sti; nop; cli" : : : "memory");
        hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
    }
    CHECK_EQ(S_OK, hr);
    CHECK_EQ(WHvRunVpExitReasonCanceled, r.ExitReason);
}

static bool wait_for(volatile uint32_t *word_at, uint32_t value)
{
    for (uint64_t begin = cpu_rdtsc(); *word_at != value;) {
        if (cpu_rdtsc() - begin > TICKS) {
            return false;
        }
    }
    return true;
}

/* Each request from this CPU wakes the VP that another CPU runs, once. Then a cancel ends its sleep. */
static void wake_from_other_cpu(void)
{
    static uint32_t rounds = 50;
    start(payload_apic_wait32, payload_apic_wait32_end, 1);
    guest_set(&guest, 0, WHvX64RegisterApicSpurious, 0x1ff);
    woken = 0;
    root_run_on(1, run_waiter, &rounds);
    for (uint32_t i = 1; i <= rounds; i++) {
        request(0, 0x46);
        CHECK(wait_for(&woken, i));
        CHECK_EQ(i, word(COUNTER));
    }
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    CHECK(root_wait(1, TICKS));
    CHECK_EQ(rounds, word(COUNTER));
    guest_destroy(&guest);
}

static void run_sleeper(void *arg)
{
    WHV_RUN_VP_EXIT_CONTEXT *r = arg;
    to_port(1, 0x60, r);
}

/* INIT and SIPI from a VP on this CPU start the one that already waits on the other. */
static void start_up_running(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r, other;
    start(payload_apic_start32, payload_apic_start32_end, 2);
    root_run_on(1, run_sleeper, &other);
    to_port(0, 0x50, &r);
    CHECK(root_wait(1, TICKS));
    CHECK_EQ(SIPI_AT, other.VpContext.Cs.Base);
    guest_destroy(&guest);
}

const struct scenario scenarios_apic_smp[] = {
    {"apic/start-up", 1, start_up},
    {"apic/ipi", 1, ipi_to_other},
    {"apic/halt-and-root", 1, halt_leaves_the_root_alone},
    {"apic/root-interrupts-open-nothing", 1, root_interrupts_open_nothing},
    {"apic/wake-from-other-cpu", 2, wake_from_other_cpu},
    {"apic/start-up-running", 2, start_up_running},
    {0},
};
