/* SPDX-License-Identifier: MIT */
/* The local APIC's timer and the clocks it goes by (SDM vol. 3A, 11.5.4; vol. 3B, 18.17.3). */
#include "tests/guest/checks/check.h"

#define APIC_SVR 0xf0u
#define APIC_LVT_TIMER 0x320u
#define APIC_INITIAL_COUNT 0x380u
#define APIC_CURRENT_COUNT 0x390u
#define APIC_DIVIDE 0x3e0u
#define SVR_ENABLED 0x1ffu
#define LVT_MASKED (1u << 16)
#define LVT_PERIODIC (1u << 17)
#define LVT_DEADLINE (1u << 18)
#define DIVIDE_BY_1 0xbu
#define DIVIDE_BY_16 3u
#define VECTOR 0x41u

#define MSR_TSC 0x10u
#define MSR_TSC_ADJUST 0x3bu
#define MSR_TSC_DEADLINE 0x6e0u
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_7_EBX_TSC_ADJUST (1u << 1)
#define AHEAD 0x100000000ull

void check_apic_timer(void);

static void set(uint32_t offset, uint32_t value)
{
    *apic_register(offset) = value;
}

static void begin(uint32_t lvt)
{
    trap_clear();
    trap_log.interrupts_from_apic = true;
    set(APIC_SVR, SVR_ENABLED);
    set(APIC_DIVIDE, DIVIDE_BY_1);
    set(APIC_LVT_TIMER, lvt);
}

static void wait_without_interrupts(uint64_t ticks)
{
    uint64_t until = read_tsc() + ticks;
    while (read_tsc() < until) {
    }
}

static void stop(void)
{
    set(APIC_INITIAL_COUNT, 0);
    set(APIC_LVT_TIMER, LVT_MASKED | VECTOR);
    wait_with_interrupts(1000); /* what came is taken */
}

/* A new divide configuration changes how fast the count falls, not the count. */
static void check_divide(uint32_t lvt, const char *id)
{
    begin(lvt | LVT_MASKED);
    set(APIC_INITIAL_COUNT, 0x1000000);
    wait_without_interrupts(2000000);
    uint32_t before = *apic_register(APIC_CURRENT_COUNT);
    set(APIC_DIVIDE, DIVIDE_BY_16);
    uint32_t after = *apic_register(APIC_CURRENT_COUNT);
    note(id, "before", before);
    note(id, "after", after);
    verdict(id, after <= before && before - after < 0x20000);
    stop();
}

static void expect_deadline(const char *id, const char *reads, uint64_t deadline, uint32_t interrupts)
{
    begin(LVT_DEADLINE | VECTOR);
    write_msr(MSR_TSC_DEADLINE, deadline);
    wait_with_interrupts(300000);
    verdict_equal(id, interrupts, trap_log.counts[VECTOR]);
    verdict_equal(reads, interrupts != 0 ? 0 : deadline, read_msr(MSR_TSC_DEADLINE));
    write_msr(MSR_TSC_DEADLINE, 0);
    stop();
}

static void check_leaving(void)
{
    begin(LVT_DEADLINE | VECTOR);
    write_msr(MSR_TSC_DEADLINE, read_tsc() + 200000);
    set(APIC_LVT_TIMER, LVT_MASKED | VECTOR);
    set(APIC_LVT_TIMER, LVT_DEADLINE | VECTOR);
    verdict_equal("apic-timer/leaving-the-mode-disarms", 0, read_msr(MSR_TSC_DEADLINE));
    wait_with_interrupts(400000);
    verdict_equal("apic-timer/disarmed", 0, trap_log.counts[VECTOR]);
    stop();
}

static void check_deadlines(void)
{
    expect_deadline("apic-timer/deadline-ahead", "apic-timer/deadline-ahead-reads", read_tsc() + 100000, 1);
    expect_deadline("apic-timer/deadline-of-all-ones", "apic-timer/deadline-of-all-ones-reads", ~0ull, 0);
    expect_deadline("apic-timer/deadline-of-2-63", "apic-timer/deadline-of-2-63-reads", 1ull << 63, 0);
    expect_deadline("apic-timer/deadline-past", "apic-timer/deadline-past-reads", 1, 1);
    check_leaving();
    begin(LVT_DEADLINE | VECTOR);
    write_msr(MSR_TSC_DEADLINE, read_tsc() + AHEAD / 2);
    write_msr(MSR_TSC, read_tsc() + AHEAD);
    wait_with_interrupts(10000);
    verdict_equal("apic-timer/deadline-follows-the-tsc", 1, trap_log.counts[VECTOR]);
    stop();
}

/* Who sets the TSC moves no timer that counts. */
static void check_count(const char *id, uint32_t msr, uint64_t value, uint32_t lvt)
{
    begin(lvt);
    set(APIC_INITIAL_COUNT, 400000);
    write_msr(msr, value);
    uint32_t at_once = *apic_register(APIC_CURRENT_COUNT);
    wait_with_interrupts(1500000);
    uint32_t came = trap_log.counts[VECTOR];
    note(id, "count after the write", at_once);
    note(id, "interrupts", came);
    verdict(id, at_once <= 400000 && at_once > 300000 && came >= 1 && came <= ((lvt & LVT_PERIODIC) != 0 ? 5 : 1));
    stop();
}

static void check_adjust(void)
{
    if ((read_cpuid(7, 0).ebx & CPUID_7_EBX_TSC_ADJUST) == 0) {
        return;
    }
    uint64_t adjust = read_msr(MSR_TSC_ADJUST), tsc = read_tsc();
    write_msr(MSR_TSC, tsc + AHEAD);
    verdict("apic-timer/tsc-moves-adjust", read_msr(MSR_TSC_ADJUST) - adjust - AHEAD + 1000000 <= 1000000);
    adjust = read_msr(MSR_TSC_ADJUST);
    tsc = read_tsc();
    write_msr(MSR_TSC_ADJUST, adjust + AHEAD);
    verdict("apic-timer/adjust-moves-tsc", read_tsc() - tsc - AHEAD < 1000000);
    verdict_equal("apic-timer/adjust-reads-back", adjust + AHEAD, read_msr(MSR_TSC_ADJUST));
    check_count("apic-timer/adjust-leaves-one-shot", MSR_TSC_ADJUST, adjust - AHEAD, VECTOR);
    write_msr(MSR_TSC_ADJUST, 0);
}

void check_apic_timer(void)
{
    uint32_t svr = *apic_register(APIC_SVR);
    check_divide(VECTOR, "apic-timer/divide-one-shot");
    check_divide(LVT_PERIODIC | VECTOR, "apic-timer/divide-periodic");
    if ((read_cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE) != 0) {
        check_deadlines();
    }
    check_count("apic-timer/tsc-zero-one-shot", MSR_TSC, 0, VECTOR);
    check_count("apic-timer/tsc-zero-periodic", MSR_TSC, 0, LVT_PERIODIC | VECTOR);
    check_count("apic-timer/tsc-ahead-one-shot", MSR_TSC, read_tsc() + AHEAD, VECTOR);
    check_count("apic-timer/tsc-ahead-periodic", MSR_TSC, read_tsc() + AHEAD, LVT_PERIODIC | VECTOR);
    check_adjust();
    set(APIC_SVR, svr);
}
