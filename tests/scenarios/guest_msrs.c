/* SPDX-License-Identifier: MIT */
/* MSRs by the guest's instructions and by the register calls are the same; reserved bits fault in the guest. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(msr64);
DECLARE_PAYLOAD(gp64);
DECLARE_AT(msr64_read);

#define HANDLER_AT 0x1800u
#define PORT_FAULT 0x50u
#define PORT_WROTE 0x51u
#define PORT_READ 0x52u
#define NONE (~0ull)
#define MSR_TSC 0x10u
#define MSR_TSC_ADJUST 0x3bu
#define AWAY (1ull << 44) /* ticks, more than a test lasts */
#define CPUID_7_EBX_TSC_ADJUST (1u << 1)
#define TSC_MARGIN 0x1000000000ull
#define CPUID_80000001_EDX_RDTSCP (1u << 27)

struct msr {
    uint32_t number;
    WHV_REGISTER_NAME name;
    uint64_t first, second; /* good values */
    uint64_t bad[2];        /* WRMSR faults; NONE: nothing */
};

#define FIXED(number, name)                                                                                            \
    {                                                                                                                  \
        number, name, 0x0006040100060401, 0x0505050506060606,                                                          \
        {                                                                                                              \
            0x0200000000000000, 0x0000000000000007                                                                     \
        }                                                                                                              \
    }

static const struct msr msrs[] = {
    {0x174, WHvX64RegisterSysenterCs, 0x10, 0xfff8, {NONE, NONE}},
    /* Written without an exit: the processor faults on other addresses, KVM as the processor makes them canonical. */
    {0x175, WHvX64RegisterSysenterEsp, 0x7fff00001000, 0xffff800000001000, {NONE, NONE}},
    {0x176, WHvX64RegisterSysenterEip, 0x7fff00002000, 0xffff800000002000, {NONE, NONE}},
    {0x277, WHvX64RegisterPat, 0x0007040600070406, 0x0001040506070406, {0x0200000000000000, 0x00000000000000ff}},
    {0x200, WHvX64RegisterMsrMtrrPhysBase0, 0x80000006, 0x40001000, {0x102, 1ull << 52}},
    {0x201, WHvX64RegisterMsrMtrrPhysMask0, 0xfc0000800, 0xfff000000, {0x801, 1ull << 60}},
    {0x20e, WHvX64RegisterMsrMtrrPhysBase7, 0xc0000004, 0x1005, {0x3, 0x1f05}},
    {0x20f, WHvX64RegisterMsrMtrrPhysMask7, 0xff8000800, 0, {0x400, 1ull << 63}},
    FIXED(0x250, WHvX64RegisterMsrMtrrFix64k00000),
    FIXED(0x258, WHvX64RegisterMsrMtrrFix16k80000),
    FIXED(0x259, WHvX64RegisterMsrMtrrFix16kA0000),
    FIXED(0x268, WHvX64RegisterMsrMtrrFix4kC0000),
    FIXED(0x269, WHvX64RegisterMsrMtrrFix4kC8000),
    FIXED(0x26a, WHvX64RegisterMsrMtrrFix4kD0000),
    FIXED(0x26b, WHvX64RegisterMsrMtrrFix4kD8000),
    FIXED(0x26c, WHvX64RegisterMsrMtrrFix4kE0000),
    FIXED(0x26d, WHvX64RegisterMsrMtrrFix4kE8000),
    FIXED(0x26e, WHvX64RegisterMsrMtrrFix4kF0000),
    FIXED(0x26f, WHvX64RegisterMsrMtrrFix4kF8000),
    {0x2ff, WHvX64RegisterMsrMtrrDefType, 0xc06, 0x800, {0x1000, 0x802}},
    {0xc0000080, WHvX64RegisterEfer, 0x501, 0xd01, {0x1500, 0x401}}, /* the latter: LME off while paging */
    {0xc0000081, WHvX64RegisterStar, 0x0023001000000000, 0xffffffffffffffff, {NONE, NONE}},
    {0xc0000082, WHvX64RegisterLstar, 0x7fff00003000, 0xffff800000003000, {0x0000800000000000, NONE}},
    {0xc0000083, WHvX64RegisterCstar, 0x7fff00004000, 0xffff800000004000, {0x7fff800000000000, NONE}},
    {0xc0000084, WHvX64RegisterSfmask, 0x47700, 0xffffffff, {0x100000000, NONE}},
    {0xc0000102, WHvX64RegisterKernelGsBase, 0x7fff00005000, 0xffff800000005000, {0x8000000000000000, NONE}},
    {0xc0000103, WHvX64RegisterTscAux, 0x12345678, 0xffffffff, {0x100000000, NONE}},
};

