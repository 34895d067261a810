/* SPDX-License-Identifier: MIT */
/*
 * The register writes of a client that keeps the whole state itself, as QEMU does: one batch of 69 names, and those
 * that it writes alone. Each is accepted and reads back as it was written.
 */
#include "tests/scenarios/records.h"

#define MOST 80u
#define ATTRIBUTES_AT 48u

struct batch {
    uint32_t count;
    WHV_REGISTER_NAME names[MOST];
    WHV_REGISTER_VALUE values[MOST], came[MOST];
};

static struct batch batch;

static void put(WHV_REGISTER_NAME name, uint64_t low, uint64_t high)
{
    batch.names[batch.count] = name;
    batch.values[batch.count].Reg128 = (WHV_UINT128){.Low64 = low, .High64 = high};
    batch.count++;
}

static void put_segment(WHV_REGISTER_NAME name, uint64_t base, uint32_t limit, uint16_t selector, uint16_t attributes)
{
    put(name, base, limit | (uint64_t)selector << 32 | (uint64_t)attributes << ATTRIBUTES_AT);
}

/* The state after reset, but for the general registers; x87, MMX and SSE have something in them. */
static void fill_batch(uint64_t apic_base)
{
    static const WHV_REGISTER_NAME data[] = {WHvX64RegisterEs, WHvX64RegisterSs, WHvX64RegisterDs, WHvX64RegisterFs,
                                             WHvX64RegisterGs};
    batch.count = 0;
    for (uint32_t i = 0; i < 16; i++) {
        put((WHV_REGISTER_NAME)(WHvX64RegisterRax + i), 0x1234567800000000 + i, 0);
    }
    put(WHvX64RegisterRip, 0xfff0, 0);
    put(WHvX64RegisterRflags, 2, 0);
    put_segment(WHvX64RegisterCs, 0xffff0000, 0xffff, 0xf000, 0x9b);
    for (uint32_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        put_segment(data[i], 0, 0xffff, 0, 0x93);
    }
    put_segment(WHvX64RegisterLdtr, 0, 0xffff, 0, 0x82);
    put_segment(WHvX64RegisterTr, 0, 0xffff, 0, 0x8b);
    put(WHvX64RegisterIdtr, 0xffffull << 48, 0);
    put(WHvX64RegisterGdtr, 0xffffull << 48, 0);
    put(WHvX64RegisterCr0, 0x60000010, 0);
    put(WHvX64RegisterCr2, 0, 0);
    put(WHvX64RegisterCr3, 0, 0);
    put(WHvX64RegisterCr4, 0, 0);
    put(WHvX64RegisterCr8, 0, 0);
    for (uint32_t i = 0; i < 16; i++) {
        put((WHV_REGISTER_NAME)(WHvX64RegisterXmm0 + i), i * 3, i * 7);
    }
    for (uint32_t i = 0; i < 8; i++) {
        put((WHV_REGISTER_NAME)(WHvX64RegisterFpMmx0 + i), 0x8000000000000000 + i, 0x3fff);
    }
    put(WHvX64RegisterFpControlStatus, 0xff0000037f, 0);
    put(WHvX64RegisterXmmControlStatus, 0, 0xffff00001f80);
    put(WHvX64RegisterEfer, 0, 0);
    put(WHvX64RegisterKernelGsBase, 0, 0);
    put(WHvX64RegisterApicBase, apic_base, 0);
    put(WHvX64RegisterSysenterCs, 0, 0);
    put(WHvX64RegisterSysenterEip, 0, 0);
    put(WHvX64RegisterSysenterEsp, 0, 0);
    put(WHvX64RegisterStar, 0, 0);
    put(WHvX64RegisterLstar, 0, 0);
    put(WHvX64RegisterCstar, 0, 0);
    put(WHvX64RegisterSfmask, 0, 0);
}

static void check_batch(struct guest *g, uint32_t vp)
{
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, vp, batch.names, batch.count, batch.values));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g->partition, vp, batch.names, batch.count, batch.came));
    for (uint32_t i = 0; i < batch.count; i++) {
        bool mxcsr = batch.names[i] == WHvX64RegisterXmmControlStatus; /* its mask is the processor's */
        CHECK_EQ(batch.values[i].Reg128.Low64, batch.came[i].Reg128.Low64);
        CHECK_EQ(mxcsr ? (uint32_t)batch.values[i].Reg128.High64 : batch.values[i].Reg128.High64,
                 mxcsr ? (uint32_t)batch.came[i].Reg128.High64 : batch.came[i].Reg128.High64);
    }
}

