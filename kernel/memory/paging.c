/* SPDX-License-Identifier: MIT */
#include "kernel/memory/paging.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/paging_entry.h"
#include "kernel/debug/panic.h"
#include "kernel/memory/layout.h"
#include "kernel/memory/page_alloc.h"

#define MMIO_REGION 0xffffd00000000000ull
#define MMIO_REGION_END 0xffffd00040000000ull

/* Reset value (SDM vol. 3A, 12.12.4): entry 3, chosen by PWT and PCD, is uncacheable. */
#define PAT_RESET 0x0007040600070406ull

extern char image_start[], text_start[], text_end[], rodata_start[], rodata_end[], data_start[], bss_end[];

static uint64_t *root_table;
static uintptr_t next_mmio = MMIO_REGION;

static bool cpu_has_nx(void)
{
    return (cpuid(0x80000001, 0).edx & (1u << 20)) != 0;
}

static bool cpu_has_1g_pages(void)
{
    return (cpuid(0x80000001, 0).edx & (1u << 26)) != 0;
}

static uint64_t leaf_bits(uintptr_t va, unsigned flags)
{
    uint64_t bits = PTE_PRESENT;
    if (flags & PAGING_WRITE) {
        bits |= PTE_WRITE;
    }
    if (!(flags & PAGING_EXECUTE) && cpu_has_nx()) {
        bits |= PTE_NX;
    }
    if (flags & PAGING_UNCACHED) {
        bits |= PTE_PWT | PTE_PCD;
    }
    /* The lower half is for the start of other CPUs only; not global, so that a load of CR3 forgets it. */
    if (va >> 63) {
        bits |= PTE_GLOBAL;
    }
    return bits;
}

static uint64_t *table_of(uint64_t entry)
{
    return phys_to_virt(entry & PTE_ADDRESS);
}

/* The entry for va at `level`, with the tables above it made as needed. NULL: out of memory. */
static uint64_t *make_entry(uintptr_t va, unsigned level)
{
    uint64_t *table = root_table;
    for (unsigned at = PTE_TOP_LEVEL; at > level; at--) {
        uint64_t *entry = &table[pte_index(va, at)];
        if (!(*entry & PTE_PRESENT)) {
            void *page = page_alloc(PAGE_USE_HOST);
            if (page == NULL) {
                return NULL;
            }
            *entry = virt_to_phys(page) | PTE_PRESENT | PTE_WRITE;
        } else if (*entry & PTE_LARGE) {
            panic("paging: 0x%lx is inside a large page", va);
        }
        table = table_of(*entry);
    }
    return &table[pte_index(va, level)];
}

static bool map_leaf(uintptr_t va, uint64_t pa, unsigned level, unsigned flags)
{
    uint64_t *entry = make_entry(va, level);
    if (entry == NULL) {
        return false;
    }
    *entry = pa | leaf_bits(va, flags) | (level > 1 ? PTE_LARGE : 0);
    return true;
}

bool paging_map_page(uintptr_t va, uint64_t pa, unsigned flags)
{
    if ((flags & PAGING_WRITE) && (flags & PAGING_EXECUTE)) {
        panic("paging: 0x%lx asked for writable and executable", va);
    }
    if (!map_leaf(va, pa, 1, flags)) {
        return false;
    }
    cpu_invlpg(va);
    return true;
}

void paging_unmap_page(uintptr_t va)
{
    uint64_t *table = root_table;
    for (unsigned level = PTE_TOP_LEVEL; level > 1; level--) {
        uint64_t entry = table[pte_index(va, level)];
        if (!(entry & PTE_PRESENT) || (entry & PTE_LARGE)) {
            return;
        }
        table = table_of(entry);
    }
    table[pte_index(va, 1)] = 0;
    cpu_invlpg(va);
}

static void free_tables(uint64_t *entry, unsigned level)
{
    if (!(*entry & PTE_PRESENT)) {
        return;
    }
    uint64_t *table = table_of(*entry);
    *entry = 0;
    for (unsigned i = 0; level > 2 && i < PTE_TABLE_ENTRIES; i++) {
        free_tables(&table[i], level - 1);
    }
    page_free(table, PAGE_USE_HOST);
}

