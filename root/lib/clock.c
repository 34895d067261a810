/* SPDX-License-Identifier: MIT */
#include "root/lib/clock.h"

#include <stdbool.h>
#include <stddef.h>

#include "root/lib/apic.h"
#include "root/lib/cpu.h"
#include "root/lib/trap.h"

#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define MSR_TSC_DEADLINE 0x6e0u
#define REG_LVT_TIMER 0x320u
#define REG_TIMER_CURRENT 0x390u
#define LVT_TSC_DEADLINE 0x40000u

#define PIT_HZ 1193182u
#define PIT_CONTROL 0x43u
#define PIT_CHANNEL_2 0x42u
#define PIT_GATE 0x61u
#define PIT_COUNT 11932u /* 10 ms */
#define PIT_WAIT_LIMIT 100000000u
#define MEASURE_MS 10u

static uint32_t tsc_khz;
static uint32_t apic_khz; /* of the timer's count; 0: the CPU has TSC-deadline mode */
static void (*alarm_hook)(void);

/* TSC and APIC timer over 10 ms of the PIT's channel 2, which drives no interrupt. */
static void measure(uint32_t *tsc, uint32_t *apic)
{
    cpu_outb(PIT_GATE, (uint8_t)((cpu_inb(PIT_GATE) & ~2u) | 1u));
    cpu_outb(PIT_CONTROL, 0xb0);
    cpu_outb(PIT_CHANNEL_2, PIT_COUNT & 0xff);
    cpu_outb(PIT_CHANNEL_2, PIT_COUNT >> 8);
    apic_timer(UINT32_MAX, false);
    uint64_t begin = cpu_rdtsc();
    for (uint32_t i = 0; i < PIT_WAIT_LIMIT && (cpu_inb(PIT_GATE) & 0x20u) == 0; i++) {
    }
    *tsc = (uint32_t)((cpu_rdtsc() - begin) / MEASURE_MS);
    *apic = (UINT32_MAX - apic_read(REG_TIMER_CURRENT)) / MEASURE_MS;
    apic_timer(0, false);
}

static void on_timer(struct root_frame *frame)
{
    (void)frame;
    apic_eoi();
    alarm_hook();
}

void clock_init(uint32_t khz, void (*alarm)(void))
{
    bool deadline = (cpu_cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE) != 0;
    uint32_t tsc = khz, apic = 0;
    if (khz == 0 || !deadline) {
        measure(&tsc, &apic);
    }
    tsc_khz = khz != 0 ? khz : tsc;
    apic_khz = deadline ? 0 : apic;
    alarm_hook = alarm;
    root_set_handler(APIC_VECTOR_TIMER, on_timer);
}

uint32_t clock_tsc_khz(void)
{
    return tsc_khz;
}

void clock_alarm(uint64_t tsc)
{
    if (apic_khz == 0) {
        apic_write(REG_LVT_TIMER, LVT_TSC_DEADLINE | APIC_VECTOR_TIMER);
        __asm__ volatile("mfence" : : : "memory"); /* SDM vol. 3A, 11.5.4.1: in xAPIC mode, before the MSR */
        cpu_wrmsr(MSR_TSC_DEADLINE, tsc == UINT64_MAX ? 0 : tsc);
        return;
    }
    uint64_t now = cpu_rdtsc();
    if (tsc == UINT64_MAX) {
        apic_timer(0, false);
        return;
    }
    uint64_t ticks = tsc > now ? tsc - now : 0;
    uint64_t count = ticks > UINT64_MAX / apic_khz ? UINT32_MAX : ticks * apic_khz / tsc_khz + 1;
    apic_timer(count > UINT32_MAX ? UINT32_MAX : (uint32_t)count, false);
}
