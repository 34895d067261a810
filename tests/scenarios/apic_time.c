/* SPDX-License-Identifier: MIT */
/* The timer of local APICs: the clocks it goes by, and that no client's reading or writing back of state loses it. */
#include "tests/scenarios/apic_steps.h"

#define AWAY (1ull << 40) /* ticks, more than any test lasts */
#define COUNT 2000000u    /* of a one-shot timer, more than all that a test does before it waits */
#define PERIOD 500000u
#define PASSED 3500000u /* a wait in which the former comes to its end */
#define DEADLINE_IN 2000000u

/* Everything that sets a VP's TSC; the VP's own instructions first. */
static void tsc_to_zero(struct steps *s)
{
    steps_wrmsr(s, MSR_TSC, 0);
}

static void tsc_ahead(struct steps *s)
{
    steps_wrmsr(s, MSR_TSC, steps_rdmsr(s, MSR_TSC) + AWAY);
}

static void adjust_back(struct steps *s)
{
    steps_wrmsr(s, MSR_TSC_ADJUST, steps_rdmsr(s, MSR_TSC_ADJUST) - AWAY);
}

static void adjust_ahead(struct steps *s)
{
    steps_wrmsr(s, MSR_TSC_ADJUST, steps_rdmsr(s, MSR_TSC_ADJUST) + AWAY);
}

static void client_zero(struct steps *s)
{
    guest_set(&s->g, 0, WHvX64RegisterTsc, 0);
}

static void client_ahead(struct steps *s)
{
    guest_set(&s->g, 0, WHvX64RegisterTsc, guest_get(&s->g, 0, WHvX64RegisterTsc) + AWAY);
}

static void offset_ahead(struct steps *s)
{
    guest_set(&s->g, 0, WHvX64RegisterTscVirtualOffset, guest_get(&s->g, 0, WHvX64RegisterTscVirtualOffset) + AWAY);
}

static const struct {
    void (*set)(struct steps *s);
    bool ahead;
} tsc_writes[] = {{tsc_to_zero, false}, {tsc_ahead, true},    {adjust_back, false}, {adjust_ahead, true},
                  {client_zero, false}, {client_ahead, true}, {offset_ahead, true}};
#define TSC_WRITES (sizeof(tsc_writes) / sizeof(tsc_writes[0]))

static void in_both_modes(void (*test)(bool x2apic))
{
    test(false);
    test(true);
}

static void one_shot(struct steps *s)
{
    steps_store(s, APIC_LVT_TIMER, STEPS_VECTOR);
    steps_store(s, APIC_INITIAL_COUNT, COUNT);
}

static void deadline(struct steps *s, uint64_t when)
{
    steps_store(s, APIC_LVT_TIMER, LVT_DEADLINE | STEPS_VECTOR);
    steps_wrmsr(s, MSR_TSC_DEADLINE, when);
}

static void keeps_time(bool x2apic)
{
    struct steps s;
    steps_start(&s, 1, x2apic);
    for (unsigned i = 0; i < TSC_WRITES; i++) {
        one_shot(&s);
        tsc_writes[i].set(&s);
        uint32_t count = steps_load(&s, APIC_CURRENT_COUNT);
        CHECK(count > COUNT / 4 && count <= COUNT);
        steps_wait(&s, PASSED);
        CHECK_EQ(1, steps_interrupts(&s));
        steps_store(&s, APIC_LVT_TIMER, LVT_PERIODIC | STEPS_VECTOR);
        steps_store(&s, APIC_INITIAL_COUNT, PERIOD);
        tsc_writes[i].set(&s);
        count = steps_load(&s, APIC_CURRENT_COUNT);
        CHECK(count > 0 && count <= PERIOD);
        steps_wait(&s, 2 * PERIOD);
        CHECK(steps_interrupts(&s) >= 2);
        steps_store(&s, APIC_INITIAL_COUNT, 0);
        (void)steps_interrupts(&s);
    }
    guest_destroy(&s.g);
}

