/* SPDX-License-Identifier: MIT */
/* X64MsrAccess and X64Cpuid, and what the hypervisor answers alone. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(ids16);
DECLARE_PAYLOAD(msr16);
DECLARE_PAYLOAD(gp16);
DECLARE_AT(ids16_rdmsr);
DECLARE_AT(ids16_wrmsr);
DECLARE_AT(msr16_read);

#define EXIT_CPUID 1u
#define EXIT_MSR 2u
#define UNHANDLED_MSR 0x611u
#define UNION_OFFSET 48u
#define GP_HANDLER 0x1800u
#define CPUID_VMX (1u << 5)
#define CPUID_OSXSAVE (1u << 27)

static void set_four(struct guest *g, uint64_t rax, uint64_t rbx, uint64_t rcx, uint64_t rdx)
{
    guest_set(g, 0, WHvX64RegisterRax, rax);
    guest_set(g, 0, WHvX64RegisterRbx, rbx);
    guest_set(g, 0, WHvX64RegisterRcx, rcx);
    guest_set(g, 0, WHvX64RegisterRdx, rdx);
}

static void msr_records(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, EXIT_MSR);
    START(&g, GUEST_REAL, ids16);
    set_four(&g, 0xaaaa5555aaaa5555, 1, UNHANDLED_MSR, 0x1234567812345678);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(ids16, ids16_rdmsr));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64MsrAccess);
    records_check_context(&g, &r, RIP_OF(ids16, ids16_rdmsr), 2, 0, 0);
    CHECK_EQ(0, r.MsrAccess.AccessInfo.AsUINT32);
    CHECK_EQ(UNHANDLED_MSR, r.MsrAccess.MsrNumber);
    CHECK_EQ(0xaaaa5555aaaa5555, r.MsrAccess.Rax);
    CHECK_EQ(0x1234567812345678, r.MsrAccess.Rdx);
    check_zero_tail(&r, UNION_OFFSET + sizeof(r.MsrAccess));
    guest_skip(&g, 0, &r);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64MsrAccess);
    records_check_context(&g, &r, RIP_OF(ids16, ids16_wrmsr), 2, 0, 0);
    CHECK_EQ(1, r.MsrAccess.AccessInfo.AsUINT32);
    check_zero_tail(&r, UNION_OFFSET + sizeof(r.MsrAccess));
    guest_destroy(&g);
}

static void start_msr(struct guest *g, uint64_t exits, uint32_t msr, uint64_t value)
{
    guest_create(g, 1, exits);
    START(g, GUEST_REAL, msr16);
    memcpy(g->ram + GP_HANDLER, payload_gp16, (size_t)(payload_gp16_end - payload_gp16));
    guest_idt(g, 0, GUEST_REAL, 13, GP_HANDLER);
    set_four(g, value & 0xffffffff, 0, msr, value >> 32);
}

/* Without MSR exits an unknown MSR is #GP in the guest, for reads and writes. */
static void msr_fault(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start_msr(&g, 0, UNHANDLED_MSR, 0);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0x50, r.IoPortAccess.PortNumber);
    CHECK_EQ(GP_HANDLER, r.VpContext.Rip);
    guest_destroy(&g);
    start_msr(&g, 0, UNHANDLED_MSR, 0);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(msr16, msr16_read) + 2);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0x50, r.IoPortAccess.PortNumber);
    guest_destroy(&g);
}

struct msr_case {
    uint32_t msr;
    uint64_t read;  /* value after creation */
    uint64_t write; /* what the guest writes */
    bool write_faults;
};

/* What the hypervisor keeps for the guest never exits, MSR exits on or off. */
static void msr_handled(void)
{
    static const struct msr_case cases[] = {
        {0x1b, 0xfee00900, 0xfee00900, false}, /* APIC_BASE: enabled, BSP */
        {0xfe, 0x508, 0, true},                /* MTRRCAP is read only */
        {0x174, 0, 0x10, false},               /* SYSENTER_CS */
        {0x179, 0, 0, true},                   /* MCG_CAP */
        {0x200, 0, 0x80000006, false},         /* MTRR_PHYSBASE0 */
        {0x200, 0, 0x80000003, true},          /* no such memory type */
        {0x277, 0x0007040600070406, 0x0606060606060606, false},
        {0x277, 0x0007040600070406, 0x0206060606060606, true},
        {0x2ff, 0, 0xc06, false},                   /* MTRR_DEF_TYPE */
        {0xc0000080, 0, 0x901, false},              /* EFER: SCE, LME, NXE */
        {0xc0000080, 0, 0x1000, true},              /* SVME does not exist */
        {0xc0000081, 0, 0x0123456789abcdef, false}, /* STAR */
        {0xc0000082, 0, 0xffff800000000000, false}, /* LSTAR */
        {0xc0000082, 0, 0x0001000000000000, true},  /* not canonical */
        {0xc0000084, 0, 0x47700, false},            /* SFMASK */
        {0xc0000084, 0, 0x100000000, true},
        {0xc0000102, 0, 0xffff880000000000, false}, /* KERNEL_GS_BASE */
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct msr_case *c = &cases[i];
        struct guest g;
        WHV_RUN_VP_EXIT_CONTEXT r;
        start_msr(&g, EXIT_MSR, c->msr, 0);
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        CHECK_EQ(0x51, r.IoPortAccess.PortNumber);
        CHECK_EQ(c->read & 0xffffffff, guest_get(&g, 0, WHvX64RegisterRax));
        CHECK_EQ(c->read >> 32, guest_get(&g, 0, WHvX64RegisterRdx));
        set_four(&g, c->write & 0xffffffff, 0, c->msr, c->write >> 32);
        guest_skip(&g, 0, &r);
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        CHECK_EQ(c->write_faults ? 0x50 : 0x52, r.IoPortAccess.PortNumber);
        guest_destroy(&g);
    }
}

