/* SPDX-License-Identifier: MIT */
/*
 * The instruction emulator finishes the memory and port accesses of real guests. What it did to a device must be what
 * the processor does to RAM with the same code.
 */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(emulate16);
DECLARE_PAYLOAD(emulate32);
DECLARE_PAYLOAD(emulate64);
DECLARE_PAYLOAD(emulate_ports);
DECLARE_PAYLOAD(emulate_edges);

#define DEVICE_AT 0xb8000u
#define END_OF_RAM GUEST_RAM
#define ALIAS 0x40000000u /* guest.c: there the guest's first 2 MiB are mapped again */
#define RAM_AT 0x20000u
#define LOG_AT 0x30000u
#define OTHER_LOG_AT 0x40000u
#define LOG_STRIDE 16u
#define FLAGS_COMPARED 0x8c5u
#define CR4_PAE_OSFXSR 0x220u
#define STEPS 33u /* but the last, which logs the address */

/* A guest with two pages of device memory, at DEVICE_AT and behind the RAM, and ports that count. */
struct emulated {
    struct guest guest;
    uint32_t vp;
    WHV_EMULATOR_HANDLE emulator;
    uint8_t device[2 * ROOT_PAGE];
    uint32_t memory_calls, port_calls, sets, emulations;
    uint8_t port_bytes[8];
    uint32_t port_written;
};

static uint8_t *memory_of(struct emulated *m, uint64_t gpa)
{
    if (gpa / ROOT_PAGE == DEVICE_AT / ROOT_PAGE) {
        return m->device + gpa % ROOT_PAGE;
    }
    if (gpa / ROOT_PAGE == END_OF_RAM / ROOT_PAGE) {
        return m->device + ROOT_PAGE + gpa % ROOT_PAGE;
    }
    return gpa < GUEST_RAM ? m->guest.ram + gpa : NULL;
}

static HRESULT on_memory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *info)
{
    struct emulated *m = context;
    uint8_t *at = memory_of(m, info->GpaAddress);
    m->memory_calls++;
    if (at == NULL) {
        return E_INVALIDARG;
    }
    memcpy(info->Direction == 0 ? info->Data : at, info->Direction == 0 ? at : info->Data, info->AccessSize);
    return S_OK;
}

static HRESULT on_port(void *context, WHV_EMULATOR_IO_ACCESS_INFO *info)
{
    struct emulated *m = context;
    if (info->Direction == 0) {
        info->Data = 0x80818283u + m->port_calls;
    } else if (info->AccessSize == 1) {
        m->port_bytes[m->port_calls % sizeof(m->port_bytes)] = (uint8_t)info->Data;
    } else {
        m->port_written = info->Data;
    }
    m->port_calls++;
    return S_OK;
}

static HRESULT on_get(void *context, const WHV_REGISTER_NAME *names, uint32_t count, WHV_REGISTER_VALUE *values)
{
    struct emulated *m = context;
    return WHvGetVirtualProcessorRegisters(m->guest.partition, m->vp, names, count, values);
}

static HRESULT on_set(void *context, const WHV_REGISTER_NAME *names, uint32_t count, const WHV_REGISTER_VALUE *values)
{
    struct emulated *m = context;
    m->sets++;
    return WHvSetVirtualProcessorRegisters(m->guest.partition, m->vp, names, count, values);
}

/* The page tables of guest.c, or none. */
static HRESULT on_translate(void *context, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                            WHV_TRANSLATE_GVA_RESULT_CODE *result, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    (void)context;
    (void)flags;
    *gpa = gva >= ALIAS && gva < ALIAS + GUEST_RAM ? gva - ALIAS : gva;
    *result = *gpa < ALIAS ? WHvTranslateGvaResultSuccess : WHvTranslateGvaResultPageNotPresent;
    return S_OK;
}

static const WHV_EMULATOR_CALLBACKS callbacks = {
    sizeof(callbacks), 0, on_port, on_memory, on_get, on_set, on_translate,
};

