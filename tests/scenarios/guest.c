/* SPDX-License-Identifier: MIT */
/* The guests of the scenarios. */
#include "tests/scenarios/scenario.h"

#define GDT_AT 0x7000u
#define IDT_AT 0x6000u
#define TABLES_AT 0x100000u
#define STACK_AT 0x8000u
#define CODE_32 0x08u
#define DATA 0x10u
#define CODE_64 0x18u

#define CR0_PE 1u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u
#define EFER_LME_LMA 0x500u

static uint8_t *ram_block;

static void must(HRESULT hr, const char *what)
{
    if (FAILED(hr)) {
        root_printf("FAIL scenario set-up: %s gave 0x%x\n[scenario] done\n0 passed, 1 failed\n", what, (uint32_t)hr);
        root_power_off(1);
    }
}

void guest_create(struct guest *g, uint32_t vps, uint64_t exits)
{
    guest_create_apic(g, vps, exits, WHvX64LocalApicEmulationModeNone);
}

void guest_create_apic(struct guest *g, uint32_t vps, uint64_t exits, WHV_X64_LOCAL_APIC_EMULATION_MODE mode)
{
    if (ram_block == NULL) {
        ram_block = root_alloc_pages(GUEST_RAM / ROOT_PAGE, GUEST_RAM);
    }
    g->ram = ram_block;
    g->vps = vps;
    memset(g->ram, 0, GUEST_RAM);
    must(WHvCreatePartition(&g->partition), "WHvCreatePartition");
    must(WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeProcessorCount, &vps, sizeof(vps)), "count");
    must(WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeExtendedVmExits, &exits, sizeof(exits)),
         "exits");
    must(WHvSetPartitionProperty(g->partition, WHvPartitionPropertyCodeLocalApicEmulationMode, &mode, sizeof(mode)),
         "local APIC");
    must(WHvSetupPartition(g->partition), "WHvSetupPartition");
    must(WHvMapGpaRange(g->partition, g->ram, 0, GUEST_RAM,
                        WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute),
         "WHvMapGpaRange");
    for (uint32_t i = 0; i < vps; i++) {
        must(WHvCreateVirtualProcessor(g->partition, i, 0), "WHvCreateVirtualProcessor");
    }
}

void guest_destroy(struct guest *g)
{
    for (uint32_t i = 0; i < g->vps; i++) {
        CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(g->partition, i));
    }
    CHECK_EQ(S_OK, WHvDeletePartition(g->partition));
}

uint64_t guest_get(struct guest *g, uint32_t vp, WHV_REGISTER_NAME name)
{
    WHV_REGISTER_VALUE value = {0};
    must(WHvGetVirtualProcessorRegisters(g->partition, vp, &name, 1, &value), "get register");
    return value.Reg64;
}

void guest_set(struct guest *g, uint32_t vp, WHV_REGISTER_NAME name, uint64_t value)
{
    WHV_REGISTER_VALUE v = {0};
    v.Reg64 = value;
    must(WHvSetVirtualProcessorRegisters(g->partition, vp, &name, 1, &v), "set register");
}

static void set_segment(struct guest *g, uint32_t vp, WHV_REGISTER_NAME name, uint16_t selector, uint16_t attributes,
                        uint32_t limit)
{
    WHV_REGISTER_VALUE v = {0};
    v.Segment.Selector = selector;
    v.Segment.Attributes = attributes;
    v.Segment.Limit = limit;
    must(WHvSetVirtualProcessorRegisters(g->partition, vp, &name, 1, &v), "set segment");
}

static void set_table(struct guest *g, uint32_t vp, WHV_REGISTER_NAME name, uint64_t base, uint16_t limit)
{
    WHV_REGISTER_VALUE v = {0};
    v.Table.Base = base;
    v.Table.Limit = limit;
    must(WHvSetVirtualProcessorRegisters(g->partition, vp, &name, 1, &v), "set table");
}

void guest_load(struct guest *g, uint32_t vp, const void *begin, const void *end, uint32_t at)
{
    memcpy(g->ram + at, begin, (size_t)((const uint8_t *)end - (const uint8_t *)begin));
    set_segment(g, vp, WHvX64RegisterCs, 0, 0x9b, 0xffff);
    guest_set(g, vp, WHvX64RegisterRsp, STACK_AT);
    guest_set(g, vp, WHvX64RegisterRip, at);
}

static void put_qword(struct guest *g, uint64_t at, uint64_t value)
{
    memcpy(g->ram + at, &value, sizeof(value));
}

static void build_gdt(struct guest *g)
{
    put_qword(g, GDT_AT + CODE_32, 0x00cf9b000000ffff);
    put_qword(g, GDT_AT + DATA, 0x00cf93000000ffff);
    put_qword(g, GDT_AT + CODE_64, 0x00af9b000000ffff);
}

/* 2 MiB pages for [0, 1 GiB) onto itself, and for the first 2 MiB at 1 GiB onto 0. */
static void build_tables(struct guest *g, enum guest_mode mode)
{
    uint64_t present = 3, pml4 = TABLES_AT, pdpt = TABLES_AT + 0x1000, pd = TABLES_AT + 0x2000;
    if (mode == GUEST_LONG) {
        put_qword(g, pml4, pdpt | present);
    } else {
        present = 1; /* PAE: the writable bit of a PDPTE is reserved */
    }
    put_qword(g, pdpt, pd | present);
    put_qword(g, pdpt + 8, (pd + 0x1000) | present);
    for (uint64_t i = 0; i < 512; i++) {
        put_qword(g, pd + 8 * i, (i << 21) | 0x83);
    }
    put_qword(g, pd + 0x1000, 0x83);
}

