/* SPDX-License-Identifier: MIT */
#include "root/lib/apic.h"

#include "root/lib/cpu.h"

#define MSR_APIC_BASE 0x1bu
#define MSR_X2APIC 0x800u
#define BASE_X2APIC (1ull << 10)
#define BASE_ADDRESS 0xffffff000ull

#define REG_ID 0x20u
#define REG_TPR 0x80u
#define REG_EOI 0xb0u
#define REG_SVR 0xf0u
#define REG_ICR_LOW 0x300u
#define REG_ICR_HIGH 0x310u
#define REG_LVT_TIMER 0x320u
#define REG_TIMER_INITIAL 0x380u
#define REG_TIMER_DIVIDE 0x3e0u

#define SVR_ENABLE 0x100u
#define ICR_PENDING 0x1000u
#define LVT_PERIODIC 0x20000u
#define LVT_MASKED 0x10000u
#define DIVIDE_BY_1 0xbu

static volatile uint32_t *page(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)((cpu_rdmsr(MSR_APIC_BASE) & BASE_ADDRESS) + offset);
}

bool apic_is_x2apic(void)
{
    return (cpu_rdmsr(MSR_APIC_BASE) & BASE_X2APIC) != 0;
}

uint32_t apic_read(uint32_t offset)
{
    return apic_is_x2apic() ? (uint32_t)cpu_rdmsr(MSR_X2APIC + (offset >> 4)) : *page(offset);
}

void apic_write(uint32_t offset, uint32_t value)
{
    if (apic_is_x2apic()) {
        cpu_wrmsr(MSR_X2APIC + (offset >> 4), value);
    } else {
        *page(offset) = value;
    }
}

void apic_enable(void)
{
    cpu_outb(0x21, 0xff);
    cpu_outb(0xa1, 0xff);
    apic_write(REG_TPR, 0);
    apic_write(REG_SVR, SVR_ENABLE | APIC_VECTOR_SPURIOUS);
}

uint32_t apic_id(void)
{
    uint32_t id = apic_read(REG_ID);
    return apic_is_x2apic() ? id : id >> 24;
}

void apic_eoi(void)
{
    apic_write(REG_EOI, 0);
}

void apic_send(uint32_t id, uint32_t command)
{
    if (apic_is_x2apic()) {
        cpu_wrmsr(MSR_X2APIC + (REG_ICR_LOW >> 4), ((uint64_t)id << 32) | command);
        return;
    }
    *page(REG_ICR_HIGH) = id << 24;
    *page(REG_ICR_LOW) = command;
    while ((*page(REG_ICR_LOW) & ICR_PENDING) != 0) {
        cpu_pause();
    }
}

void apic_timer(uint32_t count, bool periodic)
{
    apic_write(REG_TIMER_DIVIDE, DIVIDE_BY_1);
    apic_write(REG_LVT_TIMER, count == 0 ? LVT_MASKED : APIC_VECTOR_TIMER | (periodic ? LVT_PERIODIC : 0));
    apic_write(REG_TIMER_INITIAL, count);
}
