/* SPDX-License-Identifier: MIT */
/* CPUID of a guest under its partition's lists and features, and what WHvGetVirtualProcessorCpuidOutput tells of it. */
#include "tests/scenarios/records.h"

#define CODE(name) WHvPartitionPropertyCode##name
#define EXIT_CPUID 1u
#define GP_HANDLER 0x1800u
#define SUBLEAF WHvX64CpuidResult2FlagSubleafSpecific
#define FOR_VP WHvX64CpuidResult2FlagVpSpecific
#define CR4_OSXSAVE (1u << 18)
#define CPUID_XSAVE (1u << 26)

DECLARE_PAYLOAD(gp16);

static const uint8_t cpuid_code[] = {0x0f, 0xa2, 0xf4};        /* CPUID, HLT */
static const uint8_t xsetbv_code[] = {0x0f, 0x01, 0xd1, 0xf4}; /* XSETBV, HLT */

/* A partition with two processors in which the caller sets what it likes; setup follows. */
static void begin(struct guest *g)
{
    const UINT32 vps = 2;
    guest_create(g, 1, 0); /* for its RAM */
    guest_destroy(g);
    CHECK_EQ(S_OK, WHvCreatePartition(&g->partition));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g->partition, CODE(ProcessorCount), &vps, sizeof(vps)));
    g->vps = vps;
}

static void finish_setup(struct guest *g)
{
    const WHV_MAP_GPA_RANGE_FLAGS all = WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute;
    CHECK_EQ(S_OK, WHvSetupPartition(g->partition));
    CHECK_EQ(S_OK, WHvMapGpaRange(g->partition, g->ram, 0, GUEST_RAM, all));
    for (uint32_t vp = 0; vp < g->vps; vp++) {
        CHECK_EQ(S_OK, WHvCreateVirtualProcessor(g->partition, vp, 0));
        guest_load(g, vp, cpuid_code, cpuid_code + sizeof(cpuid_code), PAYLOAD_AT);
    }
}

/* CPUID executed by the guest; the hypercall must tell the same. */
static WHV_CPUID_OUTPUT ask(struct guest *g, uint32_t vp, uint32_t leaf, uint32_t subleaf)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_CPUID_OUTPUT told = {1, 1, 1, 1};
    guest_set(g, vp, WHvX64RegisterRax, leaf);
    guest_set(g, vp, WHvX64RegisterRcx, subleaf);
    guest_set(g, vp, WHvX64RegisterRip, PAYLOAD_AT);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorCpuidOutput(g->partition, vp, leaf, subleaf, &told));
    guest_run(g, vp, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(told.Eax, guest_get(g, vp, WHvX64RegisterRax));
    CHECK_EQ(told.Ebx, guest_get(g, vp, WHvX64RegisterRbx));
    CHECK_EQ(told.Ecx, guest_get(g, vp, WHvX64RegisterRcx));
    CHECK_EQ(told.Edx, guest_get(g, vp, WHvX64RegisterRdx));
    return told;
}

static void plain_output(void)
{
    static const uint32_t leaves[] = {0, 1, 2, 4, 6, 7, 0xb, 0xd, 0x15, 0x16, 0x40000000, 0x80000000, 0x80000007};
    struct guest g;
    begin(&g);
    finish_setup(&g);
    for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        for (uint32_t subleaf = 0; subleaf < 2; subleaf++) {
            (void)ask(&g, 1, leaves[i], subleaf);
        }
    }
    for (uint32_t vp = 0; vp < 2; vp++) {
        CHECK_EQ(vp, ask(&g, vp, 1, 0).Ebx >> 24);
        CHECK_EQ(vp, ask(&g, vp, 0xb, 0).Edx);
        CHECK_EQ(vp, ask(&g, vp, 0xb, 1).Edx);
    }
    WHV_CPUID_OUTPUT out;
    CHECK_EQ(WHV_E_VP_DOES_NOT_EXIST, WHvGetVirtualProcessorCpuidOutput(g.partition, 2, 0, 0, &out));
    guest_destroy(&g);
}

