/* SPDX-License-Identifier: MIT */
/* Placing the root program and describing the machine to it. Boot CPU only, before any root VP runs. */
#include "abi/handoff.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/string.h"
#include "kernel/boot/elf64.h"
#include "kernel/boot/main.h"
#include "kernel/core/clock.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/memory/layout.h"
#include "vmm/root/root_map.h"
#include "vmm/root/root_vp.h"

#define GIB (1ull << 30)
#define MIB (1ull << 20)
#define PAGE_BYTES 4096ull
#define TABLE_ENTRIES 512ull
#define PTE_PRESENT_WRITE 3ull
#define PTE_LARGE (1ull << 7)
#define CPUID_80000001_EDX_1G (1u << 26)

static struct whb_handoff *handoff;

static void take(struct root_map *map, uint64_t base, uint64_t size, enum whb_memory_type type, const char *what)
{
    if (!root_map_take(map, base, size, type)) {
        kernel_stop("%s at 0x%llx overlaps other boot data: change the order or number of modules in grub.cfg.", what,
                    (unsigned long long)base);
    }
}

static void take_boot_data(struct root_map *map, const struct boot_info *info)
{
    take(map, memory_layout.image_base, memory_layout.image_size, WHB_MEMORY_HYPERVISOR, "The hypervisor");
    take(map, memory_layout.heap_base, memory_layout.heap_size, WHB_MEMORY_HYPERVISOR, "The heap");
    for (uint32_t i = 0; i < info->module_count; i++) {
        take(map, info->modules[i].start, info->modules[i].end - info->modules[i].start, WHB_MEMORY_MODULE, "A module");
    }
}

/* Returns what to add to the image's addresses. */
static uint64_t place_image(struct root_map *map, const struct boot_info *info, const struct elf_layout *elf)
{
    uint64_t start = elf->relocatable ? elf->virtual_start : elf->physical_start;
    uint64_t end = elf->relocatable ? elf->virtual_end : elf->physical_end;
    uint64_t base = start;
    if (elf->relocatable) {
        uint64_t alignment = elf->alignment < 2 * MIB ? 2 * MIB : elf->alignment;
        start &= ~(alignment - 1);
        base = root_map_find(map, info->ranges, info->range_count, 2 * MIB, end - start, alignment);
    } else if (!root_map_is_free(map, info->ranges, info->range_count, start, end - start)) {
        base = 0;
    }
    if (base == 0) {
        kernel_stop("There is no free memory for the root program (%llu KiB%s): give the machine more memory.",
                    (unsigned long long)((end - start) >> 10), elf->relocatable ? "" : " at its fixed address");
    }
    take(map, base, end - start, WHB_MEMORY_ROOT_IMAGE, "The root program");
    return base - start;
}

static void copy_image(const uint8_t *file, const struct elf_layout *elf, uint64_t delta)
{
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *s = &elf->segments[i];
        uint8_t *to = phys_to_virt((elf->relocatable ? s->virtual_address : s->physical_address) + delta);
        memcpy(to, file + s->file_offset, s->file_size);
        memset(to + s->file_size, 0, s->memory_size - s->file_size);
    }
}

/* The address of the entry point after placing: it lies in the segment that holds it, wherever that went. */
static uint64_t placed_entry(const struct elf_layout *elf, uint64_t delta)
{
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *s = &elf->segments[i];
        if (!elf->relocatable && elf->entry >= s->virtual_address && elf->entry - s->virtual_address < s->memory_size) {
            return elf->entry - s->virtual_address + s->physical_address;
        }
    }
    return elf->entry + delta;
}

static uint64_t load_program(struct root_map *map, const struct boot_info *info)
{
    const struct boot_module *module = &info->modules[0];
    const uint8_t *file = phys_to_virt(module->start);
    struct elf_layout elf;
    enum elf_status status = elf64_check(file, module->end - module->start, &elf);
    if (status != ELF_OK) {
        kernel_stop("The first module is not a root program: %s", elf64_status_text(status));
    }
    uint64_t delta = place_image(map, info, &elf);
    copy_image(file, &elf, delta);
    root_entry_rip = placed_entry(&elf, delta);
    return elf.relocatable ? delta : 0;
}

/* Identity map of the first `gib` GiB in the pages at `pa`: one PML4, one PDPT, PDs where there are no 1 GiB pages. */
static void build_page_tables(uint64_t pa, uint64_t gib, bool huge)
{
    uint64_t *pml4 = phys_to_virt(pa), *pdpt = phys_to_virt(pa + PAGE_BYTES);
    memset(pml4, 0, 2 * PAGE_BYTES);
    pml4[0] = (pa + PAGE_BYTES) | PTE_PRESENT_WRITE;
    for (uint64_t g = 0; g < gib; g++) {
        if (huge) {
            pdpt[g] = (g * GIB) | PTE_LARGE | PTE_PRESENT_WRITE;
            continue;
        }
        uint64_t pd_pa = pa + (2 + g) * PAGE_BYTES, *pd = phys_to_virt(pd_pa);
        pdpt[g] = pd_pa | PTE_PRESENT_WRITE;
        for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
            pd[i] = (g * GIB + i * 2 * MIB) | PTE_LARGE | PTE_PRESENT_WRITE;
        }
    }
}

