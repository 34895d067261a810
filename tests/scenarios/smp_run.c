/* SPDX-License-Identifier: MIT */
/* Run-VP with interrupts of the root's own, with cancels, on several CPUs at once. */
#include "tests/scenarios/scenario.h"

#define COUNTER 0x3000u
#define TICKS 2000000000ull
#define TIMER_COUNT 1000000u /* a nested machine spends tens of thousands of ticks on a run */

extern const uint8_t payload_count[], payload_count_end[], payload_read[], payload_read_end[], payload_turn[],
    payload_turn_end[], payload_down[], payload_down_end[];

static struct guest guest;
static volatile uint32_t timer_ticks;
static uint32_t cancel_at;

static volatile uint32_t *guest_word(uint32_t at)
{
    return (volatile uint32_t *)(void *)(guest.ram + at);
}

static void on_timer(struct root_frame *frame)
{
    (void)frame;
    apic_eoi();
    timer_ticks++;
    if (timer_ticks == cancel_at) {
        CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    }
}

static void timer_on(uint32_t cancel)
{
    timer_ticks = 0;
    cancel_at = cancel;
    root_set_handler(APIC_VECTOR_TIMER, on_timer);
    apic_timer(TIMER_COUNT, true);
}

static void timer_off(void)
{
    apic_timer(0, false);
    __asm__ volatile("sti; nop; cli" : : : "memory");
    root_set_handler(APIC_VECTOR_TIMER, NULL);
}

static HRESULT run(uint32_t vp, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    memset(r, 0xa5, sizeof(*r));
    return WHvRunVirtualProcessor(guest.partition, vp, r, sizeof(*r));
}

/* The handler's cancel on the 20th tick ends the run; the guest has counted between the ticks. */
static void timer_and_cancel(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_count, payload_count_end, 0x1000);
    timer_on(20);
    cpu_sti();
    HRESULT hr = run(0, &r);
    cpu_cli();
    timer_off();
    CHECK_EQ(S_OK, hr);
    CHECK_EQ(WHvRunVpExitReasonCanceled, r.ExitReason);
    CHECK(timer_ticks >= 20);
    CHECK(*guest_word(COUNTER) > 20);
    guest_destroy(&guest);
}

/* The guest went on since the copies in the run page were made: they must not be given out. */
static void check_as_it_stands(void)
{
    const WHV_REGISTER_NAME names[] = {WHvX64RegisterRip, WHvX64RegisterRflags, WHvX64RegisterRax, WHvX64RegisterCr0};
    WHV_REGISTER_VALUE all[4], some[3];
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(guest.partition, 0, names, 3, some));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(guest.partition, 0, names, 4, all));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(all[i].Reg64, some[i].Reg64);
    }
}

/* With IF = 0 the run ends without a record; after the window it goes on, and the guest comes to its end. */
static void interrupted(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint32_t times = 0;
    HRESULT hr;
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_down, payload_down_end, 0x1000);
    guest_set(&guest, 0, WHvX64RegisterRax, 3000000);
    timer_on(0);
    while ((hr = run(0, &r)) == WHB_HR_INTERRUPTED) {
        CHECK_EQ(0, whb_run_page(guest.partition, 0)->sequence);
        check_as_it_stands();
        uint32_t before = timer_ticks;
        __asm__ volatile("sti; nop; cli" : : : "memory");
        times += timer_ticks > before; /* the status may also come without an interrupt: docs/run-vp.md */
    }
    timer_off();
    CHECK_EQ(S_OK, hr);
    CHECK_EQ(WHvRunVpExitReasonX64Halt, r.ExitReason);
    CHECK(times > 2);
    guest_destroy(&guest);
}

/* VMCALL in STI's shadow: the shadow must not hold the pending interrupt off for ever. */
static void sti_shadow(void)
{
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_count, payload_count_end, 0x1000);
    timer_on(5);
    uint64_t rax = WHB_CALL(WHB_CALL_VP_RUN), rdx = 0;
    __asm__ volatile("sti\n\tvmcall\n\tcli"
                     : "+a"(rax), "+d"(rdx)
                     : "D"(whb_handle(guest.partition)), "S"(0)
                     : "memory", "cc");
    timer_off();
    CHECK_EQ(WHB_OK, rax);
    CHECK(timer_ticks >= 5);
    guest_destroy(&guest);
}

/* A cancel before the run ends the next run at once, and only that one. */
static void cancel_before(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_turn, payload_turn_end, 0x1000);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonCanceled);
    CHECK_EQ(0x1000, r.VpContext.Rip);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_destroy(&guest);
}