void guest_enter_mode(struct guest *g, uint32_t vp, enum guest_mode mode, uint64_t rip)
{
    if (mode == GUEST_REAL) {
        guest_set(g, vp, WHvX64RegisterRip, rip);
        return;
    }
    const WHV_REGISTER_NAME data[] = {WHvX64RegisterDs, WHvX64RegisterEs, WHvX64RegisterSs, WHvX64RegisterFs,
                                      WHvX64RegisterGs};
    bool paged = mode != GUEST_PROTECTED;
    build_gdt(g);
    set_table(g, vp, WHvX64RegisterGdtr, GDT_AT, 0x1f);
    set_table(g, vp, WHvX64RegisterIdtr, IDT_AT, 0);
    if (paged) {
        build_tables(g, mode);
        guest_set(g, vp, WHvX64RegisterCr3, mode == GUEST_LONG ? TABLES_AT : TABLES_AT + 0x1000);
        guest_set(g, vp, WHvX64RegisterCr4, CR4_PAE);
    }
    if (mode == GUEST_LONG) {
        guest_set(g, vp, WHvX64RegisterEfer, EFER_LME_LMA);
    }
    guest_set(g, vp, WHvX64RegisterCr0, 0x30 | CR0_PE | (paged ? CR0_PG : 0));
    set_segment(g, vp, WHvX64RegisterCs, mode == GUEST_LONG ? CODE_64 : CODE_32, mode == GUEST_LONG ? 0xa09b : 0xc09b,
                0xffffffff);
    for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        set_segment(g, vp, data[i], DATA, 0xc093, 0xffffffff);
    }
    guest_set(g, vp, WHvX64RegisterRsp, STACK_AT);
    guest_set(g, vp, WHvX64RegisterRip, rip);
}

void guest_idt(struct guest *g, uint32_t vp, enum guest_mode mode, unsigned vector, uint64_t handler)
{
    switch (mode) {
    case GUEST_REAL: {
        uint32_t entry = (uint32_t)handler;
        memcpy(g->ram + IDT_AT + 4 * (size_t)vector, &entry, sizeof(entry));
        set_table(g, vp, WHvX64RegisterIdtr, IDT_AT, 0x3ff);
        break;
    }
    case GUEST_LONG:
        put_qword(g, IDT_AT + 16 * (uint64_t)vector,
                  (handler & 0xffff) | (CODE_64 << 16) | 0x8e00ull << 32 | (handler >> 16 & 0xffff) << 48);
        put_qword(g, IDT_AT + 16 * (uint64_t)vector + 8, handler >> 32);
        set_table(g, vp, WHvX64RegisterIdtr, IDT_AT, 0xfff);
        break;
    default:
        put_qword(g, IDT_AT + 8 * (uint64_t)vector,
                  (handler & 0xffff) | (CODE_32 << 16) | 0x8e00ull << 32 | (handler >> 16 & 0xffff) << 48);
        set_table(g, vp, WHvX64RegisterIdtr, IDT_AT, 0x7ff);
    }
}

void guest_run(struct guest *g, uint32_t vp, WHV_RUN_VP_EXIT_CONTEXT *record, WHV_RUN_VP_EXIT_REASON reason)
{
    HRESULT hr;
    for (;;) {
        memset(record, 0xa5, sizeof(*record));
        hr = WHvRunVirtualProcessor(g->partition, vp, record, sizeof(*record));
        if (hr != WHB_HR_INTERRUPTED) {
            break;
        }
        __asm__ volatile("sti; nop; cli" : : : "memory");
    }
    CHECK_EQ(S_OK, hr);
    check_equal("ExitReason", (uint64_t)reason, (uint64_t)record->ExitReason);
    check_equal("Reserved", 0, record->Reserved);
}

void guest_diagnostics(struct guest *g, uint32_t vp, struct whb_vp_diagnostics *d)
{
    HRESULT hr;
    for (;;) {
        hr = whb_vp_diagnostics(g->partition, vp, d);
        if (hr != WHB_HR_INTERRUPTED) {
            break;
        }
        __asm__ volatile("sti; nop; cli" : : : "memory");
    }
    CHECK_EQ(S_OK, hr);
}

void guest_skip(struct guest *g, uint32_t vp, const WHV_RUN_VP_EXIT_CONTEXT *record)
{
    guest_set(g, vp, WHvX64RegisterRip, record->VpContext.Rip + record->VpContext.InstructionLength);
}

void guest_advance(struct guest *g, uint32_t vp, uint64_t length)
{
    guest_set(g, vp, WHvX64RegisterRip, guest_get(g, vp, WHvX64RegisterRip) + length);
}

void check_zero_tail(const WHV_RUN_VP_EXIT_CONTEXT *record, uint32_t from)
{
    const uint8_t *bytes = (const uint8_t *)record;
    for (uint32_t i = from; i < sizeof(*record); i++) {
        check_equal("byte outside the reason's context", 0, bytes[i]);
    }
}
