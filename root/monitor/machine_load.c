/* SPDX-License-Identifier: MIT */
/* From a guest's files to its first instruction. */
#include "root/devices/acpi_tables.h"
#include "root/lib/string.h"
#include "root/monitor/e820.h"
#include "root/monitor/host.h"
#include "root/monitor/load_linux.h"
#include "root/monitor/load_multiboot.h"
#include "root/monitor/load_pvh.h"
#include "root/monitor/machine_devices.h"

#define ACPI_AT 0xe0000u
#define ACPI_SIZE 0x10000u

#define CR0_START 0x31u /* PE, ET, NE */
#define CR0_PAGING 0x80000000u
#define CR4_PAE 0x20u
#define EFER_LMA_LME 0x500u
#define ATTRIBUTES_DATA 0xc093u
#define ATTRIBUTES_CODE32 0xc09bu
#define ATTRIBUTES_CODE64 0xa09bu
#define ATTRIBUTES_REAL 0x93u
#define ATTRIBUTES_TSS32 0x8bu
#define REGISTERS_MAX 24u
#define SPURIOUS_ENABLED 0x1ffu
#define LVT_LEVEL 0x8000u
#define LVT_EXTINT 0x700u
#define LVT_NMI 0x400u

struct batch {
    WHV_REGISTER_NAME names[REGISTERS_MAX];
    WHV_REGISTER_VALUE values[REGISTERS_MAX];
    uint32_t count;
};

static void put(struct batch *b, WHV_REGISTER_NAME name, uint64_t value)
{
    b->names[b->count] = name;
    memset(&b->values[b->count], 0, sizeof(b->values[0]));
    b->values[b->count++].Reg64 = value;
}

static void put_segment(struct batch *b, WHV_REGISTER_NAME name, uint16_t selector, uint32_t limit, uint16_t attributes)
{
    put(b, name, 0);
    WHV_X64_SEGMENT_REGISTER *s = &b->values[b->count - 1].Segment;
    s->Base = 0;
    s->Selector = selector;
    s->Limit = limit;
    s->Attributes = attributes;
}

static void put_segments(struct batch *b, const struct boot_state *s, uint16_t code, uint16_t data, uint32_t limit)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterDs, WHvX64RegisterEs, WHvX64RegisterSs, WHvX64RegisterFs,
                                              WHvX64RegisterGs};
    put_segment(b, WHvX64RegisterCs, s->code, limit, code);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        put_segment(b, names[i], s->data, limit, data);
    }
}

static void put_protected(struct batch *b, const struct boot_state *s)
{
    bool is_long = s->mode == BOOT_LONG;
    put_segments(b, s, is_long ? ATTRIBUTES_CODE64 : ATTRIBUTES_CODE32, ATTRIBUTES_DATA, 0xffffffff);
    put_segment(b, WHvX64RegisterTr, 0, 0x67, ATTRIBUTES_TSS32);
    put(b, WHvX64RegisterGdtr, 0);
    b->values[b->count - 1].Table.Base = s->gdt;
    b->values[b->count - 1].Table.Limit = (uint16_t)s->gdt_limit;
    put(b, WHvX64RegisterCr0, CR0_START | (is_long ? CR0_PAGING : 0));
    if (is_long) {
        put(b, WHvX64RegisterCr3, s->cr3);
        put(b, WHvX64RegisterCr4, CR4_PAE);
        put(b, WHvX64RegisterEfer, EFER_LMA_LME);
    }
}