static void deadline_follows(bool x2apic)
{
    struct steps s;
    steps_start(&s, 1, x2apic);
    for (unsigned i = 0; i < TSC_WRITES; i++) {
        uint64_t when = steps_rdmsr(&s, MSR_TSC) + AWAY / 2;
        deadline(&s, when);
        tsc_writes[i].set(&s);
        steps_wait(&s, 10000);
        CHECK_EQ(tsc_writes[i].ahead ? 1 : 0, steps_interrupts(&s));
        CHECK_EQ(tsc_writes[i].ahead ? 0 : when, steps_rdmsr(&s, MSR_TSC_DEADLINE));
        steps_wrmsr(&s, MSR_TSC_DEADLINE, 0);
    }
    guest_destroy(&s.g);
}

static void clocks(void)
{
    in_both_modes(keeps_time);
    in_both_modes(deadline_follows);
}

static void deadlines_far_and_near(bool x2apic)
{
    const uint64_t never[] = {~0ull, 1ull << 63, (1ull << 63) + 1};
    struct steps s;
    steps_start(&s, 1, x2apic);
    for (unsigned i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        deadline(&s, never[i]);
        steps_wait(&s, 100000);
        CHECK_EQ(0, steps_interrupts(&s));
        CHECK_EQ(never[i], steps_rdmsr(&s, MSR_TSC_DEADLINE));
    }
    deadline(&s, 1);
    steps_wait(&s, 100);
    CHECK_EQ(1, steps_interrupts(&s));
    CHECK_EQ(0, steps_rdmsr(&s, MSR_TSC_DEADLINE));
    deadline(&s, steps_rdmsr(&s, MSR_TSC) + DEADLINE_IN);
    steps_store(&s, APIC_LVT_TIMER, STEPS_VECTOR); /* leaves the mode */
    CHECK_EQ(0, steps_rdmsr(&s, MSR_TSC_DEADLINE));
    steps_store(&s, APIC_LVT_TIMER, LVT_DEADLINE | STEPS_VECTOR);
    CHECK_EQ(0, steps_rdmsr(&s, MSR_TSC_DEADLINE));
    steps_wait(&s, PASSED);
    CHECK_EQ(0, steps_interrupts(&s));
    guest_destroy(&s.g);
}

static void deadlines(void)
{
    in_both_modes(deadlines_far_and_near);
}

static void divide_keeps_the_count(bool x2apic)
{
    struct steps s;
    steps_start(&s, 1, x2apic);
    steps_store(&s, APIC_LVT_TIMER, LVT_MASKED | STEPS_VECTOR);
    steps_store(&s, APIC_INITIAL_COUNT, 0x1000000);
    steps_wait(&s, 1000000);
    uint32_t before = steps_load(&s, APIC_CURRENT_COUNT);
    steps_store(&s, APIC_DIVIDE, DIVIDE_BY_16);
    uint32_t after = steps_load(&s, APIC_CURRENT_COUNT);
    CHECK(before <= 0x1000000 - 1000000 + 1000);
    CHECK(after <= before && before - after < 500000);
    guest_set(&s.g, 0, WHvX64RegisterApicDivide, DIVIDE_BY_1);
    before = after;
    after = steps_load(&s, APIC_CURRENT_COUNT);
    CHECK(after <= before && before - after < 500000);
    guest_destroy(&s.g);
}

static void divide(void)
{
    in_both_modes(divide_keeps_the_count);
}

static uint8_t block[4096] __attribute__((aligned(4096)));

static void back_by_state(struct steps *s)
{
    UINT32 size = 0;
    CHECK_EQ(S_OK, WHvGetVirtualProcessorInterruptControllerState(s->g.partition, 0, block, sizeof(block), &size));
    CHECK_EQ(S_OK, WHvSetVirtualProcessorInterruptControllerState(s->g.partition, 0, block, size));
}