/* Masks, subleaves, VPs; of two entries for the same bits the later one is right. */
static void result_list_2(void)
{
    static const WHV_X64_CPUID_RESULT2 list[] = {
        {.Function = 0x40000003, .Output = {1, 2, 3, 4}, .Mask = {~0u, ~0u, ~0u, ~0u}},
        {.Function = 0x40000003, .Index = 1, .Flags = SUBLEAF, .Output.Eax = 0x11, .Mask.Eax = ~0u},
        {.Function = 0x40000003, .VpIndex = 1, .Flags = FOR_VP, .Output.Ebx = 0x2200, .Mask.Ebx = 0xff00},
        {.Function = 0x40000003,
         .Index = 2,
         .VpIndex = 1,
         .Flags = (WHV_X64_CPUID_RESULT2_FLAGS)(SUBLEAF | FOR_VP),
         .Output.Edx = 0x44,
         .Mask.Edx = ~0u},
        {.Function = 1, .Output.Ecx = 0, .Mask.Ecx = 1},
    };
    struct guest g;
    begin(&g);
    WHV_X64_CPUID_RESULT2 bad = {.Flags = (WHV_X64_CPUID_RESULT2_FLAGS)4};
    CHECK_EQ(E_INVALIDARG, WHvSetPartitionProperty(g.partition, CODE(CpuidResultList2), &bad, sizeof(bad)));
    CHECK_EQ(E_INVALIDARG, WHvSetPartitionProperty(g.partition, CODE(CpuidResultList2), list, sizeof(list) - 1));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, CODE(CpuidResultList2), list, sizeof(list)));
    finish_setup(&g);
    CHECK_EQ(WHB_HR_INVALID_STATE, WHvSetPartitionProperty(g.partition, CODE(CpuidResultList2), list, sizeof(list)));
    for (uint32_t vp = 0; vp < 2; vp++) {
        for (uint32_t subleaf = 0; subleaf < 3; subleaf++) {
            WHV_CPUID_OUTPUT r = ask(&g, vp, 0x40000003, subleaf);
            CHECK_EQ(subleaf == 1 ? 0x11 : 1, r.Eax);
            CHECK_EQ(vp == 1 ? 0x2202 : 2, r.Ebx);
            CHECK_EQ(3, r.Ecx);
            CHECK_EQ(subleaf == 2 && vp == 1 ? 0x44 : 4, r.Edx);
        }
    }
    CHECK_EQ(0, ask(&g, 0, 1, 0).Ecx & 1);
    CHECK_EQ(1, ask(&g, 0, 1, 0).Ecx >> 31);
    guest_destroy(&g);
}

/* 64 entries, the most there may be; one more is refused. */
static void longest_list(void)
{
    static WHV_X64_CPUID_RESULT2 list[65];
    struct guest g;
    begin(&g);
    for (uint32_t i = 0; i < 65; i++) {
        list[i] = (WHV_X64_CPUID_RESULT2){.Function = 0x40000100 + i, .Output.Eax = i + 1, .Mask.Eax = ~0u};
    }
    CHECK_EQ(E_INVALIDARG, WHvSetPartitionProperty(g.partition, CODE(CpuidResultList2), list, sizeof(list)));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, CODE(CpuidResultList2), list, 64 * sizeof(list[0])));
    finish_setup(&g);
    CHECK_EQ(1, ask(&g, 0, 0x40000100, 0).Eax);
    CHECK_EQ(64, ask(&g, 0, 0x4000013f, 0).Eax);
    CHECK_EQ(0, ask(&g, 0, 0x40000140, 0).Eax);
    guest_destroy(&g);
}

/* A leaf in both lists exits, with the changed result as default. */
static void both_lists(void)
{
    static const WHV_X64_CPUID_RESULT2 list[] = {{.Function = 7, .Output.Ebx = 0x1234, .Mask.Ebx = ~0u}};
    const WHV_EXTENDED_VM_EXITS exits = {.X64CpuidExit = 1};
    const UINT32 leaf = 7;
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_CPUID_OUTPUT out;
    begin(&g);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, CODE(ExtendedVmExits), &exits, sizeof(exits)));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, CODE(CpuidExitList), &leaf, sizeof(leaf)));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, CODE(CpuidResultList2), list, sizeof(list)));
    finish_setup(&g);
    guest_set(&g, 0, WHvX64RegisterRax, leaf);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Cpuid);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorCpuidOutput(g.partition, 0, leaf, 0, &out));
    CHECK_EQ(out.Eax, r.CpuidAccess.DefaultResultRax);
    CHECK_EQ(0x1234, r.CpuidAccess.DefaultResultRbx);
    CHECK_EQ(out.Ecx, r.CpuidAccess.DefaultResultRcx);
    CHECK_EQ(out.Edx, r.CpuidAccess.DefaultResultRdx);
    guest_destroy(&g);
}

