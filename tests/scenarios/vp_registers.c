/* SPDX-License-Identifier: MIT */
/* The register file: reset state, round trips, and batches that fail as a whole. */
#include "tests/scenarios/records.h"

struct reset_value {
    WHV_REGISTER_NAME name;
    uint64_t low, high;
};

#define SEGMENT(base, selector, attributes)                                                                            \
    (base), 0xffffull | (uint64_t)(selector) << 32 | (uint64_t)(attributes) << 48

/* After INIT or power-up: SDM vol. 3A, table 10-1. */
static const struct reset_value reset_values[] = {
    {WHvX64RegisterRax, 0, 0},
    {WHvX64RegisterRcx, 0, 0},
    {WHvX64RegisterRbx, 0, 0},
    {WHvX64RegisterRsp, 0, 0},
    {WHvX64RegisterRbp, 0, 0},
    {WHvX64RegisterRsi, 0, 0},
    {WHvX64RegisterRdi, 0, 0},
    {WHvX64RegisterR8, 0, 0},
    {WHvX64RegisterR15, 0, 0},
    {WHvX64RegisterRip, 0xfff0, 0},
    {WHvX64RegisterRflags, 2, 0},
    {WHvX64RegisterCs, SEGMENT(0xffff0000, 0xf000, 0x9b)},
    {WHvX64RegisterDs, SEGMENT(0, 0, 0x93)},
    {WHvX64RegisterEs, SEGMENT(0, 0, 0x93)},
    {WHvX64RegisterSs, SEGMENT(0, 0, 0x93)},
    {WHvX64RegisterFs, SEGMENT(0, 0, 0x93)},
    {WHvX64RegisterGs, SEGMENT(0, 0, 0x93)},
    {WHvX64RegisterLdtr, SEGMENT(0, 0, 0x82)},
    {WHvX64RegisterTr, SEGMENT(0, 0, 0x8b)},
    {WHvX64RegisterGdtr, 0xffffull << 48, 0},
    {WHvX64RegisterIdtr, 0xffffull << 48, 0},
    {WHvX64RegisterCr0, 0x60000010, 0},
    {WHvX64RegisterCr2, 0, 0},
    {WHvX64RegisterCr3, 0, 0},
    {WHvX64RegisterCr4, 0, 0},
    {WHvX64RegisterCr8, 0, 0},
    {WHvX64RegisterDr0, 0, 0},
    {WHvX64RegisterDr3, 0, 0},
    {WHvX64RegisterDr6, 0xffff0ff0, 0},
    {WHvX64RegisterDr7, 0x400, 0},
    {WHvX64RegisterXCr0, 1, 0},
    {WHvX64RegisterEfer, 0, 0},
    {WHvX64RegisterKernelGsBase, 0, 0},
    {WHvX64RegisterApicBase, 0xfee00900, 0},
    {WHvX64RegisterPat, 0x0007040600070406, 0},
    {WHvX64RegisterSysenterCs, 0, 0},
    {WHvX64RegisterSysenterEip, 0, 0},
    {WHvX64RegisterStar, 0, 0},
    {WHvX64RegisterLstar, 0, 0},
    {WHvX64RegisterSfmask, 0, 0},
    {WHvX64RegisterMsrMtrrDefType, 0, 0},
    {WHvX64RegisterXmm0, 0, 0},
    {WHvX64RegisterXmm15, 0, 0},
    {WHvX64RegisterFpMmx0, 0, 0},
    {WHvX64RegisterFpControlStatus, 0x40, 0},
    {WHvRegisterPendingInterruption, 0, 0},
    {WHvRegisterInterruptState, 0, 0},
    {WHvRegisterInternalActivityState, 0, 0},
};

static uint64_t high_of(const WHV_REGISTER_VALUE *v)
{
    return v->Reg128.High64;
}

static void reset_state(void)
{
    struct guest g;
    WHV_REGISTER_VALUE v;
    guest_create(&g, 1, 0);
    for (unsigned i = 0; i < sizeof(reset_values) / sizeof(reset_values[0]); i++) {
        const struct reset_value *e = &reset_values[i];
        memset(&v, 0xa5, sizeof(v));
        CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &e->name, 1, &v));
        CHECK_EQ(e->low, v.Reg64);
        CHECK_EQ(e->high, high_of(&v));
    }
    CHECK_EQ(cpu_cpuid(1, 0).eax, guest_get(&g, 0, WHvX64RegisterRdx));
    WHV_REGISTER_NAME mxcsr = WHvX64RegisterXmmControlStatus;
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &mxcsr, 1, &v));
    CHECK_EQ(0x1f80, v.XmmControlStatus.XmmStatusControl);
    guest_destroy(&g);
}

