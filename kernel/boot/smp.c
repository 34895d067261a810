/* SPDX-License-Identifier: MIT */
#include "kernel/boot/smp.h"

#include "arch/boot/ap_boot.h"
#include "arch/cpu/apic.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/gdt.h"
#include "arch/cpu/idt.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/percpu.h"
#include "arch/cpu/string.h"
#include "kernel/boot/acpi.h"
#include "kernel/core/clock.h"
#include "kernel/debug/log.h"
#include "kernel/memory/layout.h"
#include "kernel/memory/page_alloc.h"
#include "kernel/memory/paging.h"
#include "kernel/memory/stack.h"

/* Intel's MP start-up sequence: INIT, 10 ms, SIPI, 200 us, SIPI (SDM vol. 3A, 9.4.4.1). */
#define INIT_DELAY_US 10000u
#define STARTUP_DELAY_US 200u
#define ONLINE_LIMIT_US 1000000u

_Static_assert(sizeof(struct cpu) <= PAGE_SIZE, "one page each");

static void (*start_entry)(struct cpu *cpu);
static uint32_t start_released; /* 1: the start-up pages are gone, go on */

static void destroy_stack(uint64_t top)
{
    if (top != 0) {
        stack_destroy((void *)(uintptr_t)top);
    }
}

/* Undoes create_tables for a CPU that never ran. */
static void destroy_tables(struct cpu *cpu)
{
    for (unsigned slot = 1; slot <= GDT_IST_COUNT; slot++) {
        destroy_stack(gdt_ist(cpu, slot));
    }
    destroy_stack(cpu->stack_top);
    page_free(cpu->arch, PAGE_USE_HOST);
    cpu->arch = NULL;
    cpu->stack_top = 0;
}

/* Descriptor tables and stacks. false: out of memory, nothing is kept. */
static bool create_tables(struct cpu *cpu)
{
    void *page = page_alloc(PAGE_USE_HOST);
    if (page == NULL) {
        return false;
    }
    gdt_init(cpu, page);
    cpu->stack_top = (uintptr_t)stack_create(GDT_STACK_PAGES);
    bool complete = cpu->stack_top != 0;
    for (unsigned slot = 1; slot <= GDT_IST_COUNT; slot++) {
        uint64_t top = (uintptr_t)stack_create(GDT_IST_PAGES);
        complete = complete && top != 0;
        gdt_set_ist(cpu, slot, top);
    }
    if (!complete) {
        destroy_tables(cpu);
    }
    return complete;
}

struct cpu *smp_create_cpu(uint32_t id)
{
    struct cpu *cpu = page_alloc(PAGE_USE_HOST);
    if (cpu == NULL) {
        return NULL;
    }
    cpu->self = cpu;
    cpu->index = cpu_count;
    cpu->apic_id = id;
    if (!create_tables(cpu)) {
        page_free(cpu, PAGE_USE_HOST);
        return NULL;
    }
    return cpu;
}

void smp_add_cpu(struct cpu *cpu)
{
    cpu->index = cpu_count;
    cpus[cpu_count] = cpu;
    __atomic_store_n(&cpu_count, cpu_count + 1, __ATOMIC_RELEASE);
}

/* First C code of another CPU, on its own stack. Not yet in cpus[] when it begins, so it logs nothing. */
static void start_here(struct cpu *cpu)
{
    gdt_load(cpu);
    idt_load();
    paging_cpu_init();
    apic_init_ap();
    __atomic_store_n(&cpu->online, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&start_released, __ATOMIC_ACQUIRE) == 0) {
        cpu_pause();
    }
    write_cr3(paging_root()); /* forgets the start-up pages */
    start_entry(cpu);
    cpu_halt_forever();
}

static void fill_pages(uint64_t pa)
{
    struct ap_boot_data *data = phys_to_virt(pa + PAGE_SIZE);
    memcpy(phys_to_virt(pa), ap_boot_start, (size_t)(ap_boot_end - ap_boot_start));
    memset(data, 0, sizeof(*data));
    uint32_t gdt = (uint32_t)(pa + PAGE_SIZE + offsetof(struct ap_boot_data, gdt));
    data->gdt_limit = sizeof(data->gdt) - 1;
    data->gdt_base_low = (uint16_t)gdt;
    data->gdt_base_high = (uint16_t)(gdt >> 16);
    data->gdt[AP_BOOT_CODE64 / 8] = 0x00af9b000000ffffull;
    data->gdt[AP_BOOT_DATA / 8] = 0x00cf93000000ffffull;
    data->gdt[AP_BOOT_CODE32 / 8] = 0x00cf9b000000ffffull;
    data->far32 = (struct ap_boot_far){(uint32_t)pa + (uint32_t)(ap_boot_32 - ap_boot_start), AP_BOOT_CODE32, 0};
    data->far64 = (struct ap_boot_far){(uint32_t)pa + (uint32_t)(ap_boot_64 - ap_boot_start), AP_BOOT_CODE64, 0};
    data->cr3 = paging_root();
    data->cr4 = CR4_PAE; /* start_here enables the rest, where a fault can be reported */
    data->efer = EFER_LME | (rdmsr(MSR_IA32_EFER) & EFER_NXE);
    data->cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE;
    data->entry = (uintptr_t)start_here;
}