static void back_by_state2(struct steps *s)
{
    UINT32 size = 0;
    CHECK_EQ(S_OK, WHvGetVirtualProcessorInterruptControllerState2(s->g.partition, 0, block, sizeof(block), &size));
    CHECK_EQ(S_OK, WHvSetVirtualProcessorInterruptControllerState2(s->g.partition, 0, block, size));
}

static void back_by_type(struct steps *s)
{
    const WHV_VIRTUAL_PROCESSOR_STATE_TYPE type = WHvVirtualProcessorStateTypeInterruptControllerState2;
    UINT32 size = 0;
    CHECK_EQ(S_OK, WHvGetVirtualProcessorState(s->g.partition, 0, type, block, sizeof(block), &size));
    CHECK_EQ(S_OK, WHvSetVirtualProcessorState(s->g.partition, 0, type, block, size));
}

/* As clients that fill in what the manual names, and know no current count: QEMU. */
static void back_by_registers_alone(struct steps *s)
{
    UINT32 size = 0;
    CHECK_EQ(S_OK, WHvGetVirtualProcessorInterruptControllerState2(s->g.partition, 0, block, sizeof(block), &size));
    memset(block + 0x400, 0, sizeof(block) - 0x400);
    memset(block + APIC_CURRENT_COUNT, 0, 4);
    CHECK_EQ(S_OK, WHvSetVirtualProcessorInterruptControllerState2(s->g.partition, 0, block, size));
}

static void back_by_names(struct steps *s)
{
    static const WHV_REGISTER_NAME names[] = {
        WHvX64RegisterApicBase,     WHvX64RegisterApicTpr,       WHvX64RegisterApicSpurious,
        WHvX64RegisterApicLvtTimer, WHvX64RegisterApicLvtError,  WHvX64RegisterApicIrr2,
        WHvX64RegisterApicIsr2,     WHvX64RegisterApicInitCount, WHvX64RegisterApicCurrentCount,
        WHvX64RegisterApicDivide,   WHvX64RegisterTscAdjust,     WHvX64RegisterTscDeadline,
        WHvX64RegisterTsc};
    static WHV_REGISTER_VALUE values[sizeof(names) / sizeof(names[0])];
    const UINT32 count = sizeof(names) / sizeof(names[0]);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(s->g.partition, 0, names, count, values));
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(s->g.partition, 0, names, count, values));
    for (UINT32 i = count; i-- > 0;) { /* and the other way round */
        CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(s->g.partition, 0, &names[i], 1, &values[i]));
    }
}

static void (*const write_backs[])(struct steps *s) = {back_by_state, back_by_state2, back_by_type,
                                                       back_by_registers_alone, back_by_names};

static void survives(bool x2apic)
{
    struct steps s;
    steps_start(&s, 1, x2apic);
    for (unsigned i = 0; i < sizeof(write_backs) / sizeof(write_backs[0]); i++) {
        deadline(&s, steps_rdmsr(&s, MSR_TSC) + DEADLINE_IN);
        write_backs[i](&s);
        CHECK_EQ(0, steps_interrupts(&s));
        steps_wait(&s, PASSED);
        CHECK_EQ(1, steps_interrupts(&s));
        one_shot(&s);
        write_backs[i](&s);
        uint32_t count = steps_load(&s, APIC_CURRENT_COUNT);
        CHECK(count > 0 && count <= COUNT);
        steps_wait(&s, PASSED);
        CHECK_EQ(1, steps_interrupts(&s));
        steps_store(&s, APIC_LVT_TIMER, LVT_PERIODIC | STEPS_VECTOR);
        steps_store(&s, APIC_INITIAL_COUNT, PERIOD);
        write_backs[i](&s);
        steps_wait(&s, 4 * PERIOD);
        CHECK(steps_interrupts(&s) >= 2);
        steps_store(&s, APIC_INITIAL_COUNT, 0);
        (void)steps_interrupts(&s);
    }
    guest_destroy(&s.g);
}