static void begin(struct emulated *m, enum guest_mode mode, const uint8_t *payload, const uint8_t *end)
{
    memset(m, 0, sizeof(*m));
    guest_create(&m->guest, 1, 0);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(m->guest.partition, DEVICE_AT, ROOT_PAGE));
    CHECK_EQ(S_OK, WHvEmulatorCreateEmulator(&callbacks, &m->emulator));
    records_start(&m->guest, mode, payload, end);
}

static void finish(struct emulated *m)
{
    CHECK_EQ(S_OK, WHvEmulatorDestroyEmulator(m->emulator));
    guest_destroy(&m->guest);
}

static WHV_EMULATOR_STATUS emulate(struct emulated *m, const WHV_RUN_VP_EXIT_CONTEXT *r)
{
    WHV_EMULATOR_STATUS status = {0};
    m->emulations++;
    if (r->ExitReason == WHvRunVpExitReasonMemoryAccess) {
        CHECK_EQ(S_OK, WHvEmulatorTryMmioEmulation(m->emulator, m, &r->VpContext, &r->MemoryAccess, &status));
    } else {
        CHECK_EQ(S_OK, WHvEmulatorTryIoEmulation(m->emulator, m, &r->VpContext, &r->IoPortAccess, &status));
    }
    return status;
}

static HRESULT run(struct emulated *m, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    HRESULT hr;
    do {
        hr = WHvRunVirtualProcessor(m->guest.partition, m->vp, r, sizeof(*r));
        if (hr == WHB_HR_INTERRUPTED) {
            __asm__ volatile("sti; nop; cli" : : : "memory");
        }
    } while (hr == WHB_HR_INTERRUPTED);
    return hr;
}

/* Until HLT, every other exit through the emulator; false: one of them failed. */
static bool run_emulated(struct emulated *m)
{
    struct whb_emulator_report report;
    WHV_RUN_VP_EXIT_CONTEXT r;
    for (;;) {
        CHECK_EQ(S_OK, run(m, &r));
        if (r.ExitReason == WHvRunVpExitReasonX64Halt) {
            return true;
        }
        if (r.ExitReason != WHvRunVpExitReasonMemoryAccess && r.ExitReason != WHvRunVpExitReasonX64IoPortAccess) {
            check_equal("ExitReason", WHvRunVpExitReasonMemoryAccess, r.ExitReason);
            return false;
        }
        WHV_EMULATOR_STATUS status = emulate(m, &r);
        if (!status.EmulationSuccessful) {
            CHECK_EQ(S_OK, whb_emulator_report(m->emulator, &report));
            root_printf("[emulator] status 0x%x at 0x%lx: %s\n", status.AsUINT32, r.VpContext.Rip, report.instruction);
            check_equal("status", 1, status.AsUINT32);
            return false;
        }
    }
}

static void video_memory_in_real_mode(void)
{
    static struct emulated m;
    begin(&m, GUEST_REAL, payload_emulate16, payload_emulate16_end);
    CHECK(run_emulated(&m));
    CHECK_EQ(0x41, m.device[0]);
    CHECK_EQ(0x1f, m.device[3]);
    CHECK_EQ(0x41, m.device[158]);
    CHECK_EQ(1, m.device[160]);
    CHECK_EQ(0x0741, guest_get(&m.guest, 0, WHvX64RegisterRbx) & 0xffff);
    CHECK_EQ(1, m.guest.ram[0x3009] == m.device[158] && m.guest.ram[0x3001] == m.device[150]);
    CHECK_EQ(m.emulations, m.sets);
    finish(&m);
}

/* One run of SEQUENCE with the given places of its data and its log. */
static void run_sequence(struct emulated *m, enum guest_mode mode, uint64_t data, uint64_t log)
{
    guest_enter_mode(&m->guest, 0, mode, PAYLOAD_AT);
    if (mode == GUEST_LONG) {
        guest_set(&m->guest, 0, WHvX64RegisterCr4, CR4_PAE_OSFXSR);
    }
    guest_set(&m->guest, 0, WHvX64RegisterRflags, 2);
    guest_set(&m->guest, 0, WHvX64RegisterRbx, data);
    guest_set(&m->guest, 0, WHvX64RegisterRbp, log);
    guest_set(&m->guest, 0, WHvX64RegisterRcx, 0);
    CHECK(run_emulated(m));
}