struct runner {
    uint32_t vp;
    volatile uint32_t rounds; /* runs to make */
    volatile uint32_t done;   /* atomic */
    volatile uint32_t bad;
    WHV_RUN_VP_EXIT_REASON expect;
};

static void runner_main(void *arg)
{
    struct runner *w = arg;
    WHV_RUN_VP_EXIT_CONTEXT r;
    for (uint32_t i = 0; i < w->rounds; i++) {
        HRESULT hr;
        while ((hr = run(w->vp, &r)) == WHB_HR_INTERRUPTED) {
            cpu_pause();
        }
        if (hr != S_OK || r.ExitReason != w->expect) {
            w->bad++;
        }
        __atomic_fetch_add(&w->done, 1, __ATOMIC_SEQ_CST);
    }
}

static bool wait_change(volatile uint32_t *word, uint32_t from)
{
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < TICKS;) {
        if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != from) {
            return true;
        }
        cpu_pause();
    }
    return false;
}

#define CANCELS 200u

static void cancel_other_cpu(void)
{
    static struct runner w;
    w = (struct runner){.rounds = CANCELS, .expect = WHvRunVpExitReasonCanceled};
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_count, payload_count_end, 0x1000);
    root_run_on(1, runner_main, &w);
    for (uint32_t i = 0; i < CANCELS; i++) {
        for (uint32_t wait = 0; wait < (i % 7) * 40; wait++) {
            cpu_pause();
        }
        CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
        if (!wait_change(&w.done, i)) {
            check_equal("cancels that ended a run", i + 1, i);
            break;
        }
        CHECK_EQ(i + 1, w.done);
    }
    CHECK(root_wait(1, TICKS));
    CHECK_EQ(0, w.bad);
    CHECK_EQ(CANCELS, whb_run_page(guest.partition, 0)->sequence);
    guest_destroy(&guest);
}

/* What must not be done to a VP that runs on another CPU is refused, and the VP does not notice. */
static void busy(void)
{
    static struct runner w;
    w = (struct runner){.rounds = 1, .expect = WHvRunVpExitReasonCanceled};
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_REGISTER_NAME name = WHvX64RegisterCr0, rax = WHvX64RegisterRax;
    WHV_REGISTER_VALUE value = {0};
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_count, payload_count_end, 0x1000);
    root_run_on(1, runner_main, &w);
    CHECK(wait_change(guest_word(COUNTER), 0));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, WHvGetVirtualProcessorRegisters(guest.partition, 0, &name, 1, &value));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, WHvSetVirtualProcessorRegisters(guest.partition, 0, &name, 1, &value));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, WHvGetVirtualProcessorRegisters(guest.partition, 0, &rax, 1, &value));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, WHvSetVirtualProcessorRegisters(guest.partition, 0, &rax, 1, &value));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, run(0, &r));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, WHvDeleteVirtualProcessor(guest.partition, 0));
    CHECK_EQ(WHB_ERROR_BUSY, whb_call(WHB_CALL_PARTITION_DELETE, whb_handle(guest.partition), 0, 0, 0, 0, NULL));
    uint32_t count = *guest_word(COUNTER);
    CHECK(wait_change(guest_word(COUNTER), count));
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    CHECK(root_wait(1, TICKS));
    CHECK_EQ(0, w.bad);
    guest_destroy(&guest);
}

#define ROUNDS 50u

/* One VP, run on the CPUs in turn; every register goes with it. */
static void migration(void)
{
    static struct runner w;
    static const WHV_REGISTER_NAME kept[] = {WHvX64RegisterKernelGsBase, WHvX64RegisterDr0, WHvX64RegisterDr1,
                                             WHvX64RegisterDr2,          WHvX64RegisterDr3, WHvX64RegisterLstar,
                                             WHvX64RegisterXmm3,         WHvX64RegisterCr2};
    static const WHV_REGISTER_NAME gpr[] = {WHvX64RegisterRax, WHvX64RegisterRbx, WHvX64RegisterRcx, WHvX64RegisterRdx,
                                            WHvX64RegisterRsi, WHvX64RegisterRdi, WHvX64RegisterRbp};
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_turn, payload_turn_end, 0x1000);
    for (uint32_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        guest_set(&guest, 0, kept[i], 0x10000 + i);
    }
    for (uint32_t i = 0; i < sizeof(gpr) / sizeof(gpr[0]); i++) {
        guest_set(&guest, 0, gpr[i], 0x1000 * i);
    }
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        w = (struct runner){.rounds = 1, .expect = WHvRunVpExitReasonX64IoPortAccess};
        uint32_t cpu = round % root_cpu_count();
        if (cpu == 0) {
            runner_main(&w);
        } else {
            root_run_on(cpu, runner_main, &w);
            CHECK(root_wait(cpu, TICKS));
        }
        CHECK_EQ(0, w.bad);
        for (uint32_t i = 0; i < sizeof(gpr) / sizeof(gpr[0]); i++) {
            CHECK_EQ(0x1000 * i + round, guest_get(&guest, 0, gpr[i]));
        }
        for (uint32_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
            CHECK_EQ(0x10000 + i, guest_get(&guest, 0, kept[i]));
        }
        guest_advance(&guest, 0, 2);
    }
    guest_destroy(&guest);
}