/* What QEMU writes by itself, before and between runs. */
static void check_alone(struct guest *g, uint32_t vp)
{
    static const struct {
        WHV_REGISTER_NAME name;
        uint64_t value;
    } rows[] = {
        {WHvX64RegisterXCr0, 1},
        {WHvRegisterInterruptState, 0},
        {WHvRegisterInterruptState, 2},
        {WHvX64RegisterPendingDebugException, 0},
        {WHvRegisterPendingInterruption, 0},
        {WHvRegisterPendingEvent, 0},
        {WHvRegisterDeliverabilityNotifications, 2},
        {WHvRegisterDeliverabilityNotifications, 0},
        {WHvRegisterInternalActivityState, 0},
        {WHvX64RegisterCr8, 7},
        {WHvX64RegisterRflags, 0x202},
        {WHvX64RegisterRip, 0x100},
    };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_set(g, vp, rows[i].name, rows[i].value);
        CHECK_EQ(rows[i].value, guest_get(g, vp, rows[i].name));
    }
    guest_set(g, vp, WHvX64RegisterInitialApicId, vp);
    guest_set(g, vp, WHvX64RegisterTsc, 0);
}

static void reset_state(void)
{
    struct guest g;
    guest_create(&g, 2, 0);
    for (uint32_t vp = 0; vp < 2; vp++) {
        fill_batch(vp == 0 ? 0xfee00900 : 0xfee00800);
        CHECK_EQ(69, batch.count);
        check_batch(&g, vp);
        check_alone(&g, vp);
    }
    guest_destroy(&g);
    guest_create_apic(&g, 1, 0, WHvX64LocalApicEmulationModeXApic);
    fill_batch(0xfee00900);
    check_batch(&g, 0);
    check_alone(&g, 0);
    guest_destroy(&g);
}

/* Where the client has the local APIC it keeps its mode too: x2APIC, disabled, elsewhere. */
static void apic_base(void)
{
    static const struct {
        uint64_t value;
        HRESULT result;
    } rows[] = {
        {0xfee00d00, S_OK},
        {0xfee00c00, S_OK},
        {0xfee00000, S_OK},
        {0xfec00900, S_OK},
        {0xfee00500, WHB_HR_INVALID_PARAMETER}, /* EXTD without EN is a state that there is not */
        {1ull << 60 | 0xfee00900, WHB_HR_INVALID_PARAMETER},
    };
    struct guest g;
    const WHV_REGISTER_NAME name = WHvX64RegisterApicBase;
    guest_create(&g, 1, 0);
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        WHV_REGISTER_VALUE value = {.Reg64 = rows[i].value};
        uint64_t before = guest_get(&g, 0, name);
        CHECK_EQ(rows[i].result, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &value));
        CHECK_EQ(rows[i].result == S_OK ? rows[i].value : before, guest_get(&g, 0, name));
    }
    guest_destroy(&g);
}

/* A guest that writes back what it reads of IA32_APIC_BASE changes nothing and gets no fault. */
static void apic_base_by_guest(void)
{
    static const uint8_t code[] = {
        0x66, 0xb9, 0x1b, 0, 0, 0, /* mov $0x1b, %ecx */
        0x0f, 0x32,                /* rdmsr */
        0x0f, 0x30,                /* wrmsr */
        0xf4,
    };
    static const uint64_t values[] = {0xfee00900, 0xfee00d00, 0xfee00c00, 0xfee00000};
    for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct guest g;
        WHV_RUN_VP_EXIT_CONTEXT r;
        guest_create(&g, 1, 0);
        records_start(&g, GUEST_REAL, code, code + sizeof(code));
        guest_set(&g, 0, WHvX64RegisterApicBase, values[i]);
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
        CHECK_EQ(PAYLOAD_AT + sizeof(code), r.VpContext.Rip);
        CHECK_EQ(values[i], guest_get(&g, 0, WHvX64RegisterRax) & UINT32_MAX);
        CHECK_EQ(values[i], guest_get(&g, 0, WHvX64RegisterApicBase));
        guest_destroy(&g);
    }
}

const struct scenario scenarios_client_registers[] = {
    {"registers/as-qemu-writes-them", 1, reset_state},
    {"registers/apic-base-of-the-client", 1, apic_base},
    {"registers/apic-base-by-the-guest", 1, apic_base_by_guest},
    {0},
};