static const char *set_start(struct machine *m, const struct boot_state *s)
{
    struct batch b = {.count = 0};
    if (s->mode == BOOT_RESET) {
        return NULL; /* how every VP is created */
    }
    put(&b, WHvX64RegisterRip, s->rip);
    put(&b, WHvX64RegisterRflags, 2);
    put(&b, WHvX64RegisterRsp, s->rsp);
    put(&b, WHvX64RegisterRax, s->rax);
    put(&b, WHvX64RegisterRbx, s->rbx);
    put(&b, WHvX64RegisterRdx, s->rdx);
    put(&b, WHvX64RegisterRsi, s->rsi);
    if (s->mode == BOOT_REAL) {
        struct boot_state flat = *s;
        flat.code = 0;
        flat.data = 0;
        put_segments(&b, &flat, ATTRIBUTES_REAL | 8u, ATTRIBUTES_REAL, 0xffff);
    } else {
        put_protected(&b, s);
    }
    /* As firmware leaves it: INTR and NMI through LINT0 and LINT1, virtual wire mode (MP specification, 3.6.2.2). */
    put(&b, WHvX64RegisterApicSpurious, SPURIOUS_ENABLED);
    put(&b, WHvX64RegisterApicLvtLint0, LVT_LEVEL | LVT_EXTINT);
    put(&b, WHvX64RegisterApicLvtLint1, LVT_LEVEL | LVT_NMI);
    return SUCCEEDED(WHvSetVirtualProcessorRegisters(m->partition, 0, b.names, b.count, b.values))
               ? NULL
               : "its start registers were refused";
}

/* The tables stand where the BIOS area is, and the RSDP at its start. */
static uint64_t put_acpi(struct machine *m)
{
    struct acpi_machine a = machine_acpi(m);
    size_t size = acpi_tables_build(&a, ACPI_AT, m->memory.low + ACPI_AT, ACPI_SIZE);
    return size == 0 ? 0 : ACPI_AT;
}

static const char *load_kernel(struct machine *m, struct boot_state *state)
{
    const struct guest_config *c = m->config;
    struct e820_map map;
    uint64_t rsdp = put_acpi(m);
    e820_for_guest(&map, &m->memory);
    switch (c->kind) {
    case GUEST_LINUX:
        return load_linux(&m->memory, &c->main, c->initrd.data != NULL ? &c->initrd : NULL, c->command_line, &map, rsdp,
                          state);
    case GUEST_PVH:
        return load_pvh(&m->memory, &c->main, c->initrd.data != NULL ? &c->initrd : NULL, c->command_line, &map, rsdp,
                        state);
    default:
        if (load_multiboot_note(&c->main) != NULL) {
            machine_say(m, "%s", load_multiboot_note(&c->main));
        }
        return load_multiboot(&m->memory, &c->main, c->modules, c->module_count, c->command_line, &map, state);
    }
}

static const char *load_rom(struct machine *m, struct boot_state *state)
{
    const char *problem = load_firmware(&m->memory, &m->config->main, &m->firmware, state);
    if (problem != NULL) {
        return problem;
    }
    m->rom = m->rom == NULL ? host_alloc_memory(m->firmware.size) : m->rom;
    /* At a restart too: a page may be the copy of a step that did not end. */
    if (m->rom == NULL || FAILED(WHvMapGpaRange(m->partition, m->rom, m->firmware.base, m->firmware.size,
                                                WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagExecute))) {
        return "there is no memory for its firmware";
    }
    memcpy(m->rom, m->config->main.data, m->firmware.size);
    return machine_fill_fw_cfg(m);
}

const char *machine_load(struct machine *m)
{
    struct boot_state state;
    const char *problem;
    memset(&state, 0, sizeof(state));
    switch (m->config->kind) {
    case GUEST_FIRMWARE:
        problem = load_rom(m, &state);
        break;
    case GUEST_BOOTSECTOR:
        problem = load_boot_sector(&m->memory, &m->config->main, &state);
        break;
    default:
        problem = load_kernel(m, &state);
    }
    return problem != NULL ? problem : set_start(m, &state);
}

const char *machine_restart(struct machine *m)
{
    machine_lock(m);
    bus_reset(&m->ports);
    bus_reset(&m->mmio);
    m->alarm = DEVICE_NEVER;
    m->rom_step.vp = NULL;
    m->rom_step.count = 0;
    machine_unlock(m);
    if (FAILED(WHvResetPartition(m->partition))) {
        return "its partition cannot be reset";
    }
    return machine_load(m);
}
