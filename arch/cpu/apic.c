/* SPDX-License-Identifier: MIT */
#include "arch/cpu/apic.h"

#include <stddef.h>

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"

/* Register offsets in the xAPIC page, bytes (SDM vol. 3A, 11.4.1). */
#define XAPIC_ICR_LOW 0x300u
#define XAPIC_ICR_HIGH 0x310u
#define XAPIC_MAX_ID 254u

#define ICR_NMI 0x400u
#define ICR_INIT 0x500u
#define ICR_STARTUP 0x600u
#define ICR_ASSERT 0x4000u
#define ICR_PENDING 0x1000u
#define ICR_OTHERS 0xc0000u /* shorthand: all but self, whatever their IDs */

/* Far longer than any delivery takes; an APIC that never gets idle must not hang its CPU. */
#define ICR_WAIT_LOOPS 1000000u

static volatile uint32_t *xapic;
static bool use_x2apic;

static bool cpu_has_x2apic(void)
{
    return (cpuid(1, 0).ecx & (1u << 21)) != 0;
}

bool apic_ready(void)
{
    return xapic != NULL;
}

bool apic_is_x2apic(void)
{
    return (rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_X2APIC) != 0;
}

uint32_t apic_id(void)
{
    if (cpuid(0, 0).eax >= 0xb) {
        struct cpuid_result topology = cpuid(0xb, 0);
        if (topology.ebx != 0) {
            return topology.edx;
        }
    }
    return cpuid(1, 0).ebx >> 24;
}

void apic_init_ap(void)
{
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);
    if (use_x2apic && !(base & APIC_BASE_X2APIC)) {
        wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    }
}

uint64_t apic_page(void)
{
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);
    return (base & APIC_BASE_ENABLE) != 0 ? base & APIC_BASE_ADDRESS : 0;
}

bool apic_init_bsp(volatile void *page, bool allow_x2apic)
{
    xapic = page;
    use_x2apic = apic_is_x2apic() || (allow_x2apic && cpu_has_x2apic());
    apic_init_ap();
    return use_x2apic;
}

static void wait_idle(void)
{
    for (uint32_t i = 0; (xapic[XAPIC_ICR_LOW / 4] & ICR_PENDING) && i < ICR_WAIT_LOOPS; i++) {
        cpu_pause();
    }
}

/* The root may be between its writes of ICR high and low: high is put back. Low is only read back for its pending bit.
 */
static void send_xapic(uint32_t id, uint32_t command)
{
    if (id > XAPIC_MAX_ID) {
        return;
    }
    wait_idle();
    uint32_t high = xapic[XAPIC_ICR_HIGH / 4];
    xapic[XAPIC_ICR_HIGH / 4] = id << 24;
    xapic[XAPIC_ICR_LOW / 4] = command;
    wait_idle();
    xapic[XAPIC_ICR_HIGH / 4] = high;
}

/* The mode is read each time: the root may have changed it. */
static void send(uint32_t id, uint32_t command)
{
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);
    if (!(base & APIC_BASE_ENABLE)) {
        return;
    }
    if (base & APIC_BASE_X2APIC) {
        /* Unlike a write to the xAPIC page, WRMSR here does not wait for earlier stores (SDM vol. 3A, 11.12.3). */
        __asm__ volatile("mfence; lfence" : : : "memory");
        wrmsr(MSR_IA32_X2APIC_ICR, (uint64_t)id << 32 | command);
    } else {
        send_xapic(id, command);
    }
}

void apic_send_init(uint32_t id)
{
    send(id, ICR_INIT | ICR_ASSERT);
}

void apic_send_startup(uint32_t id, uint8_t vector)
{
    send(id, ICR_STARTUP | ICR_ASSERT | vector);
}

void apic_send_nmi(uint32_t id)
{
    send(id, ICR_NMI | ICR_ASSERT);
}

void apic_send_nmi_others(void)
{
    send(0, ICR_NMI | ICR_ASSERT | ICR_OTHERS);
}
