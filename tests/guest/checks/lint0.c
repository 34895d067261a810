/* SPDX-License-Identifier: MIT */
/* The 8259 pair's INTR reaches the processor through LINT0, as the local APIC has it (SDM vol. 3A, 11.5.1). */
#include "tests/guest/checks/check.h"

#define ALL_BUT_TIMER 0xfffeu
#define MILLISECOND 1193u
#define LONG_ENOUGH 2000000u
#define APIC_SVR 0xf0u
#define APIC_LINT0 0x350u
#define SVR_ON 0x1ffu
#define SVR_OFF 0xffu
#define LVT_MASKED 0x10000u
#define LVT_EXTINT 0x700u
#define LVT_FIXED 0u
#define FIXED_VECTOR 0x61u
#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_ENABLE 0x800u

void check_lint0(void);

static void tick(uint32_t spurious, uint32_t lint0)
{
    trap_clear();
    trap_log.interrupts_from_apic = true;
    *apic_register(APIC_SVR) = spurious;
    *apic_register(APIC_LINT0) = lint0;
    pic_start(ALL_BUT_TIMER);
    wait_with_interrupts(LONG_ENOUGH);
}

static void no_apic(void)
{
    write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) & ~(uint64_t)APIC_BASE_ENABLE);
    trap_clear();
    pic_start(ALL_BUT_TIMER);
    wait_with_interrupts(LONG_ENOUGH);
    verdict("lint0/no-apic", trap_log.counts[PIC_VECTOR] >= 1);
    write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_ENABLE);
}

void check_lint0(void)
{
    uint32_t before = *apic_register(APIC_LINT0);
    note("lint0", "at the start", before);
    pit_start(MILLISECOND);
    tick(SVR_ON, LVT_MASKED | LVT_EXTINT);
    verdict_equal("lint0/masked", 0, trap_log.counts[PIC_VECTOR]);
    *apic_register(APIC_LINT0) = LVT_EXTINT; /* what waits comes now */
    wait_with_interrupts(LONG_ENOUGH);
    verdict("lint0/unmasked", trap_log.counts[PIC_VECTOR] >= 1);
    tick(SVR_ON, LVT_FIXED | FIXED_VECTOR);
    verdict_equal("lint0/fixed-not-the-pics", 0, trap_log.counts[PIC_VECTOR]);
    verdict("lint0/fixed", trap_log.counts[FIXED_VECTOR] >= 1);
    tick(SVR_OFF, LVT_EXTINT);
    verdict_equal("lint0/software-disabled", 0, trap_log.counts[PIC_VECTOR]);
    tick(SVR_ON, LVT_EXTINT);
    verdict("lint0/extint", trap_log.counts[PIC_VECTOR] >= 1);
    if (!says("bare")) { /* Bochs 2.7 never enables a local APIC again */
        no_apic();
    }
    pit_stop();
    *apic_register(APIC_SVR) = SVR_ON;
    *apic_register(APIC_LINT0) = before & ~LVT_MASKED;
    pic_start(0xffff);
    trap_clear();
}
