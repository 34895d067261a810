/* SPDX-License-Identifier: MIT */
/* A guest that accesses its local APIC step by step, in xAPIC mode and, with APICv if there is one, in x2APIC mode. */
#pragma once

#include "tests/scenarios/records.h"

#define STEPS_VECTOR 0x41u
#define MSR_TSC 0x10u
#define MSR_TSC_ADJUST 0x3bu
#define MSR_TSC_DEADLINE 0x6e0u

#define APIC_EOI 0xb0u
#define APIC_SVR 0xf0u
#define APIC_ESR 0x280u
#define APIC_ICR 0x300u
#define APIC_LVT_TIMER 0x320u
#define APIC_LVT_ERROR 0x370u
#define APIC_INITIAL_COUNT 0x380u
#define APIC_CURRENT_COUNT 0x390u
#define APIC_DIVIDE 0x3e0u
#define APIC_SELF_IPI 0x3f0u

#define LVT_MASKED (1u << 16)
#define LVT_PERIODIC (1u << 17)
#define LVT_DEADLINE (1u << 18)
#define DIVIDE_BY_1 0xbu
#define DIVIDE_BY_16 3u

struct steps {
    struct guest g;
    bool x2apic;
    uint32_t vp; /* that makes the steps */
};

/* `vps` VPs, of which VP 0 makes the steps; its APIC is enabled and counts what comes at STEPS_VECTOR. */
void steps_start(struct steps *s, uint32_t vps, bool x2apic);

/* A register of the APIC, by its offset in the page. The VP executes the access. */
void steps_store(struct steps *s, uint32_t offset, uint32_t value);
uint32_t steps_load(struct steps *s, uint32_t offset);
void steps_wrmsr(struct steps *s, uint32_t msr, uint64_t value);
uint64_t steps_rdmsr(struct steps *s, uint32_t msr);
/* Lets interrupts in for at least so many ticks. */
void steps_wait(struct steps *s, uint32_t ticks);

/* Interrupts at STEPS_VECTOR since the last call of this. */
uint32_t steps_interrupts(struct steps *s);
/* General-protection faults, likewise. */
uint32_t steps_faults(struct steps *s);