static void parallel(uint32_t cpus)
{
    static struct runner w[4];
    guest_create(&guest, cpus, 0);
    for (uint32_t i = 0; i < cpus; i++) {
        w[i] = (struct runner){.vp = i, .rounds = 1, .expect = WHvRunVpExitReasonX64Halt};
        guest_load(&guest, i, payload_down, payload_down_end, 0x1000);
        guest_set(&guest, i, WHvX64RegisterRax, 20000 + 1000 * i);
    }
    for (uint32_t i = 1; i < cpus; i++) {
        root_run_on(i, runner_main, &w[i]);
    }
    runner_main(&w[0]);
    for (uint32_t i = 0; i < cpus; i++) {
        CHECK(i == 0 || root_wait(i, TICKS));
        CHECK_EQ(0, w[i].bad);
        CHECK_EQ(0, guest_get(&guest, i, WHvX64RegisterRax));
        CHECK_EQ(0x1000 + payload_down_end - payload_down, guest_get(&guest, i, WHvX64RegisterRip));
    }
    guest_destroy(&guest);
}

static void parallel_two(void)
{
    parallel(2);
}

static void parallel_four(void)
{
    parallel(4);
}

#define SHARED_GPA 0x5000u
#define CANARY 0xdeadbeefu

/* After unmap returned, no CPU reads the page any more. */
static void unmap_running(void)
{
    static struct runner w;
    for (uint32_t round = 0; round < 20; round++) {
        w = (struct runner){.rounds = 1, .expect = WHvRunVpExitReasonMemoryAccess};
        guest_create(&guest, 1, 0);
        guest_load(&guest, 0, payload_read, payload_read_end, 0x1000);
        *guest_word(SHARED_GPA) = 1;
        root_run_on(1, runner_main, &w);
        CHECK(wait_change(guest_word(COUNTER), 0));
        CHECK_EQ(S_OK, WHvUnmapGpaRange(guest.partition, SHARED_GPA, 4096));
        *guest_word(SHARED_GPA) = CANARY;
        CHECK(root_wait(1, TICKS));
        CHECK_EQ(0, w.bad);
        CHECK_EQ(1, *guest_word(COUNTER));
        guest_destroy(&guest);
    }
}

/* After a mapping was replaced, no CPU reads the page that was there before. */
static void replace_running(void)
{
    static struct runner w;
    static volatile uint32_t *other;
    other = other == NULL ? root_alloc_pages(1, ROOT_PAGE) : other;
    w = (struct runner){.rounds = 1, .expect = WHvRunVpExitReasonCanceled};
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_read, payload_read_end, 0x1000);
    *guest_word(SHARED_GPA) = 1;
    *other = 2;
    root_run_on(1, runner_main, &w);
    CHECK(wait_change(guest_word(COUNTER), 0));
    CHECK_EQ(S_OK, WHvMapGpaRange(guest.partition, (void *)(uintptr_t)other, SHARED_GPA, 4096, WHvMapGpaRangeFlagRead));
    *guest_word(SHARED_GPA) = CANARY;
    uint32_t reads = *guest_word(COUNTER + 4);
    CHECK(wait_change(guest_word(COUNTER + 4), reads));
    reads = *guest_word(COUNTER + 4);
    CHECK(wait_change(guest_word(COUNTER + 4), reads));
    CHECK_EQ(2, *guest_word(COUNTER));
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    CHECK(root_wait(1, TICKS));
    CHECK_EQ(0, w.bad);
    CHECK_EQ(2, *guest_word(COUNTER));
    guest_destroy(&guest);
}

const struct scenario scenarios_smp_run[] = {
    {"run-timer-cancel", 1, timer_and_cancel}, {"run-interrupted", 1, interrupted}, {"run-sti-shadow", 1, sti_shadow},
    {"run-cancel-before", 1, cancel_before},   {"smp-cancel", 2, cancel_other_cpu}, {"smp-busy", 2, busy},
    {"smp-migration", 2, migration},           {"smp-two", 2, parallel_two},        {"smp-four", 4, parallel_four},
    {"smp-unmap", 2, unmap_running},           {"smp-replace", 2, replace_running}, {0},
};