static void compare_logs(struct emulated *m, uint64_t difference)
{
    const uint8_t *native = m->guest.ram + LOG_AT, *emulated = m->guest.ram + OTHER_LOG_AT;
    uint64_t flags[2], values[2];
    for (unsigned i = 0; i < STEPS; i++) {
        memcpy(&flags[0], native + i * LOG_STRIDE, 8);
        memcpy(&flags[1], emulated + i * LOG_STRIDE, 8);
        memcpy(&values[0], native + i * LOG_STRIDE + 8, 8);
        memcpy(&values[1], emulated + i * LOG_STRIDE + 8, 8);
        if (((flags[0] ^ flags[1]) & FLAGS_COMPARED) != 0 || values[0] != values[1]) {
            root_printf("[emulator] step %u: flags 0x%lx and 0x%lx, rax 0x%lx and 0x%lx\n", i, flags[0], flags[1],
                        values[0], values[1]);
        }
        CHECK_EQ(flags[0] & FLAGS_COMPARED, flags[1] & FLAGS_COMPARED);
        CHECK_EQ(values[0], values[1]);
    }
    memcpy(&values[0], native + STEPS * LOG_STRIDE + 8, 8);
    memcpy(&values[1], emulated + STEPS * LOG_STRIDE + 8, 8);
    CHECK_EQ(difference, values[1] - values[0]);
}

static void same_as_ram(struct emulated *m, enum guest_mode mode, uint64_t device)
{
    const WHV_REGISTER_NAME names[] = {WHvX64RegisterRax, WHvX64RegisterRcx,  WHvX64RegisterRdx,
                                       WHvX64RegisterR15, WHvX64RegisterXmm3, WHvX64RegisterXmm4};
    WHV_REGISTER_VALUE native[6], emulated[6];
    run_sequence(m, mode, RAM_AT, LOG_AT);
    CHECK_EQ(0, m->emulations);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(m->guest.partition, 0, names, 6, native));
    run_sequence(m, mode, device, OTHER_LOG_AT);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(m->guest.partition, 0, names, 6, emulated));
    CHECK(m->emulations > STEPS);
    CHECK_EQ(m->emulations, m->sets);
    CHECK_EQ(0, memcmp(native, emulated, sizeof(native)));
    CHECK_EQ(0, memcmp(m->device, m->guest.ram + RAM_AT, 128));
    compare_logs(m, device - RAM_AT);
}

static void device_as_ram_in_protected_mode(void)
{
    static struct emulated m;
    begin(&m, GUEST_PROTECTED, payload_emulate32, payload_emulate32_end);
    same_as_ram(&m, GUEST_PROTECTED, DEVICE_AT);
    finish(&m);
}

static void device_as_ram_in_long_mode(void)
{
    static struct emulated m;
    begin(&m, GUEST_LONG, payload_emulate64, payload_emulate64_end);
    same_as_ram(&m, GUEST_LONG, ALIAS + DEVICE_AT);
    finish(&m);
}

static void ports_in_long_mode(void)
{
    static struct emulated m;
    begin(&m, GUEST_LONG, payload_emulate_ports, payload_emulate_ports_end);
    memcpy(m.guest.ram + 0x2000, "string", 6);
    CHECK(run_emulated(&m));
    CHECK_EQ(0, memcmp(m.port_bytes, "string", 6));
    CHECK_EQ(0, memcmp(m.guest.ram + 0x3000, "\x89\x82\x8a\x82\x8b\x82", 6));
    CHECK_EQ(0x80818283u + 11, guest_get(&m.guest, 0, WHvX64RegisterRax));
    CHECK_EQ(0x80818283u + 11, m.port_written);
    CHECK_EQ(0xffffffffffff828d, guest_get(&m.guest, 0, WHvX64RegisterRbx));
    CHECK_EQ(0x2006, guest_get(&m.guest, 0, WHvX64RegisterRsi));
    CHECK_EQ(0x3006, guest_get(&m.guest, 0, WHvX64RegisterRdi));
    CHECK_EQ(6, m.emulations);
    finish(&m);
}