/* One CPUID at PAYLOAD_AT: exits with `exits` leaves listed (none: all exit), or runs on to the HLT after it. */
static void check_cpuid_leaf(struct guest *g, uint32_t leaf)
{
    WHV_RUN_VP_EXIT_CONTEXT r, after;
    const UINT32 other = leaf == 2 ? 3 : 2;
    set_four(g, leaf, 0xb, 0, 0xd);
    guest_set(g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeCpuidExitList, &other, 0));
    guest_run(g, 0, &r, WHvRunVpExitReasonX64Cpuid);
    records_check_context(g, &r, PAYLOAD_AT, 2, 0, 0);
    CHECK_EQ(leaf, r.CpuidAccess.Rax);
    CHECK_EQ(0, r.CpuidAccess.Rcx);
    CHECK_EQ(0xd, r.CpuidAccess.Rdx);
    CHECK_EQ(0xb, r.CpuidAccess.Rbx);
    check_zero_tail(&r, UNION_OFFSET + sizeof(r.CpuidAccess));
    /* The guest that asks without an exit gets the same: the list now names another leaf. */
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeCpuidExitList, &other, sizeof(other)));
    guest_run(g, 0, &after, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(r.CpuidAccess.DefaultResultRax, guest_get(g, 0, WHvX64RegisterRax));
    CHECK_EQ(r.CpuidAccess.DefaultResultRbx, guest_get(g, 0, WHvX64RegisterRbx));
    CHECK_EQ(r.CpuidAccess.DefaultResultRcx, guest_get(g, 0, WHvX64RegisterRcx));
    CHECK_EQ(r.CpuidAccess.DefaultResultRdx, guest_get(g, 0, WHvX64RegisterRdx));
}

static void cpuid_records(void)
{
    struct guest g;
    const uint32_t leaves[] = {0, 1, 7, 0xd, 0x40000000, 0x80000000, 0x80000001, 0x80000008};
    const uint8_t code[] = {0x0f, 0xa2, 0xf4}; /* CPUID, HLT */
    guest_create(&g, 1, EXIT_CPUID);
    records_start(&g, GUEST_REAL, code, code + sizeof(code));
    for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        check_cpuid_leaf(&g, leaves[i]);
    }
    guest_destroy(&g);
}

/* Bits that depend on the VP: OSXSAVE on its CR4, the APIC ID on its index; VMX is hidden. */
static void cpuid_dynamic(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    const uint8_t code[] = {0x0f, 0xa2, 0xf4};
    guest_create(&g, 2, EXIT_CPUID);
    for (uint32_t vp = 0; vp < 2; vp++) {
        guest_load(&g, vp, code, code + sizeof(code), PAYLOAD_AT);
        guest_set(&g, vp, WHvX64RegisterRax, 1);
        guest_set(&g, vp, WHvX64RegisterCr4, vp == 0 ? 0 : 1u << 18);
        guest_run(&g, vp, &r, WHvRunVpExitReasonX64Cpuid);
        CHECK_EQ(vp, r.CpuidAccess.DefaultResultRbx >> 24);
        CHECK_EQ(vp == 0 ? 0 : CPUID_OSXSAVE, r.CpuidAccess.DefaultResultRcx & CPUID_OSXSAVE);
        CHECK_EQ(0, r.CpuidAccess.DefaultResultRcx & CPUID_VMX);
    }
    guest_destroy(&g);
}

static void cpuid_overrides(void)
{
    WHV_PARTITION_HANDLE p;
    UINT32 one = 1;
    WHV_X64_CPUID_RESULT list[2] = {{.Function = 0x16, .Eax = 1, .Ebx = 2, .Ecx = 3, .Edx = 4},
                                    {.Function = 0x40000000, .Eax = 5, .Ebx = 6, .Ecx = 7, .Edx = 8}};
    const uint8_t code[] = {0x0f, 0xa2, 0xf4};
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    CHECK_EQ(WHB_HR_INVALID_STATE,
             WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeCpuidResultList, list, sizeof(list)));
    guest_destroy(&g);
    CHECK_EQ(S_OK, WHvCreatePartition(&p));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(p, WHvPartitionPropertyCodeProcessorCount, &one, sizeof(one)));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(p, WHvPartitionPropertyCodeCpuidResultList, list, sizeof(list)));
    CHECK_EQ(S_OK, WHvSetupPartition(p));
    CHECK_EQ(S_OK, WHvMapGpaRange(p, g.ram, 0, GUEST_RAM, WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagExecute));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(p, 0, 0));
    g.partition = p;
    guest_load(&g, 0, code, code + sizeof(code), PAYLOAD_AT);
    set_four(&g, 0x16, 0, 0, 0);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(1, guest_get(&g, 0, WHvX64RegisterRax));
    CHECK_EQ(2, guest_get(&g, 0, WHvX64RegisterRbx));
    CHECK_EQ(3, guest_get(&g, 0, WHvX64RegisterRcx));
    CHECK_EQ(4, guest_get(&g, 0, WHvX64RegisterRdx));
    guest_destroy(&g);
}

const struct scenario scenarios_records_ids[] = {
    {"record/msr", 1, msr_records},
    {"msr/unknown-faults", 1, msr_fault},
    {"msr/handled-inside", 1, msr_handled},
    {"record/cpuid", 1, cpuid_records},
    {"cpuid/dynamic-bits", 1, cpuid_dynamic},
    {"cpuid/result-list", 1, cpuid_overrides},
    {0},
};
