/* SPDX-License-Identifier: MIT */
/* Self-IPIs with vectors that no interrupt has, which APICv leaves to the hypervisor: with it and with apicv=off. */
#include "tests/scenarios/records.h"

#define MSR_ESR 0x828u
#define MSR_SELF_IPI 0x83fu
#define ESR_SEND_ILLEGAL 0x20u
#define X2APIC_ENABLED 0xfee00d00u
#define SVR_ENABLED 0x1ffu

static const uint8_t code[] = {0x0f, 0x30, 0xe6, 0x50}; /* WRMSR; OUT 50H, AL */

/* The guest writes an MSR. */
static void write_msr(struct guest *g, uint32_t msr, uint32_t value)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_set(g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_set(g, 0, WHvX64RegisterRcx, msr);
    guest_set(g, 0, WHvX64RegisterRax, value);
    guest_set(g, 0, WHvX64RegisterRdx, 0);
    guest_run(g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(PAYLOAD_AT + 2, r.VpContext.Rip);
}

static void illegal(void)
{
    struct guest g;
    guest_create_apic(&g, 1, 0, WHvX64LocalApicEmulationModeX2Apic);
    records_start(&g, GUEST_LONG, code, code + sizeof(code));
    guest_set(&g, 0, WHvX64RegisterApicBase, X2APIC_ENABLED);
    guest_set(&g, 0, WHvX64RegisterApicSpurious, SVR_ENABLED);
    for (uint32_t vector = 0; vector < 16; vector++) {
        write_msr(&g, MSR_SELF_IPI, vector);
        CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterApicIrr0));
        write_msr(&g, MSR_ESR, 0);
        CHECK_EQ(ESR_SEND_ILLEGAL, guest_get(&g, 0, WHvX64RegisterApicEse));
    }
    write_msr(&g, MSR_SELF_IPI, 16);
    CHECK_EQ(1u << 16, guest_get(&g, 0, WHvX64RegisterApicIrr0));
    write_msr(&g, MSR_ESR, 0);
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterApicEse));
    guest_destroy(&g);
}

const struct scenario scenarios_apic_self_ipi[] = {
    {"apic/self-ipi-illegal", 1, illegal},
    {0},
};
