/* SPDX-License-Identifier: MIT */
#include "kernel/core/clock.h"

#include <stdbool.h>

#include "arch/cpu/cpu.h"

#define PIT_HZ 1193182u
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND 0x43
#define PIT_CH2_ONE_SHOT 0xb0 /* low then high byte, mode 0, binary */
#define PORT_B 0x61
#define PORT_B_GATE 0x01
#define PORT_B_SPEAKER 0x02
#define PORT_B_OUTPUT 0x20

#define MEASURE_MS 5u
#define MEASURE_LIMIT 1000000000ull /* ticks: a PIT that never ends is absent */

#define FASTEST_KHZ 5000000u

uint32_t kernel_tsc_khz;

/* TSC ticks in MEASURE_MS by the PIT's channel 2, whose output can be read at port 0x61; 0: no PIT. */
static uint64_t measure(void)
{
    uint32_t count = PIT_HZ * MEASURE_MS / 1000;
    outb(PIT_COMMAND, PIT_CH2_ONE_SHOT);
    outb(PIT_CHANNEL_2, (uint8_t)count);
    outb(PIT_CHANNEL_2, (uint8_t)(count >> 8));
    uint64_t start = rdtsc();
    if (inb(PORT_B) & PORT_B_OUTPUT) {
        return 0;
    }
    uint64_t ticks = 0;
    while (!(inb(PORT_B) & PORT_B_OUTPUT) && ticks < MEASURE_LIMIT) {
        ticks = rdtsc() - start;
    }
    return ticks < MEASURE_LIMIT ? rdtsc() - start : 0;
}

static uint32_t measured_khz(void)
{
    uint8_t port_b = inb(PORT_B);
    outb(PORT_B, (uint8_t)((port_b & ~PORT_B_SPEAKER) | PORT_B_GATE));
    uint64_t first = measure();
    uint64_t second = measure();
    outb(PORT_B, port_b);
    /* A delay by a hypervisor below or by system management makes a measurement too long, hardly ever too short. */
    return (uint32_t)((first < second ? first : second) / MEASURE_MS);
}

/* SDM vol. 2A, CPUID, leaves 15H (crystal) and 16H (base frequency in MHz). */
static uint32_t reported_khz(void)
{
    uint32_t highest = cpuid(0, 0).eax;
    if (highest >= 0x15) {
        struct cpuid_result r = cpuid(0x15, 0);
        if (r.eax != 0 && r.ebx != 0 && r.ecx != 0) {
            return (uint32_t)((uint64_t)r.ecx * r.ebx / r.eax / 1000);
        }
    }
    return highest >= 0x16 ? (cpuid(0x16, 0).eax & 0xffff) * 1000 : 0;
}

void clock_init(void)
{
    kernel_tsc_khz = measured_khz();
    if (kernel_tsc_khz == 0) {
        kernel_tsc_khz = reported_khz();
    }
}

void clock_delay_us(uint32_t microseconds)
{
    uint64_t khz = kernel_tsc_khz != 0 ? kernel_tsc_khz : FASTEST_KHZ;
    uint64_t start = rdtsc();
    uint64_t ticks = khz * microseconds / 1000;
    while (rdtsc() - start < ticks) {
        cpu_pause();
    }
}