static void copy_text(char *to, const char *from)
{
    size_t length = strnlen(from, WHB_HANDOFF_CMDLINE - 1);
    memcpy(to, from, length);
    to[length] = '\0';
}

/* A module's command line begins with its file name, by GRUB's convention; the rest is for the program. */
static const char *after_name(const char *cmdline)
{
    while (*cmdline != '\0' && *cmdline != ' ') {
        cmdline++;
    }
    while (*cmdline == ' ') {
        cmdline++;
    }
    return cmdline;
}

static void describe_framebuffer(const struct boot_framebuffer *from, struct whb_framebuffer *to)
{
    to->base = from->base;
    to->pitch = from->pitch;
    to->width = from->width;
    to->height = from->height;
    to->bits_per_pixel = from->bits_per_pixel;
    to->type = from->type;
    to->red_position = from->red_position;
    to->red_size = from->red_size;
    to->green_position = from->green_position;
    to->green_size = from->green_size;
    to->blue_position = from->blue_position;
    to->blue_size = from->blue_size;
}

/* GRUB passes a copy of the RSDP. The root gets a copy too, in the hand-off's own pages. */
static void describe_machine(const struct boot_info *info, uint64_t rsdp_pa)
{
    handoff->magic = WHB_HANDOFF_MAGIC;
    handoff->version = WHB_HANDOFF_VERSION;
    handoff->size = sizeof(*handoff);
    handoff->rsdp = info->rsdp_size != 0 ? rsdp_pa : 0;
    memcpy(phys_to_virt(rsdp_pa), info->rsdp, info->rsdp_size);
    handoff->serial_port = boot_options.serial_port;
    handoff->serial_baud = boot_options.serial_baud;
    handoff->tsc_khz = kernel_tsc_khz;
    copy_text(handoff->cmdline, after_name(info->modules[0].cmdline));
    describe_framebuffer(&info->framebuffer, &handoff->framebuffer);
    handoff->module_count = info->module_count - 1;
    for (uint32_t i = 1; i < info->module_count; i++) {
        struct whb_module *m = &handoff->modules[i - 1];
        m->base = info->modules[i].start;
        m->size = info->modules[i].end - info->modules[i].start;
        copy_text(m->cmdline, info->modules[i].cmdline);
    }
}

static uint64_t round_up_page(uint64_t size)
{
    return (size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

void root_load(const struct boot_info *info)
{
    static struct root_map map;
    if (info->module_count == 0) {
        kernel_stop("There is no root program: add a module2 line with one to grub.cfg.");
    }
    take_boot_data(&map, info);
    root_entry_delta = load_program(&map, info);

    bool huge = (cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_1G) != 0;
    uint64_t gib = (layout_ram_top() + GIB - 1) / GIB;
    gib = gib < 4 ? 4 : gib > TABLE_ENTRIES ? TABLE_ENTRIES : gib;
    uint64_t info_size = round_up_page(sizeof(*handoff) + BOOT_RSDP_SIZE);
    uint64_t size = info_size + (2 + (huge ? 0 : gib)) * PAGE_BYTES;
    uint64_t pa = root_map_find(&map, info->ranges, info->range_count, 2 * MIB, size, PAGE_BYTES);
    if (pa == 0 || pa + size > 4 * GIB) {
        kernel_stop("There is no free memory below 4 GiB for the root's page tables: give the machine more memory.");
    }
    take(&map, pa, size, WHB_MEMORY_HANDOFF, "The hand-off");
    handoff = phys_to_virt(pa);
    memset(handoff, 0, info_size);
    build_page_tables(pa + info_size, gib, huge);
    describe_machine(info, pa + sizeof(*handoff));
    handoff->identity_mapped = gib * GIB;
    if (!root_map_describe(&map, info->ranges, info->range_count, handoff->ranges, WHB_HANDOFF_MAX_RANGES,
                           &handoff->range_count)) {
        kernel_stop("The machine's memory map has more ranges than the hand-off to the root program can hold.");
    }
    root_entry_handoff = pa;
    root_entry_cr3 = pa + info_size;
    log_info("root program at 0x%llx, entry 0x%llx.", (unsigned long long)root_entry_delta,
             (unsigned long long)root_entry_rip);
}

void root_load_cpus(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < cpu_count && n < 64; i++) {
        if (cpus[i]->root_vp != NULL) {
            handoff->apic_ids[n++] = cpus[i]->apic_id;
        }
    }
    handoff->cpus = n;
}
