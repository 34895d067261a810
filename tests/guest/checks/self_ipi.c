/* SPDX-License-Identifier: MIT */
/* The x2APIC's self-IPI (SDM vol. 3A, 11.12.11). Leaves the local APIC in x2APIC mode, so it is the last group. */
#include "tests/guest/checks/check.h"

#define MSR_APIC_BASE 0x1bu
#define MSR_EOI 0x80bu
#define MSR_SVR 0x80fu
#define MSR_IRR0 0x820u
#define MSR_ESR 0x828u
#define MSR_SELF_IPI 0x83fu
#define APIC_BASE_X2APIC (1u << 10)
#define CPUID_1_ECX_X2APIC (1u << 21)
#define SVR_ENABLED 0x1ffu
#define ESR_SEND_ILLEGAL (1u << 5)
#define VECTOR 0x51u

static uint32_t take_errors(void)
{
    write_msr(MSR_ESR, 0);
    return (uint32_t)read_msr(MSR_ESR);
}

static void end_service(struct trap_frame *frame)
{
    if (frame->vector == VECTOR) {
        write_msr(MSR_EOI, 0);
    }
}

void check_self_ipi(void)
{
    if ((read_cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC) == 0) {
        return;
    }
    write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
    write_msr(MSR_SVR, SVR_ENABLED);
    (void)take_errors();
    verdict_equal("self-ipi/no-error-before", 0, take_errors());
    uint32_t errors = 0, pending = 0;
    for (uint32_t vector = 0; vector < 16; vector++) {
        write_msr(MSR_SELF_IPI, vector);
        pending |= (uint32_t)read_msr(MSR_IRR0);
        errors += take_errors() == ESR_SEND_ILLEGAL ? 1 : 0;
    }
    verdict_equal("self-ipi/illegal-vector-is-an-error", 16, errors);
    verdict_equal("self-ipi/illegal-vector-is-not-pending", 0, pending);
    trap_clear();
    write_msr(MSR_SELF_IPI, VECTOR);
    verdict_equal("self-ipi/pending", 1u << (VECTOR % 32), read_msr(MSR_IRR0 + VECTOR / 32));
    trap_log.handler = end_service;
    wait_with_interrupts(20000);
    verdict_equal("self-ipi/delivered", 1, trap_log.counts[VECTOR]);
    verdict_equal("self-ipi/no-error-after", 0, take_errors());
    verdict_equal("self-ipi/reserved-bits-fault", 13, VECTOR_OF("movl $0x83f, %%ecx\n\tmovl $0x151, %%eax\n\twrmsr"));
}