static bool has_msr(const struct msr *m)
{
    return m->number != 0xc0000103 || (cpu_cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_RDTSCP) != 0;
}

static uint32_t cpu_features_7(struct guest *g)
{
    WHV_CPUID_OUTPUT output = {0};
    CHECK_EQ(S_OK, WHvGetVirtualProcessorCpuidOutput(g->partition, 0, 7, 0, &output));
    return output.Ebx;
}

static void load(struct guest *g)
{
    START(g, GUEST_LONG, msr64);
    memcpy(g->ram + HANDLER_AT, payload_gp64, (size_t)(payload_gp64_end - payload_gp64));
    guest_idt(g, 0, GUEST_LONG, 13, HANDLER_AT);
}

static void start(struct guest *g)
{
    guest_create(g, 1, 0);
    load(g);
}

static void expect_port(struct guest *g, uint16_t port)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(port, r.IoPortAccess.PortNumber);
}

static void guest_write(struct guest *g, uint32_t number, uint64_t value, uint16_t port)
{
    guest_set(g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_set(g, 0, WHvX64RegisterRcx, number);
    guest_set(g, 0, WHvX64RegisterRax, value & 0xffffffff);
    guest_set(g, 0, WHvX64RegisterRdx, value >> 32);
    expect_port(g, port);
}

static uint64_t guest_read(struct guest *g, uint32_t number)
{
    guest_set(g, 0, WHvX64RegisterRip, RIP_OF(msr64, msr64_read));
    guest_set(g, 0, WHvX64RegisterRcx, number);
    expect_port(g, PORT_READ);
    return (uint32_t)guest_get(g, 0, WHvX64RegisterRax) | guest_get(g, 0, WHvX64RegisterRdx) << 32;
}

static void both_ways(void)
{
    struct guest g;
    start(&g);
    for (uint32_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        const struct msr *m = &msrs[i];
        if (!has_msr(m)) {
            continue;
        }
        guest_write(&g, m->number, m->first, PORT_WROTE);
        check_equal("register after the guest's write", m->first, guest_get(&g, 0, m->name));
        check_equal("what the guest reads back", m->first, guest_read(&g, m->number));
        guest_set(&g, 0, m->name, m->second);
        check_equal("what the guest reads of the client's", m->second, guest_read(&g, m->number));
        check_equal("register after the client's write", m->second, guest_get(&g, 0, m->name));
    }
    guest_destroy(&g);
}

static void reserved_bits(void)
{
    struct guest g;
    start(&g);
    for (uint32_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        const struct msr *m = &msrs[i];
        for (uint32_t k = 0; has_msr(m) && k < 2; k++) {
            if (m->bad[k] == NONE) {
                continue;
            }
            guest_set(&g, 0, m->name, m->first);
            guest_write(&g, m->number, m->bad[k], PORT_FAULT);
            check_equal("register after a write that faulted", m->first, guest_get(&g, 0, m->name));
        }
    }
    guest_destroy(&g);
}

/* The TSC goes on from what was written, whoever wrote it. */
static void tsc(void)
{
    const uint64_t value = 0x1234560000000000;
    struct guest g;
    start(&g);
    guest_write(&g, MSR_TSC, value, PORT_WROTE);
    CHECK(guest_get(&g, 0, WHvX64RegisterTsc) - value < TSC_MARGIN);
    CHECK(guest_read(&g, MSR_TSC) - value < TSC_MARGIN);
    guest_set(&g, 0, WHvX64RegisterTsc, 2 * value);
    CHECK(guest_read(&g, MSR_TSC) - 2 * value < TSC_MARGIN);
    uint64_t before = guest_read(&g, MSR_TSC);
    CHECK(guest_get(&g, 0, WHvX64RegisterTsc) > before);
    guest_destroy(&g);
}

static uint64_t adjust_of(struct guest *g)
{
    uint64_t value = guest_read(g, MSR_TSC_ADJUST);
    CHECK_EQ(value, guest_get(g, 0, WHvX64RegisterTscAdjust));
    return value;
}

/* How far the TSC has been moved, in whole AWAY; it also went on a little. */
static uint64_t tsc_moved(struct guest *g, uint64_t since)
{
    return (guest_read(g, MSR_TSC) - since + AWAY / 2) / AWAY * AWAY;
}

/* A guest's write of either moves both (SDM vol. 3B, 18.17.3); the client's registers are two. */
static void tsc_adjust(void)
{
    struct guest g;
    start(&g);
    CHECK((cpu_features_7(&g) & CPUID_7_EBX_TSC_ADJUST) != 0);
    CHECK_EQ(0, adjust_of(&g));
    uint64_t since = guest_read(&g, MSR_TSC);
    CHECK_EQ(0, adjust_of(&g)); /* time alone leaves it */
    guest_write(&g, MSR_TSC_ADJUST, 3 * AWAY, PORT_WROTE);
    CHECK_EQ(3 * AWAY, adjust_of(&g));
    CHECK_EQ(3 * AWAY, tsc_moved(&g, since));
    guest_write(&g, MSR_TSC_ADJUST, AWAY, PORT_WROTE); /* by the difference */
    CHECK_EQ(AWAY, adjust_of(&g));
    CHECK_EQ(AWAY, tsc_moved(&g, since));
    uint64_t by = 0 - guest_read(&g, MSR_TSC);
    guest_write(&g, MSR_TSC, 0, PORT_WROTE);
    CHECK(adjust_of(&g) - AWAY - by + TSC_MARGIN < 2 * TSC_MARGIN);
    since = guest_read(&g, MSR_TSC) - adjust_of(&g); /* the TSC that there would be without any write */
    guest_write(&g, MSR_TSC_ADJUST, 0 - AWAY, PORT_WROTE);
    CHECK_EQ(0 - AWAY, adjust_of(&g));
    CHECK_EQ(0 - AWAY, tsc_moved(&g, since));
    guest_set(&g, 0, WHvX64RegisterTscAdjust, 5 * AWAY);
    CHECK_EQ(5 * AWAY, adjust_of(&g));
    CHECK_EQ(0 - AWAY, tsc_moved(&g, since));
    guest_set(&g, 0, WHvX64RegisterTsc, since);
    guest_set(&g, 0, WHvX64RegisterTscVirtualOffset, guest_get(&g, 0, WHvX64RegisterTscVirtualOffset) + AWAY);
    CHECK_EQ(5 * AWAY, adjust_of(&g));
    CHECK_EQ(AWAY, tsc_moved(&g, since));
    CHECK_EQ(S_OK, WHvResetPartition(g.partition));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterTscAdjust));
    guest_destroy(&g);
}