/* Names whose value comes back as written, and a value that they can hold. */
static const struct reset_value round_trips[] = {
    {WHvX64RegisterRax, 0x1111111111111111, 0},
    {WHvX64RegisterRsp, 0x2222222222222222, 0},
    {WHvX64RegisterR15, 0x3333333333333333, 0},
    {WHvX64RegisterRip, 0x4444, 0},
    {WHvX64RegisterRflags, 0x246, 0},
    {WHvX64RegisterEs, SEGMENT(0x12340, 0x1234, 0xf3)},
    {WHvX64RegisterGs, SEGMENT(0x56780, 0x5678, 0xc0f3)},
    {WHvX64RegisterLdtr, SEGMENT(0x1000, 0x28, 0x82)},
    {WHvX64RegisterTr, SEGMENT(0x2000, 0x30, 0x8b)},
    {WHvX64RegisterGdtr, 0x7full << 48, 0x7000},
    {WHvX64RegisterIdtr, 0xfffull << 48, 0x6000},
    {WHvX64RegisterCr0, 0x80000033, 0},
    {WHvX64RegisterCr2, 0xdeadbeef0000, 0},
    {WHvX64RegisterCr3, 0x100000, 0},
    {WHvX64RegisterCr4, 0x6a0, 0},
    {WHvX64RegisterCr8, 7, 0},
    {WHvX64RegisterDr0, 0x1234567890, 0},
    {WHvX64RegisterDr3, 0xffff800000001000, 0},
    {WHvX64RegisterDr6, 0xffff4ff0, 0},
    {WHvX64RegisterDr7, 0x401, 0},
    {WHvX64RegisterXCr0, 3, 0},
    {WHvX64RegisterXmm0, 0x0123456789abcdef, 0xfedcba9876543210},
    {WHvX64RegisterXmm15, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa},
    {WHvX64RegisterFpMmx3, 0x8000000000000001, 0x3fff},
    {WHvX64RegisterEfer, 0x901, 0},
    {WHvX64RegisterKernelGsBase, 0xffff888000000000, 0},
    {WHvX64RegisterPat, 0x0606060606060606, 0},
    {WHvX64RegisterSysenterCs, 0x10, 0},
    {WHvX64RegisterSysenterEip, 0xffffffff81000000, 0},
    {WHvX64RegisterSysenterEsp, 0xffffffff82000000, 0},
    {WHvX64RegisterStar, 0x0023001000000000, 0},
    {WHvX64RegisterLstar, 0xffffffff81800000, 0},
    {WHvX64RegisterCstar, 0xffffffff81900000, 0},
    {WHvX64RegisterSfmask, 0x47700, 0},
    {WHvX64RegisterMsrMtrrDefType, 0xc06, 0},
    {WHvX64RegisterMsrMtrrPhysBase7, 0x80000006, 0},
    {WHvX64RegisterMsrMtrrPhysMask0, 0xff80000800, 0},
    {WHvX64RegisterMsrMtrrFix4kF8000, 0x0606060606060606, 0},
    {WHvX64RegisterTscAux, 0x42, 0},
    {WHvRegisterPendingInterruption, 1 | (3u << 1) | (1u << 4) | (13u << 16) | (0x18ull << 32), 0},
    {WHvRegisterInterruptState, 3, 0},
    {WHvX64RegisterPendingDebugException, 0x1f, 0},
};
#define ROUND_TRIPS (sizeof(round_trips) / sizeof(round_trips[0]))

static void round_trip(void)
{
    struct guest g;
    WHV_REGISTER_NAME names[ROUND_TRIPS];
    WHV_REGISTER_VALUE values[ROUND_TRIPS], back[ROUND_TRIPS];
    memset(values, 0, sizeof(values));
    for (unsigned i = 0; i < ROUND_TRIPS; i++) {
        names[i] = round_trips[i].name;
        values[i].Reg128.Low64 = round_trips[i].low;
        values[i].Reg128.High64 = round_trips[i].high;
    }
    guest_create(&g, 1, 0);
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, names, ROUND_TRIPS, values));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, names, ROUND_TRIPS, back));
    for (unsigned i = 0; i < ROUND_TRIPS; i++) {
        check_equal("register, low half (its number is in the log's order)", round_trips[i].low, back[i].Reg128.Low64);
        check_equal("register, high half", round_trips[i].high, back[i].Reg128.High64);
    }
    guest_destroy(&g);
}

