/* SPDX-License-Identifier: MIT */
#include "root/bench/guest.h"

#define GDT_AT 0x7000u
#define IDT_AT 0x6000u
#define TABLES_AT 0x100000u
#define STACK_AT 0x8000u
#define CODE_SELECTOR 0x18u
#define DATA_SELECTOR 0x10u
#define CR0_PE_PG 0x80000031u
#define CR4_PAE_OSFXSR 0x220u
#define EFER_LME_LMA 0x500u
#define APIC_BASE_X2APIC 0xfee00d00u

static uint8_t *ram_block;

static bool step(struct guest *g, const char *name, const char *what, HRESULT hr)
{
    if (SUCCEEDED(hr)) {
        return true;
    }
    bench_failed(name, what, hr);
    if (g->partition != NULL) {
        (void)WHvDeletePartition(g->partition);
        g->partition = NULL;
    }
    return false;
}

static HRESULT set_property(struct guest *g, WHV_PARTITION_PROPERTY_CODE code, const void *value, uint32_t size)
{
    return WHvSetPartitionProperty(g->partition, code, value, size);
}

static bool set_properties(struct guest *g, const char *name, const struct guest_options *o)
{
    WHV_X64_LOCAL_APIC_EMULATION_MODE mode =
        o->apic ? WHvX64LocalApicEmulationModeX2Apic : WHvX64LocalApicEmulationModeNone;
    return step(g, name, "processor count",
                set_property(g, WHvPartitionPropertyCodeProcessorCount, &g->vps, sizeof(g->vps))) &&
           step(g, name, "exits",
                set_property(g, WHvPartitionPropertyCodeExtendedVmExits, &o->exits, sizeof(o->exits))) &&
           (o->exceptions == 0 || step(g, name, "exceptions",
                                       set_property(g, WHvPartitionPropertyCodeExceptionExitBitmap, &o->exceptions,
                                                    sizeof(o->exceptions)))) &&
           step(g, name, "local APIC",
                set_property(g, WHvPartitionPropertyCodeLocalApicEmulationMode, &mode, sizeof(mode)));
}

bool guest_has_apics(void)
{
    WHV_CAPABILITY c;
    UINT32 size;
    return WHvGetCapability(WHvCapabilityCodeFeatures, &c, sizeof(c), &size) == S_OK && c.Features.LocalApicEmulation;
}

bool guest_wants(const char *name, bool apic)
{
    return bench_wants(name) && (!apic || guest_has_apics());
}

bool guest_create(struct guest *g, const char *name, const struct guest_options *options)
{
    memset(g, 0, sizeof(*g));
    if (options->ram == NULL && ram_block == NULL) {
        ram_block = root_alloc_pages(GUEST_RAM / ROOT_PAGE, GUEST_RAM);
    }
    g->ram = options->ram != NULL ? options->ram : ram_block;
    g->vps = options->vps == 0 ? 1 : options->vps;
    if (!step(g, name, "memory", g->ram != NULL ? S_OK : E_OUTOFMEMORY)) {
        return false;
    }
    memset(g->ram, 0, GUEST_RAM);
    if (!step(g, name, "WHvCreatePartition", WHvCreatePartition(&g->partition)) || !set_properties(g, name, options) ||
        !step(g, name, "WHvSetupPartition", WHvSetupPartition(g->partition)) ||
        !step(g, name, "WHvMapGpaRange",
              WHvMapGpaRange(g->partition, g->ram, 0, GUEST_RAM,
                             WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute))) {
        return false;
    }
    for (uint32_t i = 0; i < g->vps; i++) {
        if (!step(g, name, "WHvCreateVirtualProcessor", WHvCreateVirtualProcessor(g->partition, i, 0))) {
            return false;
        }
    }
    return !options->apic || guest_set(g, 0, WHvX64RegisterApicBase, APIC_BASE_X2APIC);
}

void guest_destroy(struct guest *g)
{
    HRESULT hr = WHvDeletePartition(g->partition);
    if (FAILED(hr)) {
        bench_failed("guest_destroy", "WHvDeletePartition", hr);
    }
    g->partition = NULL;
}