/* Features that the client leaves out, and its cache line. */
static void hidden_features(void)
{
    WHV_PROCESSOR_FEATURES features;
    const UINT8 line = 4;
    struct guest g;
    begin(&g);
    CHECK_EQ(S_OK, WHvGetPartitionProperty(g.partition, CODE(ProcessorFeatures), &features, 8, NULL));
    CHECK_EQ(1, features.Sse3Support);
    features.Sse3Support = 0;
    features.LahfSahfSupport = 0;
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, CODE(ProcessorFeatures), &features, 8));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, CODE(ProcessorClFlushSize), &line, 1));
    finish_setup(&g);
    WHV_CPUID_OUTPUT r = ask(&g, 0, 1, 0);
    CHECK_EQ(0, r.Ecx & 1);
    CHECK_EQ(features.Ssse3Support, (r.Ecx >> 9) & 1);
    CHECK_EQ(2, (r.Ebx >> 8) & 0xff);
    CHECK_EQ(0, ask(&g, 0, 0x80000001, 0).Ecx & 1);
    guest_destroy(&g);
}

/* XSETBV in the guest: port 0x50 is the #GP handler's, or else the guest halts. */
static void check_xsetbv(struct guest *g, uint32_t value, bool faults)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_load(g, 0, xsetbv_code, xsetbv_code + sizeof(xsetbv_code), PAYLOAD_AT);
    memcpy(g->ram + GP_HANDLER, payload_gp16, (size_t)(payload_gp16_end - payload_gp16));
    guest_idt(g, 0, GUEST_REAL, 13, GP_HANDLER);
    guest_set(g, 0, WHvX64RegisterCr4, CR4_OSXSAVE);
    guest_set(g, 0, WHvX64RegisterRax, value);
    guest_set(g, 0, WHvX64RegisterRcx, 0);
    guest_set(g, 0, WHvX64RegisterRdx, 0);
    guest_run(g, 0, &r, faults ? WHvRunVpExitReasonX64IoPortAccess : WHvRunVpExitReasonX64Halt);
}

static void hidden_xsave(void)
{
    WHV_PROCESSOR_XSAVE_FEATURES offered, without;
    struct guest g;
    CHECK_EQ(S_OK, WHvGetCapability(WHvCapabilityCodeProcessorXsaveFeatures, &offered, sizeof(offered), NULL));
    if (!offered.XsaveSupport) {
        return;
    }
    without = offered;
    without.AvxSupport = 0;
    begin(&g);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, CODE(ProcessorXsaveFeatures), &without, sizeof(without)));
    finish_setup(&g);
    CHECK_EQ(CPUID_XSAVE, ask(&g, 0, 1, 0).Ecx & (CPUID_XSAVE | 1u << 28 | 1u << 12));
    CHECK_EQ(3, ask(&g, 0, 0xd, 0).Eax);
    CHECK_EQ(0, ask(&g, 0, 7, 0).Ebx & (1u << 5 | 1u << 16));
    check_xsetbv(&g, 3, false);
    check_xsetbv(&g, 7, true);
    guest_destroy(&g);
    begin(&g);
    without.AsUINT64 = 0;
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, CODE(ProcessorXsaveFeatures), &without, sizeof(without)));
    finish_setup(&g);
    CHECK_EQ(0, ask(&g, 0, 1, 0).Ecx & CPUID_XSAVE);
    CHECK_EQ(0, ask(&g, 0, 0xd, 0).Eax);
    check_xsetbv(&g, 1, true);
    guest_destroy(&g);
}

const struct scenario scenarios_cpuid_lists[] = {
    {"cpuid/output", 1, plain_output},
    {"cpuid/result-list-2", 1, result_list_2},
    {"cpuid/longest-list", 1, longest_list},
    {"cpuid/both-lists", 1, both_lists},
    {"cpuid/hidden-features", 1, hidden_features},
    {"cpuid/hidden-xsave", 1, hidden_xsave},
    {0},
};