/* What came due while the VP did not run is in the block: it is lost neither by reading nor by writing back. */
static void due_while_stopped(bool x2apic)
{
    struct steps s;
    steps_start(&s, 1, x2apic);
    for (unsigned i = 0; i < sizeof(write_backs) / sizeof(write_backs[0]); i++) {
        one_shot(&s);
        uint64_t until = guest_get(&s.g, 0, WHvX64RegisterTsc) + COUNT;
        while (guest_get(&s.g, 0, WHvX64RegisterTsc) < until) {
        }
        write_backs[i](&s);
        steps_wait(&s, 100);
        CHECK_EQ(1, steps_interrupts(&s));
        deadline(&s, steps_rdmsr(&s, MSR_TSC) + 100000);
        until = guest_get(&s.g, 0, WHvX64RegisterTsc) + 100000;
        while (guest_get(&s.g, 0, WHvX64RegisterTsc) < until) {
        }
        CHECK_EQ(0, guest_get(&s.g, 0, WHvX64RegisterTscDeadline));
        write_backs[i](&s);
        steps_wait(&s, 100);
        CHECK_EQ(1, steps_interrupts(&s));
    }
    guest_destroy(&s.g);
}

static void state(void)
{
    in_both_modes(survives);
    in_both_modes(due_while_stopped);
}

/* A VP's state, in another one, goes on as it would have there. */
static void copy_vp(struct steps *s)
{
    static const WHV_REGISTER_NAME names[] = {
        WHvX64RegisterRsp,  WHvX64RegisterRflags,   WHvX64RegisterEs,
        WHvX64RegisterCs,   WHvX64RegisterSs,       WHvX64RegisterDs,
        WHvX64RegisterGdtr, WHvX64RegisterCr0,      WHvX64RegisterCr3,
        WHvX64RegisterCr4,  WHvX64RegisterEfer,     WHvX64RegisterIdtr,
        WHvX64RegisterTsc,  WHvX64RegisterApicBase, WHvRegisterInternalActivityState};
    static WHV_REGISTER_VALUE values[sizeof(names) / sizeof(names[0])];
    const UINT32 count = sizeof(names) / sizeof(names[0]);
    UINT32 size = 0;
    CHECK_EQ(S_OK, WHvSuspendPartitionTime(s->g.partition));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(s->g.partition, 0, names, count, values));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorInterruptControllerState2(s->g.partition, 0, block, sizeof(block), &size));
    values[count - 2].Reg64 &= ~0x100ull; /* not the bootstrap processor */
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(s->g.partition, 1, names, count, values));
    CHECK_EQ(S_OK, WHvSetVirtualProcessorInterruptControllerState2(s->g.partition, 1, block, size));
    s->vp = 1;
}

static void to_another_vp(bool x2apic)
{
    for (unsigned timer = 0; timer < 3; timer++) {
        struct steps s;
        steps_start(&s, 2, x2apic);
        if (timer == 0) {
            deadline(&s, steps_rdmsr(&s, MSR_TSC) + DEADLINE_IN);
        } else {
            steps_store(&s, APIC_LVT_TIMER, (timer == 1 ? 0 : LVT_PERIODIC) | STEPS_VECTOR);
            steps_store(&s, APIC_INITIAL_COUNT, COUNT);
        }
        copy_vp(&s);
        CHECK_EQ(guest_get(&s.g, 0, WHvX64RegisterTscDeadline), guest_get(&s.g, 1, WHvX64RegisterTscDeadline));
        CHECK_EQ(guest_get(&s.g, 0, WHvX64RegisterApicCurrentCount),
                 guest_get(&s.g, 1, WHvX64RegisterApicCurrentCount));
        steps_wait(&s, PASSED);
        uint32_t came = steps_interrupts(&s);
        CHECK(came == 1 || (came > 1 && timer == 2));
        guest_destroy(&s.g);
    }
}

static void moved(void)
{
    in_both_modes(to_another_vp);
}

