/* SPDX-License-Identifier: MIT */
#include "tests/scenarios/apic_steps.h"

DECLARE_PAYLOAD(apic_steps32);
DECLARE_PAYLOAD(apic_steps64);
DECLARE_AT(apic_steps32_store);
DECLARE_AT(apic_steps32_load);
DECLARE_AT(apic_steps32_wrmsr);
DECLARE_AT(apic_steps32_rdmsr);
DECLARE_AT(apic_steps32_wait);
DECLARE_AT(apic_steps64_wrmsr);
DECLARE_AT(apic_steps64_rdmsr);
DECLARE_AT(apic_steps64_wait);
DECLARE_PAYLOAD(apic_handler32);
DECLARE_PAYLOAD(apic_handler64);
DECLARE_PAYLOAD(apic_fault64);

#define HANDLER_AT 0x1800u
#define FAULT_AT 0x1900u
#define INTERRUPTS_AT 0x2000u /* as the handlers have it */
#define FAULTS_AT 0x2004u
#define VECTOR_GP 13u
#define MSR_X2APIC 0x800u
#define PORT_DONE 0x50u

static void put_code(struct guest *g, uint32_t at, const uint8_t *begin, const uint8_t *end)
{
    memcpy(g->ram + at, begin, (size_t)(end - begin));
}

void steps_start(struct steps *s, uint32_t vps, bool x2apic)
{
    const enum guest_mode mode = x2apic ? GUEST_LONG : GUEST_PROTECTED;
    s->x2apic = x2apic;
    s->vp = 0;
    guest_create_apic(&s->g, vps, 0, x2apic ? WHvX64LocalApicEmulationModeX2Apic : WHvX64LocalApicEmulationModeXApic);
    memset(s->g.ram + INTERRUPTS_AT, 0, 8);
    if (x2apic) {
        START(&s->g, mode, apic_steps64);
        put_code(&s->g, HANDLER_AT, payload_apic_handler64, payload_apic_handler64_end);
        put_code(&s->g, FAULT_AT, payload_apic_fault64, payload_apic_fault64_end);
        guest_idt(&s->g, 0, mode, VECTOR_GP, FAULT_AT);
        guest_set(&s->g, 0, WHvX64RegisterApicBase, 0xfee00d00);
    } else {
        START(&s->g, mode, apic_steps32);
        put_code(&s->g, HANDLER_AT, payload_apic_handler32, payload_apic_handler32_end);
    }
    guest_idt(&s->g, 0, mode, STEPS_VECTOR, HANDLER_AT);
    steps_store(s, APIC_SVR, 0x1ff);
    steps_store(s, APIC_DIVIDE, DIVIDE_BY_1);
}

static void step(struct steps *s, uint64_t rip)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_set(&s->g, s->vp, WHvX64RegisterRip, rip);
    guest_run(&s->g, s->vp, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(PORT_DONE, r.IoPortAccess.PortNumber);
}

void steps_wrmsr(struct steps *s, uint32_t msr, uint64_t value)
{
    guest_set(&s->g, s->vp, WHvX64RegisterRcx, msr);
    guest_set(&s->g, s->vp, WHvX64RegisterRax, value & 0xffffffff);
    guest_set(&s->g, s->vp, WHvX64RegisterRdx, value >> 32);
    step(s, s->x2apic ? RIP_OF(apic_steps64, apic_steps64_wrmsr) : RIP_OF(apic_steps32, apic_steps32_wrmsr));
}

uint64_t steps_rdmsr(struct steps *s, uint32_t msr)
{
    guest_set(&s->g, s->vp, WHvX64RegisterRcx, msr);
    step(s, s->x2apic ? RIP_OF(apic_steps64, apic_steps64_rdmsr) : RIP_OF(apic_steps32, apic_steps32_rdmsr));
    return (uint32_t)guest_get(&s->g, s->vp, WHvX64RegisterRax) | guest_get(&s->g, s->vp, WHvX64RegisterRdx) << 32;
}

void steps_store(struct steps *s, uint32_t offset, uint32_t value)
{
    if (s->x2apic) {
        steps_wrmsr(s, MSR_X2APIC + offset / 16, value);
        return;
    }
    guest_set(&s->g, s->vp, WHvX64RegisterRbx, 0xfee00000 + offset);
    guest_set(&s->g, s->vp, WHvX64RegisterRax, value);
    step(s, RIP_OF(apic_steps32, apic_steps32_store));
}

uint32_t steps_load(struct steps *s, uint32_t offset)
{
    if (s->x2apic) {
        return (uint32_t)steps_rdmsr(s, MSR_X2APIC + offset / 16);
    }
    guest_set(&s->g, s->vp, WHvX64RegisterRbx, 0xfee00000 + offset);
    step(s, RIP_OF(apic_steps32, apic_steps32_load));
    return (uint32_t)guest_get(&s->g, s->vp, WHvX64RegisterRax);
}

void steps_wait(struct steps *s, uint32_t ticks)
{
    guest_set(&s->g, s->vp, WHvX64RegisterRcx, ticks);
    step(s, s->x2apic ? RIP_OF(apic_steps64, apic_steps64_wait) : RIP_OF(apic_steps32, apic_steps32_wait));
}

static uint32_t take_count(struct steps *s, uint32_t at)
{
    uint32_t value, none = 0;
    memcpy(&value, s->g.ram + at, sizeof(value));
    memcpy(s->g.ram + at, &none, sizeof(none));
    return value;
}

uint32_t steps_interrupts(struct steps *s)
{
    return take_count(s, INTERRUPTS_AT);
}

uint32_t steps_faults(struct steps *s)
{
    return take_count(s, FAULTS_AT);
}
