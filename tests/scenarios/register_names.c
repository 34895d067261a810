/* SPDX-License-Identifier: MIT */
/* Every register name of WHP: those that are there can be read and set to what was read, the others are unknown. */
#include "tests/scenarios/records.h"

struct names {
    uint32_t first, last;
};

/* docs/conformance.tsv has the names, and why the others are absent. */
static const struct names there[] = {
    {WHvX64RegisterRax, WHvX64RegisterXCr0},
    {WHvX64RegisterXmm0, WHvX64RegisterXmmControlStatus},
    {WHvX64RegisterTsc, WHvX64RegisterMsrMtrrDefType},
    {WHvX64RegisterMsrMtrrPhysBase0, WHvX64RegisterMsrMtrrPhysBaseF},
    {WHvX64RegisterMsrMtrrPhysMask0, WHvX64RegisterMsrMtrrPhysMaskF},
    {WHvX64RegisterMsrMtrrFix64k00000, WHvX64RegisterMsrMtrrFix4kF8000},
    {WHvX64RegisterTscAux, WHvX64RegisterTscAux},
    {WHvX64RegisterSpecCtrl, WHvX64RegisterPredCmd},
    {WHvX64RegisterTscVirtualOffset, WHvX64RegisterTscVirtualOffset},
    {WHvX64RegisterTscAdjust, WHvX64RegisterTscAdjust},
    {WHvRegisterPendingInterruption, WHvRegisterPendingEvent},
    {WHvRegisterDeliverabilityNotifications, WHvX64RegisterPendingDebugException},
};

/* With a local APIC. */
static const struct names there_apic[] = {
    {WHvX64RegisterApicId, WHvX64RegisterApicVersion},
    {WHvX64RegisterApicTpr, WHvX64RegisterApicTpr},
    {WHvX64RegisterApicPpr, WHvX64RegisterApicEoi},
    {WHvX64RegisterApicLdr, WHvX64RegisterApicLdr},
    {WHvX64RegisterApicSpurious, WHvX64RegisterApicEse},
    {WHvX64RegisterApicIcr, WHvX64RegisterApicIcr},
    {WHvX64RegisterApicLvtTimer, WHvX64RegisterApicCurrentCount},
    {WHvX64RegisterApicDivide, WHvX64RegisterApicSelfIpi},
    {WHvX64RegisterTscDeadline, WHvX64RegisterTscDeadline},
};

/* Where the names of WHP are, and some numbers around them. */
static const struct names regions[] = {
    {0, 0x40},        {0xff0, 0x1030},  {0x1ff0, 0x20d0},         {0x2ff0, 0x3050},
    {0x3ff0, 0x4030}, {0x4ff0, 0x5070}, {0x7ffffff0, 0x80000010}, {0xfffffff0, 0xfffffffe},
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool within(const struct names *list, unsigned count, uint32_t name)
{
    for (unsigned i = 0; i < count; i++) {
        if (name >= list[i].first && name <= list[i].last) {
            return true;
        }
    }
    return false;
}

static void check_name(struct guest *g, uint32_t number, bool known, bool settable)
{
    const WHV_REGISTER_NAME name = (WHV_REGISTER_NAME)number;
    WHV_REGISTER_VALUE v = {0};
    HRESULT expected = known ? S_OK : WHV_E_INVALID_VP_REGISTER_NAME;
    HRESULT came = WHvGetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v);
    if (came != expected) {
        check_equal("name, reading", number, 0);
    }
    CHECK_EQ(expected, came);
    if (!known || settable) {
        came = WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v);
        if (came != expected) {
            check_equal("name, setting", number, 0);
        }
        CHECK_EQ(expected, came);
    }
}

static void check_all(struct guest *g, bool apic)
{
    for (unsigned i = 0; i < COUNT(regions); i++) {
        for (uint32_t name = regions[i].first; name <= regions[i].last; name++) {
            bool plain = within(there, COUNT(there), name);
            check_name(g, name, plain || (apic && within(there_apic, COUNT(there_apic), name)), plain);
        }
    }
}

static void every_name(void)
{
    struct guest g;
    guest_create(&g, 1, 0);
    check_all(&g, false);
    guest_destroy(&g);
    guest_create_apic(&g, 1, 0, WHvX64LocalApicEmulationModeX2Apic);
    check_all(&g, true);
    guest_destroy(&g);
}

/* Each general register, segment, debug register and MTRR holds its own value beside all the others'. */
static void no_two_are_one(void)
{
    static WHV_REGISTER_NAME names[256];
    static WHV_REGISTER_VALUE values[256], back[256];
    static const struct names lists[] = {
        {WHvX64RegisterRax, WHvX64RegisterR15},
        {WHvX64RegisterDr0, WHvX64RegisterDr3},
        {WHvX64RegisterXmm0, WHvX64RegisterXmm15},
        {WHvX64RegisterMsrMtrrPhysBase0, WHvX64RegisterMsrMtrrPhysBaseF},
        {WHvX64RegisterMsrMtrrPhysMask0, WHvX64RegisterMsrMtrrPhysMaskF},
        {WHvX64RegisterMsrMtrrFix64k00000, WHvX64RegisterMsrMtrrFix4kF8000},
    };
    struct guest g;
    uint32_t count = 0;
    for (unsigned i = 0; i < COUNT(lists); i++) {
        for (uint32_t name = lists[i].first; name <= lists[i].last; name++) {
            names[count] = (WHV_REGISTER_NAME)name;
            values[count].Reg64 = 0x1000ull * (count + 1);
            count++;
        }
    }
    guest_create(&g, 1, 0);
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, names, count, values));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, names, count, back));
    CHECK_EQ(0, memcmp(values, back, count * sizeof(values[0])));
    guest_destroy(&g);
}

const struct scenario scenarios_register_names[] = {
    {"registers/every-name", 1, every_name},
    {"registers/no-two-are-one", 1, no_two_are_one},
    {0},
};