static void crossing_into_a_device_and_unsupported(void)
{
    static struct emulated m;
    struct whb_emulator_report report;
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin(&m, GUEST_LONG, payload_emulate_edges, payload_emulate_edges_end);
    guest_set(&m.guest, 0, WHvX64RegisterRax, 0x8877665544332211);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(S_OK, run(&m, &r));
        CHECK_EQ(WHvRunVpExitReasonMemoryAccess, r.ExitReason);
        CHECK_EQ(1, emulate(&m, &r).AsUINT32);
        CHECK_EQ(2 * (i + 1), m.memory_calls);
    }
    CHECK_EQ(0, memcmp(m.guest.ram + END_OF_RAM - 4, "\x11\x22\x33\x44", 4));
    CHECK_EQ(0, memcmp(m.device + ROOT_PAGE, "\x55\x66\x77\x88", 4));
    CHECK_EQ(0x8877665544332211, guest_get(&m.guest, 0, WHvX64RegisterRcx));
    CHECK_EQ(S_OK, run(&m, &r));
    CHECK_EQ(2, emulate(&m, &r).AsUINT32);
    CHECK_EQ(S_OK, whb_emulator_report(m.emulator, &report));
    CHECK_EQ(0, strcmp("fld dword ptr [0x200000]", report.instruction));
    CHECK_EQ(2, m.sets);
    finish(&m);
}

struct twin {
    struct emulated m;
    bool done;
};

static void twin_main(void *arg)
{
    struct twin *t = arg;
    t->done = run_emulated(&t->m);
}

static void twin_begin(struct twin *t, const struct guest *g, uint32_t vp)
{
    memset(t, 0, sizeof(*t));
    t->m.guest = *g;
    t->m.vp = vp;
    CHECK_EQ(S_OK, WHvEmulatorCreateEmulator(&callbacks, &t->m.emulator));
}

/* Two VPs in different modes on two CPUs, each with its emulator. */
static void two_emulators_at_once(void)
{
    static struct twin twins[2];
    struct guest g;
    guest_create(&g, 2, 0);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, DEVICE_AT, ROOT_PAGE));
    for (unsigned round = 0; round < 5; round++) {
        guest_load(&g, 0, payload_emulate16, payload_emulate16_end, PAYLOAD_AT);
        guest_load(&g, 1, payload_emulate32, payload_emulate32_end, 2 * PAYLOAD_AT);
        guest_enter_mode(&g, 1, GUEST_PROTECTED, 2 * PAYLOAD_AT);
        guest_set(&g, 1, WHvX64RegisterRbx, DEVICE_AT);
        guest_set(&g, 1, WHvX64RegisterRbp, LOG_AT);
        guest_set(&g, 1, WHvX64RegisterRsp, 0x9000);
        twin_begin(&twins[0], &g, 0);
        twin_begin(&twins[1], &g, 1);
        root_run_on(1, twin_main, &twins[1]);
        twin_main(&twins[0]);
        CHECK(root_wait(1, 1ull << 34));
        CHECK(twins[0].done && twins[1].done);
        CHECK_EQ(0x41, twins[0].m.device[158]);
        CHECK_EQ(0x34, twins[1].m.device[60]);
        CHECK_EQ(S_OK, WHvEmulatorDestroyEmulator(twins[0].m.emulator));
        CHECK_EQ(S_OK, WHvEmulatorDestroyEmulator(twins[1].m.emulator));
    }
    guest_destroy(&g);
}

const struct scenario scenarios_emulator[] = {
    {"emulator/video-memory-real-mode", 1, video_memory_in_real_mode},
    {"emulator/device-as-ram-protected-mode", 1, device_as_ram_in_protected_mode},
    {"emulator/device-as-ram-long-mode", 1, device_as_ram_in_long_mode},
    {"emulator/ports-long-mode", 1, ports_in_long_mode},
    {"emulator/crossing-and-unsupported", 1, crossing_into_a_device_and_unsupported},
    {"emulator/two-at-once", 2, two_emulators_at_once},
    {NULL, 0, NULL},
};