static bool map_pages(uint64_t pa)
{
    return paging_map_page(pa, pa, PAGING_EXECUTE) && paging_map_page(pa + PAGE_SIZE, pa + PAGE_SIZE, PAGING_WRITE);
}

static bool wait_online(const struct cpu *cpu, uint32_t limit_us)
{
    for (uint32_t waited = 0; waited < limit_us; waited += 50) {
        if (__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE) != 0) {
            return true;
        }
        clock_delay_us(50);
    }
    return false;
}

/* The CPU has had its INIT. One that stays silent gets another, so that it cannot wake up in pages that are gone. */
static bool start_one(struct cpu *cpu, uint64_t pa)
{
    struct ap_boot_data *data = phys_to_virt(pa + PAGE_SIZE);
    data->stack = cpu->stack_top;
    data->cpu = (uintptr_t)cpu;
    apic_send_startup(cpu->apic_id, (uint8_t)(pa / PAGE_SIZE));
    if (wait_online(cpu, STARTUP_DELAY_US)) {
        return true;
    }
    apic_send_startup(cpu->apic_id, (uint8_t)(pa / PAGE_SIZE));
    if (wait_online(cpu, ONLINE_LIMIT_US)) {
        return true;
    }
    apic_send_init(cpu->apic_id);
    return false;
}

static bool is_wanted(uint32_t id)
{
    return id != this_cpu()->apic_id && (apic_is_x2apic() || id < 255);
}

static void start_listed(const struct acpi_cpus *list, uint32_t max_cpus, uint64_t pa)
{
    for (uint32_t i = 0; i < list->count && cpu_count < max_cpus; i++) {
        uint32_t id = list->apic_id[i];
        if (!is_wanted(id)) {
            continue;
        }
        struct cpu *cpu = smp_create_cpu(id);
        if (cpu == NULL) {
            log_warn("CPU with APIC ID %u is not started: the heap is too small for it; give a larger heap= option.",
                     id);
            return;
        }
        if (start_one(cpu, pa)) {
            smp_add_cpu(cpu);
        } else {
            log_warn("CPU with APIC ID %u does not answer; going on without it.", id);
            destroy_tables(cpu);
            page_free(cpu, PAGE_USE_HOST);
        }
    }
}

/* Wakes nobody: only brings the CPUs that will be started to wait for their SIPI. */
static uint32_t init_listed(const struct acpi_cpus *list, uint32_t max_cpus)
{
    uint32_t wanted = 1;
    for (uint32_t i = 0; i < list->count && wanted < max_cpus; i++) {
        if (is_wanted(list->apic_id[i])) {
            apic_send_init(list->apic_id[i]);
            wanted++;
        } else if (list->apic_id[i] != this_cpu()->apic_id) {
            log_warn("CPU with APIC ID %u cannot be reached without x2APIC mode; going on without it.",
                     list->apic_id[i]);
        }
    }
    return wanted;
}

static void start_through(uint64_t pa, const struct acpi_cpus *list, uint32_t max_cpus)
{
    if (!map_pages(pa)) {
        log_warn("the heap is too small to start the other CPUs; give a larger heap= option.");
        return;
    }
    fill_pages(pa);
    if (init_listed(list, max_cpus) > 1) {
        clock_delay_us(INIT_DELAY_US);
        start_listed(list, max_cpus, pa);
    }
    memset(phys_to_virt(pa), 0, 2 * PAGE_SIZE);
    paging_drop_low();
}

void smp_start_all(const struct acpi_cpus *list, const struct boot_info *info, uint32_t max_cpus,
                   void (*entry)(struct cpu *cpu))
{
    start_entry = entry;
    max_cpus = max_cpus < MAX_CPUS ? max_cpus : MAX_CPUS;
    uint64_t pa = layout_low_pages(info, 2);
    if (pa != 0) {
        start_through(pa, list, max_cpus);
    } else if (list->count > 1) {
        log_warn("no free memory below 1 MiB to start the other CPUs; going on with one CPU.");
    }
    log_info("%u of %u CPUs run%s.", cpu_count, list->count + list->left_out,
             apic_is_x2apic() ? ", local APICs in x2APIC mode" : "");
    __atomic_store_n(&start_released, 1, __ATOMIC_RELEASE);
}
