/* SPDX-License-Identifier: MIT */
/*
 * Work that comes for a VP while it is on its way from one exit to the next entry. The guests wait for it without an
 * exit, so that what the entry overlooks stays overlooked.
 */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(apic_handler64);
DECLARE_PAYLOAD(race_record64);
DECLARE_PAYLOAD(race_answered64);
DECLARE_PAYLOAD(race_cpuid64);
DECLARE_PAYLOAD(race_deadline64);

#define HANDLER_AT 0x1800u
#define COUNTER 0x2000u
#define PROGRESS 0x2010u
#define SINCE 0x2018u
#define VECTOR 0x41u
#define ROUNDS 300u
#define CANCELS 100u
#define TICKS 2000000000ull
#define LONGEST_DELAY 1009u /* ticks, more than an exit and an entry take; a prime, so that rounds differ */
#define DEADLINE 30000u
/* How late an interrupt may be: less than the deadline, and than the millisecond after which guests leave in Bochs. */
#define LATEST 10000u

static struct guest guest;
static volatile uint32_t runs;

static volatile uint32_t *guest_word(uint32_t at)
{
    return (volatile uint32_t *)(guest.ram + at);
}

static void start(const uint8_t *begin, const uint8_t *end)
{
    guest_create_apic(&guest, 1, 0, WHvX64LocalApicEmulationModeX2Apic);
    records_start(&guest, GUEST_LONG, begin, end);
    memcpy(guest.ram + HANDLER_AT, payload_apic_handler64,
           (size_t)(payload_apic_handler64_end - payload_apic_handler64));
    guest_idt(&guest, 0, GUEST_LONG, VECTOR, HANDLER_AT);
    guest_set(&guest, 0, WHvX64RegisterApicBase, 0xfee00d00);
    guest_set(&guest, 0, WHvX64RegisterApicSpurious, 0x1ff);
    runs = 0;
}

static void request(void)
{
    WHV_INTERRUPT_CONTROL c = {.Type = WHvX64InterruptTypeFixed, .Vector = VECTOR};
    CHECK_EQ(S_OK, WHvRequestInterrupt(guest.partition, &c, sizeof(c)));
}

static void delay(uint64_t ticks)
{
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < ticks;) {
    }
}

static bool wait_for(volatile uint32_t *word, uint32_t least)
{
    for (uint64_t begin = cpu_rdtsc(); *word < least;) {
        if (cpu_rdtsc() - begin > TICKS) {
            return false;
        }
    }
    return true;
}

/* Runs until somebody cancels; every port access counts. */
static void run_until_canceled(void *arg)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    (void)arg;
    for (;;) {
        HRESULT hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
        if (hr == WHB_HR_INTERRUPTED) {
            __asm__ volatile("sti; nop; cli" : : : "memory");
            continue;
        }
        CHECK_EQ(S_OK, hr);
        if (hr != S_OK || r.ExitReason != WHvRunVpExitReasonX64IoPortAccess) {
            break;
        }
        guest_skip(&guest, 0, &r);
        runs++;
        delay(runs * 53 % LONGEST_DELAY); /* the request takes its time, too */
    }
    CHECK_EQ(WHvRunVpExitReasonCanceled, r.ExitReason);
}

/* The other CPU's next entry comes somewhere in the delay. */
static void flood(volatile uint32_t *progress)
{
    root_run_on(1, run_until_canceled, NULL);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        CHECK(wait_for(progress, i));
        delay(i * 37 % LONGEST_DELAY);
        uint64_t begin = cpu_rdtsc();
        request();
        if (!wait_for(guest_word(COUNTER), i)) {
            CHECK_EQ(i, *guest_word(COUNTER));
            break;
        }
        CHECK(cpu_rdtsc() - begin < LATEST || scenario_is_nested());
    }
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    CHECK(root_wait(1, TICKS));
    guest_destroy(&guest);
}

static void between_record_and_entry(void)
{
    start(payload_race_record64, payload_race_record64_end);
    flood(&runs);
}

static void between_answer_and_entry(void)
{
    start(payload_race_answered64, payload_race_answered64_end);
    flood(guest_word(PROGRESS));
}

/* A VP without an APIC and one with it, which executes nothing but what the hypervisor answers alone. */
static void cancel_answered(bool apic)
{
    if (apic) {
        guest_create_apic(&guest, 1, 0, WHvX64LocalApicEmulationModeX2Apic);
    } else {
        guest_create(&guest, 1, 0);
    }
    records_start(&guest, GUEST_LONG, payload_race_cpuid64, payload_race_cpuid64_end);
    for (uint32_t i = 1; i <= CANCELS; i++) {
        uint32_t before = *guest_word(PROGRESS);
        root_run_on(1, run_until_canceled, NULL);
        CHECK(wait_for(guest_word(PROGRESS), before + 1));
        delay(i * 37 % LONGEST_DELAY);
        CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
        bool came = root_wait(1, TICKS);
        CHECK(came);
        if (!came) {
            break;
        }
    }
    guest_destroy(&guest);
}

static void cancel_loop(void)
{
    cancel_answered(false);
    cancel_answered(true);
}

/* A deadline passes while the root has the VP, or soon after, or not before the partition's pause is over. */
static void deadline_meanwhile(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(payload_race_deadline64, payload_race_deadline64_end);
    guest_set(&guest, 0, WHvX64RegisterRsi, DEADLINE);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        bool paused = i % 3 == 2;
        uint64_t wait = i * 397 % (2 * DEADLINE);
        guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        CHECK_EQ(0x50, r.IoPortAccess.PortNumber);
        guest_skip(&guest, 0, &r);
        if (paused) {
            CHECK_EQ(S_OK, WHvSuspendPartitionTime(guest.partition));
        }
        delay(wait);
        guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        CHECK_EQ(0x51, r.IoPortAccess.PortNumber);
        CHECK_EQ(i + 1, *guest_word(COUNTER));
        uint64_t late;
        memcpy(&late, guest.ram + SINCE, sizeof(late));
        CHECK(late < (paused ? 0 : wait) + LATEST);
        guest_skip(&guest, 0, &r);
    }
    guest_destroy(&guest);
}

const struct scenario scenarios_apic_races[] = {
    {"apic/race-record", 2, between_record_and_entry},
    {"apic/race-answer", 2, between_answer_and_entry},
    {"apic/race-cancel", 2, cancel_loop},
    {"apic/timer-meanwhile", 1, deadline_meanwhile},
    {0},
};
