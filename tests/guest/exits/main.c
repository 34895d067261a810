/* SPDX-License-Identifier: MIT */
/*
 * Measures exits from inside a guest at CPL 0 in long mode, with a local APIC in x2APIC mode, as Linux uses it. Prints
 * every sample, for scripts/harness/bench_guests.py (docs/bench.md, "Inside a guest").
 */
#include "tests/guest/exits/samples.h"
#include "tests/guest/serial.h"

#define MSR_APIC_BASE 0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_SVR 0x80fu
#define MSR_ICR 0x830u
#define MSR_LVT_TIMER 0x832u
#define APIC_BASE_X2APIC (1u << 10)
#define SVR_ENABLED 0x1ffu
#define LVT_TSC_DEADLINE (2u << 17)
#define ICR_SELF (1u << 18)
#define LONG_PAST 1u /* of the TSC */
#define VECTOR 0x51u
#define CODE_64 8u
#define GATE_INTERRUPT 0x8e00u
#define GATES 256u
#define PIC_MASTER_MASK 0x21u
#define PIC_SLAVE_MASK 0xa1u
#define ENDED_WELL 0u /* at the debug exit port: the status is twice this and one more */
#define FAILED 1u

typedef uint32_t measure(uint32_t msr, uint32_t value);
measure measure_nothing, measure_cpuid, measure_out, measure_rdmsr, measure_interrupt;
extern const uint8_t interrupt_handler[], unexpected_handler[];
_Noreturn void exits_main(void);
_Noreturn void exits_unexpected(void);

static struct {
    uint16_t low, selector, kind, middle;
    uint32_t high, reserved;
} idt[GATES];

static uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static void set_gate(uint32_t vector, const uint8_t *handler)
{
    uint64_t at = (uintptr_t)handler;
    idt[vector].low = (uint16_t)at;
    idt[vector].selector = CODE_64;
    idt[vector].kind = GATE_INTERRUPT;
    idt[vector].middle = (uint16_t)(at >> 16);
    idt[vector].high = (uint32_t)(at >> 32);
}

static void start_interrupts(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } table = {sizeof(idt) - 1, (uintptr_t)idt};
    for (uint32_t vector = 0; vector < GATES; vector++) {
        set_gate(vector, unexpected_handler);
    }
    set_gate(VECTOR, interrupt_handler);
    out8(PIC_MASTER_MASK, 0xff);
    out8(PIC_SLAVE_MASK, 0xff);
    __asm__ volatile("lidt %0" : : "m"(table));
    write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
    write_msr(MSR_SVR, SVR_ENABLED);
    write_msr(MSR_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR);
    __asm__ volatile("sti" : : : "memory");
}

static _Noreturn void end(uint8_t status)
{
    out8(DEBUG_EXIT, status);
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

_Noreturn void exits_unexpected(void)
{
    text("@failed guest: an exception or interrupt that none expects\n");
    end(FAILED);
}

static void take(const char *name, measure *work, uint32_t msr, uint32_t value)
{
    static uint32_t samples[SAMPLES];
    uint32_t overhead = UINT32_MAX;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        uint32_t empty = measure_nothing(msr, value);
        overhead = empty < overhead ? empty : overhead;
    }
    for (uint32_t i = 0; i < WARM_UP; i++) {
        (void)work(msr, value);
    }
    for (uint32_t i = 0; i < SAMPLES; i++) {
        samples[i] = work(msr, value);
    }
    for (uint32_t i = 0; i < SAMPLES; i++) {
        if (i % SAMPLES_IN_LINE == 0) {
            text(i == 0 ? "@samples " : "\n@samples ");
            text(name);
        }
        text(" ");
        number(samples[i] - overhead);
    }
    text("\n");
}

_Noreturn void exits_main(void)
{
    start_interrupts();
    take("guest_cpuid", measure_cpuid, 0, 0);
    take("guest_out", measure_out, 0, 0);
    take("guest_rdmsr", measure_rdmsr, MSR_APIC_BASE, 0);
    take("guest_self_ipi", measure_interrupt, MSR_ICR, ICR_SELF | VECTOR);
    take("guest_tsc_deadline", measure_interrupt, MSR_TSC_DEADLINE, LONG_PAST);
    text("@bench end 0\n");
    end(ENDED_WELL);
}