/* Without the feature there is no such MSR, whose accesses are the client's or fault. */
static void tsc_adjust_hidden(void)
{
    const UINT32 one = 1;
    WHV_PROCESSOR_FEATURES_BANKS banks;
    struct guest g;
    guest_create(&g, 1, 0);
    guest_destroy(&g); /* leaves its RAM */
    CHECK_EQ(S_OK, WHvCreatePartition(&g.partition));
    CHECK_EQ(S_OK, WHvGetPartitionProperty(g.partition, WHvPartitionPropertyCodeProcessorFeaturesBanks, &banks,
                                           sizeof(banks), NULL));
    CHECK_EQ(1, banks.Bank1.TscAdjustSupport);
    banks.Bank1.TscAdjustSupport = 0;
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeProcessorFeaturesBanks, &banks,
                                           sizeof(banks)));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeProcessorCount, &one, sizeof(one)));
    CHECK_EQ(S_OK, WHvSetupPartition(g.partition));
    CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram, 0, GUEST_RAM,
                                  WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(g.partition, 0, 0));
    load(&g);
    CHECK_EQ(0, cpu_features_7(&g) & CPUID_7_EBX_TSC_ADJUST);
    guest_write(&g, MSR_TSC_ADJUST, 1, PORT_FAULT);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(msr64, msr64_read));
    guest_set(&g, 0, WHvX64RegisterRcx, MSR_TSC_ADJUST);
    expect_port(&g, PORT_FAULT);
    guest_destroy(&g);
}

/* Read only to the guest: fast strings on, no BTS, no PEBS. */
static void misc_enable(void)
{
    const uint64_t fixed = 0x1801;
    struct guest g;
    start(&g);
    CHECK_EQ(fixed, guest_read(&g, 0x1a0));
    guest_write(&g, 0x1a0, 1ull << 34, PORT_WROTE);
    CHECK_EQ(fixed, guest_read(&g, 0x1a0));
    guest_destroy(&g);
}

const struct scenario scenarios_guest_msrs[] = {
    {"guest-msr/both-ways", 1, both_ways},
    {"guest-msr/reserved-bits", 1, reserved_bits},
    {"guest-msr/tsc", 1, tsc},
    {"guest-msr/tsc-adjust", 1, tsc_adjust},
    {"guest-msr/tsc-adjust-hidden", 1, tsc_adjust_hidden},
    {"guest-msr/misc-enable", 1, misc_enable},
    {0},
};