bool guest_set(struct guest *g, uint32_t vp, WHV_REGISTER_NAME name, uint64_t value)
{
    WHV_REGISTER_VALUE v = {0};
    v.Reg64 = value;
    HRESULT hr = WHvSetVirtualProcessorRegisters(g->partition, vp, &name, 1, &v);
    if (FAILED(hr)) {
        bench_failed("guest_set", "WHvSetVirtualProcessorRegisters", hr);
    }
    return SUCCEEDED(hr);
}

static void put_qword(struct guest *g, uint64_t at, uint64_t value)
{
    memcpy(g->ram + at, &value, sizeof(value));
}

/* 2 MiB pages for the first 1 GiB, onto itself. */
static void build_tables(struct guest *g)
{
    put_qword(g, GDT_AT + DATA_SELECTOR, 0x00cf93000000ffff);
    put_qword(g, GDT_AT + CODE_SELECTOR, 0x00af9b000000ffff);
    put_qword(g, TABLES_AT, (TABLES_AT + 0x1000) | 3);
    put_qword(g, TABLES_AT + 0x1000, (TABLES_AT + 0x2000) | 3);
    for (uint64_t i = 0; i < 512; i++) {
        put_qword(g, TABLES_AT + 0x2000 + 8 * i, (i << 21) | 0x83);
    }
}

static void set_segment(WHV_REGISTER_VALUE *v, uint16_t selector, uint16_t attributes)
{
    v->Segment.Selector = selector;
    v->Segment.Attributes = attributes;
    v->Segment.Limit = 0xffffffff;
}

bool guest_load(struct guest *g, uint32_t vp, const uint8_t *begin, const uint8_t *end)
{
    const WHV_REGISTER_NAME names[] = {WHvX64RegisterCr3, WHvX64RegisterCr4, WHvX64RegisterEfer, WHvX64RegisterCr0,
                                       WHvX64RegisterCs,  WHvX64RegisterDs,  WHvX64RegisterEs,   WHvX64RegisterSs,
                                       WHvX64RegisterRsp, WHvX64RegisterRip, WHvX64RegisterGdtr, WHvX64RegisterIdtr};
    WHV_REGISTER_VALUE v[12] = {0};
    memcpy(g->ram + GUEST_CODE, begin, (size_t)(end - begin));
    build_tables(g);
    v[0].Reg64 = TABLES_AT;
    v[1].Reg64 = CR4_PAE_OSFXSR;
    v[2].Reg64 = EFER_LME_LMA;
    v[3].Reg64 = CR0_PE_PG;
    set_segment(&v[4], CODE_SELECTOR, 0xa09b);
    for (unsigned i = 5; i < 8; i++) {
        set_segment(&v[i], DATA_SELECTOR, 0xc093);
    }
    v[8].Reg64 = STACK_AT;
    v[9].Reg64 = GUEST_CODE;
    v[10].Table.Base = GDT_AT;
    v[10].Table.Limit = 0x1f;
    v[11].Table.Base = IDT_AT;
    v[11].Table.Limit = 0xfff;
    HRESULT hr = WHvSetVirtualProcessorRegisters(g->partition, vp, names, 12, v);
    if (FAILED(hr)) {
        bench_failed("guest_load", "WHvSetVirtualProcessorRegisters", hr);
    }
    return SUCCEEDED(hr);
}

void guest_handler(struct guest *g, unsigned vector, uint32_t at, const uint8_t *begin, const uint8_t *end)
{
    memcpy(g->ram + at, begin, (size_t)(end - begin));
    put_qword(g, IDT_AT + 16 * (uint64_t)vector,
              (at & 0xffff) | (CODE_SELECTOR << 16) | 0x8e00ull << 32 | (uint64_t)(at >> 16) << 48);
}

volatile uint64_t *guest_counter(const struct guest *g, uint32_t index)
{
    return (volatile uint64_t *)(void *)(g->ram + GUEST_COUNTERS) + index;
}

enum bench_verdict guest_judge(const struct guest *g, WHV_RUN_VP_EXIT_REASON reason)
{
    if (g->hr == WHB_HR_INTERRUPTED) {
        __asm__ volatile("sti; nop; cli" : : : "memory");
        return BENCH_DISCARD;
    }
    return g->hr == S_OK && g->record.ExitReason == reason ? BENCH_GOOD : BENCH_FAILED;
}