static void by_register(bool x2apic)
{
    struct steps s;
    steps_start(&s, 1, x2apic);
    uint64_t when = steps_rdmsr(&s, MSR_TSC) + AWAY;
    deadline(&s, when);
    CHECK_EQ(when, guest_get(&s.g, 0, WHvX64RegisterTscDeadline));
    guest_set(&s.g, 0, WHvX64RegisterTscDeadline, 0);
    CHECK_EQ(0, steps_rdmsr(&s, MSR_TSC_DEADLINE));
    guest_set(&s.g, 0, WHvX64RegisterTscDeadline, ~0ull);
    CHECK_EQ(~0ull, steps_rdmsr(&s, MSR_TSC_DEADLINE));
    steps_wait(&s, 1000);
    CHECK_EQ(0, steps_interrupts(&s));
    guest_set(&s.g, 0, WHvX64RegisterTscDeadline, 1);
    steps_wait(&s, 1000);
    CHECK_EQ(1, steps_interrupts(&s));
    CHECK_EQ(0, guest_get(&s.g, 0, WHvX64RegisterTscDeadline));
    guest_set(&s.g, 0, WHvX64RegisterApicLvtTimer, STEPS_VECTOR); /* before the mode as well as after it */
    guest_set(&s.g, 0, WHvX64RegisterTscDeadline, 1);
    CHECK_EQ(0, steps_rdmsr(&s, MSR_TSC_DEADLINE)); /* another mode */
    guest_set(&s.g, 0, WHvX64RegisterApicLvtTimer, LVT_DEADLINE | STEPS_VECTOR);
    steps_wait(&s, 1000);
    CHECK_EQ(1, steps_interrupts(&s));
    guest_destroy(&s.g);
}

static void deadline_register(void)
{
    const WHV_REGISTER_NAME name = WHvX64RegisterTscDeadline;
    WHV_REGISTER_VALUE v = {0};
    struct guest g;
    in_both_modes(by_register);
    guest_create(&g, 1, 0); /* no local APIC, so no such MSR either */
    CHECK_EQ(WHV_E_INVALID_VP_REGISTER_NAME, WHvGetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
    CHECK_EQ(WHV_E_INVALID_VP_REGISTER_NAME, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
    guest_destroy(&g);
}

/* INIT leaves the TSC and IA32_TSC_ADJUST alone, and disarms the timer (SDM vol. 3A, table 10-1 and 11.4.7.1). */
static void init_keeps(void)
{
    const WHV_INTERRUPT_CONTROL init = {.Type = WHvX64InterruptTypeInit};
    WHV_RUN_VP_EXIT_CONTEXT r;
    struct steps s;
    steps_start(&s, 1, false);
    steps_wrmsr(&s, MSR_TSC_ADJUST, AWAY);
    deadline(&s, steps_rdmsr(&s, MSR_TSC) + AWAY);
    uint64_t tsc = guest_get(&s.g, 0, WHvX64RegisterTsc);
    CHECK(tsc > AWAY);
    CHECK_EQ(S_OK, WHvRequestInterrupt(s.g.partition, &init, sizeof(init)));
    guest_run(&s.g, 0, &r, WHvRunVpExitReasonMemoryAccess); /* at the reset vector, where no memory is */
    CHECK_EQ(0xfff0, r.VpContext.Rip);
    CHECK_EQ(AWAY, guest_get(&s.g, 0, WHvX64RegisterTscAdjust));
    CHECK(guest_get(&s.g, 0, WHvX64RegisterTsc) > tsc);
    CHECK_EQ(0, guest_get(&s.g, 0, WHvX64RegisterTscDeadline));
    CHECK_EQ(LVT_MASKED, guest_get(&s.g, 0, WHvX64RegisterApicLvtTimer));
    guest_destroy(&s.g);
}

const struct scenario scenarios_apic_time[] = {
    {"apic/timer-clocks", 1, clocks},        {"apic/timer-deadlines", 1, deadlines},
    {"apic/timer-divide", 1, divide},        {"apic/timer-state", 1, state},
    {"apic/timer-moved", 1, moved},          {"apic/deadline-register", 1, deadline_register},
    {"apic/init-keeps-time", 1, init_keeps}, {0},
};