void paging_drop_low(void)
{
    uint64_t entry = root_table[0];
    root_table[0] = 0;
    write_cr3(paging_root());
    free_tables(&entry, PTE_TOP_LEVEL);
}

uint64_t paging_root(void)
{
    return virt_to_phys(root_table);
}

volatile void *paging_map_mmio(uint64_t pa, size_t size)
{
    uintptr_t va = next_mmio + (pa - page_round_down(pa));
    uint64_t first = page_round_down(pa);
    uint64_t bytes = page_round_up(pa + size) - first;
    if (bytes > MMIO_REGION_END - next_mmio) {
        return NULL;
    }
    for (uint64_t at = 0; at < bytes; at += PAGE_SIZE) {
        if (!paging_map_page(next_mmio + at, first + at, PAGING_WRITE | PAGING_UNCACHED)) {
            return NULL;
        }
    }
    next_mmio += bytes + PAGE_SIZE;
    return (volatile void *)va;
}

static void require(bool mapped)
{
    if (!mapped) {
        kernel_stop("the heap is too small for the hypervisor's page tables; give a larger heap= option.");
    }
}

/* Largest page level that fits at pa with `size` bytes to go. */
static unsigned choose_level(uint64_t pa, uint64_t size, bool has_1g)
{
    if (has_1g && (pa & (PAGE_SIZE_1G - 1)) == 0 && size >= PAGE_SIZE_1G) {
        return 3;
    }
    return (pa & (PAGE_SIZE_2M - 1)) == 0 && size >= PAGE_SIZE_2M ? 2 : 1;
}

static void map_direct(uint64_t base, uint64_t end)
{
    bool has_1g = cpu_has_1g_pages();
    while (base < end) {
        unsigned level = choose_level(base, end - base, has_1g);
        require(map_leaf(direct_map_base + base, base, level, PAGING_WRITE));
        base += 1ull << pte_shift(level);
    }
}

/* Code and constants stay out of the direct map, or they would be writable there. */
static void map_ram(void)
{
    const struct layout_span *span;
    uint64_t hole = layout_image_pa(image_start);
    uint64_t hole_end = layout_image_pa(rodata_end);
    for (size_t n = layout_ram_spans(&span); n > 0; n--, span++) {
        uint64_t end = span->base + span->size;
        map_direct(span->base, end < hole ? end : hole);
        map_direct(span->base > hole_end ? span->base : hole_end, end);
    }
}

static void map_image(const char *start, const char *end, unsigned flags)
{
    for (const char *p = start; p < end; p += PAGE_SIZE) {
        require(paging_map_page((uintptr_t)p, layout_image_pa(p), flags));
    }
}

void paging_cpu_init(void)
{
    uint32_t basic = cpuid(1, 0).ecx;
    uint32_t basic_edx = cpuid(1, 0).edx;
    struct cpuid_result extended = {0, 0, 0, 0};
    if (cpuid(0, 0).eax >= 7) {
        extended = cpuid(7, 0);
    }
    uint64_t cr4 = (read_cr4() & CR4_VMXE) | CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cr4 |= (basic_edx & (1u << 13)) ? CR4_PGE : 0;
    cr4 |= (basic_edx & (1u << 7)) ? CR4_MCE : 0;
    cr4 |= (basic & (1u << 26)) ? CR4_OSXSAVE : 0;
    cr4 |= (extended.ebx & (1u << 7)) ? CR4_SMEP : 0;
    cr4 |= (extended.ebx & (1u << 20)) ? CR4_SMAP : 0;
    cr4 |= (extended.ecx & (1u << 2)) ? CR4_UMIP : 0;
    write_cr4(cr4);
    write_cr0(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    wrmsr(MSR_IA32_PAT, PAT_RESET);
    wrmsr(MSR_IA32_EFER, EFER_LME | EFER_LMA | (cpu_has_nx() ? EFER_NXE : 0));
}

void paging_init(void)
{
    root_table = page_alloc(PAGE_USE_HOST);
    require(root_table != NULL);
    map_ram();
    map_image(text_start, text_end, PAGING_EXECUTE);
    map_image(rodata_start, rodata_end, PAGING_READ);
    map_image(data_start, bss_end, PAGING_WRITE);
    paging_cpu_init();
    write_cr3(paging_root());
}
