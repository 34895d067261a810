/* SPDX-License-Identifier: MIT */
/* From the first C instructions to the host's client. */
#include "kernel/boot/main.h"

#include "arch/boot/boot.h"
#include "arch/cpu/apic.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/fatal.h"
#include "arch/cpu/gdt.h"
#include "arch/cpu/idt.h"
#include "arch/cpu/percpu.h"
#include "kernel/boot/acpi.h"
#include "kernel/boot/crash_test.h"
#include "kernel/boot/smp.h"
#include "kernel/core/clock.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/debug/power.h"
#include "kernel/debug/serial.h"
#include "kernel/memory/layout.h"
#include "kernel/memory/page_alloc.h"
#include "kernel/memory/paging.h"

#ifndef WHIMBREL_VERSION
#define WHIMBREL_VERSION "0.1.0"
#endif

#define EARLY_MAPPED (4ull << 30)
#define OPTION_ERROR_SIZE 256u

struct boot_info boot_info;
struct boot_options boot_options;
struct acpi_power acpi_power;

static struct acpi_cpus acpi_cpus;
static const struct boot_client *boot_client;

/* The console comes first: what the options say of it is used even if the rest of the boot information is damaged. */
static enum mb2_status start_console(const void *mbi, size_t limit)
{
    char error[OPTION_ERROR_SIZE];
    enum mb2_status status = mb2_parse(mbi, limit, &boot_info);
    bool options_ok = options_parse(boot_info.cmdline, &boot_options, error, sizeof(error));
    serial_init(boot_options.serial_port, boot_options.serial_baud);
    log_set_level(boot_options.log_level);
    panic_set_reboot(boot_options.on_panic == ON_PANIC_REBOOT);
    if (!options_ok) {
        log_warn("command line: %s", error);
    }
    if (boot_info.cmdline_cut) {
        log_warn("the command line is longer than %u bytes; the rest is ignored.", BOOT_CMDLINE_SIZE - 1);
    }
    return status;
}

static const void *map_for_acpi(uint64_t pa, size_t size, void *ctx)
{
    (void)ctx;
    return pa < EARLY_MAPPED && size <= EARLY_MAPPED - pa ? phys_to_virt(pa) : NULL;
}

/* While the early page tables reach all of the first 4 GiB: firmware keeps tables in memory that is not RAM by its map.
 */
static void find_cpus(void)
{
    struct acpi_reader reader = {map_for_acpi, NULL};
    enum acpi_status status = acpi_find_cpus(boot_info.rsdp, boot_info.rsdp_size, &reader, &acpi_cpus);
    if (status != ACPI_OK) {
        log_warn("%s; going on with one CPU.", acpi_status_text(status));
        acpi_cpus.count = 1;
        acpi_cpus.apic_id[0] = apic_id();
    }
    if (acpi_cpus.left_out != 0) {
        log_warn("%u CPUs are left out: at most %u are supported.", acpi_cpus.left_out, ACPI_MAX_CPUS);
    }
}

/* What the root could leave by. Its sleep states but S5 are refused (vmm/root/root_port.h), so it shall not see any. */
static void find_power(void)
{
    struct acpi_reader reader = {map_for_acpi, NULL};
    if (!acpi_find_power(boot_info.rsdp, boot_info.rsdp_size, &reader, &acpi_power)) {
        log_warn("there is no valid ACPI FADT: the sleep registers are not known, and not guarded.");
    } else if (!acpi_power.s5_known) {
        log_warn("the ACPI DSDT does not say how to switch the machine off: all sleep states are refused.");
    }
    if (acpi_power.dsdt != 0) {
        (void)acpi_hide_sleep(phys_to_virt(acpi_power.dsdt), acpi_power.dsdt_length);
    }
}

static void start_memory(uint32_t mbi_pa, size_t mbi_size, uint64_t load_base)
{
    layout_init(&boot_info, load_base, mbi_pa, mbi_size, boot_options.heap_size);
    page_alloc_init(memory_layout.heap_base, memory_layout.heap_size);
    power_set_heap(memory_layout.heap_base, memory_layout.heap_size);
    paging_init();
    log_info("heap %lu MiB at 0x%lx, RAM up to 0x%lx.", memory_layout.heap_size >> 20, memory_layout.heap_base,
             layout_ram_top());
}

static struct cpu *start_boot_cpu(void)
{
    struct cpu *cpu = smp_create_cpu(apic_id());
    if (cpu == NULL) {
        kernel_stop("the heap is too small for the boot CPU; give a larger heap= option.");
    }
    gdt_load(cpu);
    cpu->online = 1;
    smp_add_cpu(cpu);
    idt_enable_stacks();
    return cpu;
}

static void start_apic(void)
{
    uint64_t pa = apic_page();
    if (pa == 0) {
        kernel_stop("the local APIC is disabled; enable it in the firmware's settings.");
    }
    volatile void *page = paging_map_mmio(pa, PAGE_SIZE);
    if (page == NULL) {
        kernel_stop("the heap is too small to map the local APIC; give a larger heap= option.");
    }
    if (apic_init_bsp(page, boot_options.x2apic) && !boot_options.x2apic) {
        log_warn("x2apic=off is ignored: the firmware left x2APIC mode on.");
    }
}

static void go_on(void)
{
    start_apic();
    clock_init();
    log_info("TSC at %u kHz.", kernel_tsc_khz);
    crash_test_run(boot_options.crash_test);
    boot_client->boot(&boot_info, &boot_options);
    smp_start_all(&acpi_cpus, &boot_info, boot_options.max_cpus, boot_client->start);
    boot_client->start(this_cpu());
}

void boot_main(uint32_t mbi_pa, uint64_t load_base, const struct boot_client *client)
{
    const uint32_t *mbi = phys_to_virt(mbi_pa);
    uint64_t reachable = EARLY_MAPPED - mbi_pa;

    boot_client = client;
    fatal = panic;
    idt_init(panic_nmi, panic_trap);
    power_set_image(load_base);
    memory_layout.image_base = load_base;
    enum mb2_status status = start_console(mbi, reachable < MB2_MAX_SIZE ? reachable : MB2_MAX_SIZE);
    log_info("Whimbrel %s, loaded at 0x%lx from %s.", WHIMBREL_VERSION, load_base, boot_info.efi ? "UEFI" : "BIOS");
    if (status != MB2_OK) {
        kernel_stop("the boot loader's information cannot be used: %s", mb2_status_text(status));
    }
    size_t mbi_size = *mbi;
    find_cpus();
    find_power();
    start_memory(mbi_pa, mbi_size, load_base);
    struct cpu *cpu = start_boot_cpu();
    boot_switch_stack((void *)(uintptr_t)cpu->stack_top, go_on);
}