/* An unknown name or an impossible value anywhere in the batch: nothing is written. */
static void atomic_batches(void)
{
    static const struct reset_value bad[] = {
        {(WHV_REGISTER_NAME)0x7fff, 0, 0},
        {WHvX64RegisterCr8, 16, 0},
        {WHvX64RegisterCr4, 0x2000, 0}, /* VMXE */
        {WHvX64RegisterXCr0, 0, 0},
        {WHvX64RegisterLstar, 0x0000800000000000, 0},
        {WHvX64RegisterSfmask, 0x100000000, 0},
        {WHvX64RegisterKernelGsBase, 0x0000800000000000, 0},
        {WHvX64RegisterXmmControlStatus, 0, 0x10000},
        {WHvX64RegisterDr7, 0x100000400, 0},
        {WHvRegisterPendingInterruption, 1 | (1u << 1), 0},              /* no such type */
        {WHvRegisterPendingInterruption, 1 | (2u << 1) | (3u << 16), 0}, /* an NMI is vector 2 */
        {WHvRegisterInternalActivityState, 2, 0},
    };
    struct guest g;
    guest_create(&g, 1, 0);
    guest_set(&g, 0, WHvX64RegisterRbx, 0x77);
    guest_set(&g, 0, WHvX64RegisterCr3, 0x5000);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const WHV_REGISTER_NAME names[] = {WHvX64RegisterRbx, WHvX64RegisterCr3, bad[i].name};
        WHV_REGISTER_VALUE values[3] = {{.Reg64 = 1}, {.Reg64 = 0x9000}, {.Reg64 = 0}};
        values[2].Reg128.Low64 = bad[i].low;
        values[2].Reg128.High64 = bad[i].high;
        HRESULT expected = i == 0 ? WHV_E_INVALID_VP_REGISTER_NAME : WHB_HR_INVALID_PARAMETER;
        CHECK_EQ(expected, WHvSetVirtualProcessorRegisters(g.partition, 0, names, 3, values));
        CHECK_EQ(0x77, guest_get(&g, 0, WHvX64RegisterRbx));
        CHECK_EQ(0x5000, guest_get(&g, 0, WHvX64RegisterCr3));
    }
    const WHV_REGISTER_NAME unknown[] = {WHvX64RegisterCr3, (WHV_REGISTER_NAME)0x7fff};
    WHV_REGISTER_VALUE out[2];
    CHECK_EQ(WHV_E_INVALID_VP_REGISTER_NAME, WHvGetVirtualProcessorRegisters(g.partition, 0, unknown, 2, out));
    CHECK_EQ(WHV_E_VP_DOES_NOT_EXIST, WHvGetVirtualProcessorRegisters(g.partition, 5, unknown, 1, out));
    guest_destroy(&g);
}

static HRESULT try_set(struct guest *g, WHV_REGISTER_NAME name, uint64_t value)
{
    WHV_REGISTER_VALUE v = {0};
    v.Reg64 = value;
    return WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v);
}

/* Names whose value is what it is, and those without an MSR in the guest. */
static void more_names(void)
{
    struct guest g;
    guest_create(&g, 2, 0);
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterInitialApicId));
    CHECK_EQ(1, guest_get(&g, 1, WHvX64RegisterInitialApicId));
    CHECK(try_set(&g, WHvX64RegisterInitialApicId, 1) != S_OK);
    CHECK_EQ(S_OK, try_set(&g, WHvX64RegisterInitialApicId, 0));
    CHECK_EQ(S_OK, try_set(&g, WHvX64RegisterSpecCtrl, 0));
    CHECK(try_set(&g, WHvX64RegisterSpecCtrl, 1) != S_OK);
    CHECK(try_set(&g, WHvX64RegisterPredCmd, 1) != S_OK);
    for (uint32_t i = 0; i < 16; i++) {
        WHV_REGISTER_NAME base = (WHV_REGISTER_NAME)(WHvX64RegisterMsrMtrrPhysBase0 + i);
        WHV_REGISTER_NAME mask = (WHV_REGISTER_NAME)(WHvX64RegisterMsrMtrrPhysMask0 + i);
        CHECK_EQ(S_OK, try_set(&g, base, 0x1000 * (i + 1) + 6));
        CHECK_EQ(S_OK, try_set(&g, mask, 0x100000 * (i + 1)));
        CHECK_EQ(0x1000 * (i + 1) + 6, guest_get(&g, 0, base));
        CHECK_EQ(0x100000 * (i + 1), guest_get(&g, 0, mask));
    }
    guest_set(&g, 0, WHvX64RegisterTscVirtualOffset, 1ull << 50);
    CHECK_EQ(1ull << 50, guest_get(&g, 0, WHvX64RegisterTscVirtualOffset));
    CHECK(guest_get(&g, 0, WHvX64RegisterTsc) > 1ull << 50);
    guest_destroy(&g);
}

/* Both record sizes that clients have: 144 bytes of Windows 10 1803, 224 of later ones; less is refused. */
static void record_sizes(void)
{
    struct guest g;
    uint8_t record[256];
    const uint8_t code[] = {0xf4, 0xf4, 0xf4};
    guest_create(&g, 1, 0);
    records_start(&g, GUEST_REAL, code, code + sizeof(code));
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvRunVirtualProcessor(g.partition, 0, record, 143));
    CHECK_EQ(E_POINTER, WHvRunVirtualProcessor(g.partition, 0, NULL, 224));
    for (unsigned size = 144; size <= 224; size += 80) {
        memset(record, 0xa5, sizeof(record));
        cpu_sti();
        CHECK_EQ(S_OK, WHvRunVirtualProcessor(g.partition, 0, record, size));
        cpu_cli();
        CHECK_EQ(WHvRunVpExitReasonX64Halt, record[0]);
        CHECK_EQ(0, record[size - 1]);
        CHECK_EQ(0xa5, record[size]);
    }
    guest_destroy(&g);
}

const struct scenario scenarios_vp_registers[] = {
    {"registers/reset-state", 1, reset_state}, {"registers/round-trip", 1, round_trip},
    {"registers/more", 1, more_names},         {"registers/atomic-batches", 1, atomic_batches},
    {"run/record-sizes", 1, record_sizes},     {0},
};
