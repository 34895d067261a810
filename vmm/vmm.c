/* SPDX-License-Identifier: MIT */
/* Starting the monitor: features, root partition, VMX operation on every CPU. */
#include "vmm/vmm.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/physical_width.h"
#include "arch/vmx/vmcs.h"
#include "kernel/boot/main.h"
#include "kernel/boot/options.h"
#include "kernel/core/kick.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/memory/page_alloc.h"
#include "vmm/apic/apic.h"
#include "vmm/apic/apicv.h"
#include "vmm/cpu/mitigate.h"
#include "vmm/cpu/quirks_bochs.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/cpu/vmx_caps.h"
#include "vmm/hypercall/fail_allocation.h"
#include "vmm/hypercall/hypercall.h"
#include "vmm/partition/machine_offer.h"
#include "vmm/partition/msr_policy.h"
#include "vmm/registers/vp_state.h"
#include "vmm/root/root_port.h"
#include "vmm/root/root_vp.h"
#include "vmm/vp/evict.h"
#include "vmm/vp/switch.h"
#include "vmm/vp/vmcs_dump.h"

static void check_features(const struct boot_info *info)
{
    char sentence[VMX_SENTENCE_SIZE];
    if (!vmx_caps_read(&vmm.caps, sentence) || !vmx_controls_root(&vmm.caps, &vmm.root_controls, sentence) ||
        !vmx_controls_guest(&vmm.caps, &vmm.guest_controls, sentence)) {
        kernel_stop("%s", sentence);
    }
    vmm.huge_2m = (vmm.caps.ept_vpid & EPT_CAP_2M) != 0;
    vmm.huge_1g = (vmm.caps.ept_vpid & EPT_CAP_1G) != 0;
    quirks_init(info);
    log_debug("VMX: basic %#llx, EPT and VPID %#llx, misc %#llx", (unsigned long long)vmm.caps.basic,
              (unsigned long long)vmm.caps.ept_vpid, (unsigned long long)vmm.caps.misc);
}

static void serve(struct cpu *cpu)
{
    evict_serve(cpu);
    root_memory_flush(cpu);
}

static const struct kick_client kicks = {
    .window = vmx_enter_window,
    .window_end = vmx_enter_window_end,
    .kicked = vmx_enter_kicked,
    .serve = serve,
    .serve_waiting = evict_serve,
};

static const char *guest_exit_point(const struct mitigations *m)
{
    switch (m->returns) {
    case RETURNS_FILL:
        return m->ibrs_at_exit ? vmx_exit_point_filling_ibrs : vmx_exit_point_filling;
    case RETURNS_ONE:
        return vmx_exit_point_one_call;
    default:
        return vmx_exit_guest;
    }
}

/* Checks the processor's VMX features, builds the root partition and loads the root program. */
static void boot(const struct boot_info *info, const struct boot_options *options)
{
    if (options->test_calls) {
        fail_allocation_enable();
    }
    check_features(info);
    vmm.physical_bits = physical_width_read(options->keyid_bits);
    log_debug("physical addresses have %u bits, of which %u name memory.", cpuid(0x80000008, 0).eax & 0xff,
              vmm.physical_bits);
    mtrr_read(&vmm.mtrrs, vmm.physical_bits);
    mtrr_map_make(&vmm.memory_types, &vmm.mtrrs);
    switch_init();
    machine_offer_init(apic_available(), switch_xcr0_supported());
    vp_state_init();
    vmm.root_msr_bitmap = page_alloc(PAGE_USE_HOST);
    vmm.guest_msr_bitmap = page_alloc(PAGE_USE_HOST);
    vmm.root_io_bitmaps = page_alloc_contiguous(PAGE_USE_HOST, 2);
    if (vmm.root_msr_bitmap == NULL || vmm.guest_msr_bitmap == NULL || vmm.root_io_bitmaps == NULL) {
        kernel_stop("The hypervisor's heap is too small: give it more with heap= on its command line.");
    }
    root_port_bitmap(vmm.root_io_bitmaps, &acpi_power);
    msr_bitmap_root(vmm.root_msr_bitmap);
    msr_bitmap_guest(vmm.guest_msr_bitmap);
    apicv_init(options);
    mitigate_init(options->mitigations);
    vmm.exit_root = vmx_exit_root;
    vmm.exit_guest = guest_exit_point(mitigate_choice());
    root_memory_init();
    root_load(info);
    run_init(&root_client);
    kick_init(&kicks);
    panic_dump_hook = vmcs_dump;
}

/* A CPU unlike the first is left out of the machine: its root VP could not run on the same terms. */
static bool enter_vmx_operation(struct cpu *cpu)
{
    struct vmx_caps caps;
    char sentence[VMX_SENTENCE_SIZE];
    if (!vmx_caps_read(&caps, sentence)) {
        log_error("CPU %u (APIC ID %u) is left out: %s", cpu->index, cpu->apic_id, sentence);
        return false;
    }
    const char *difference = vmx_caps_difference(&vmm.caps, &caps);
    if (difference != NULL) {
        log_error("CPU %u (APIC ID %u) is left out: its %s differs from the boot CPU's.", cpu->index, cpu->apic_id,
                  difference);
        return false;
    }
    if (!mitigate_init_cpu()) {
        log_error("CPU %u (APIC ID %u) is left out: its speculation controls differ from the boot CPU's.", cpu->index,
                  cpu->apic_id);
        return false;
    }
#ifdef ENLIGHTENED_VMCS
    void *assist = page_alloc(PAGE_USE_HOST);
    if (assist == NULL || !evmcs_offered()) {
        log_error(
            "CPU %u (APIC ID %u) is left out: this build is for enlightened VMCSs, which nobody offers here (QEMU: "
            "-cpu host,hv-relaxed,hv-vpindex,hv-time,hv-synic,hv-vapic,hv-evmcs).",
            cpu->index, cpu->apic_id);
        return false;
    }
    evmcs_init_cpu(assist);
#endif
    cpu->vmxon_region = page_alloc(PAGE_USE_HOST);
    if (!hypercall_init_cpu(cpu) || cpu->vmxon_region == NULL || !vmx_on(&vmm.caps, cpu->vmxon_region)) {
        log_error("CPU %u (APIC ID %u) is left out: it does not enter VMX operation.", cpu->index, cpu->apic_id);
        return false;
    }
    return true;
}

static void wait_for_others(void)
{
    for (uint32_t i = 1; i < cpu_count; i++) {
        while (__atomic_load_n(&cpus[i]->vmx_state, __ATOMIC_ACQUIRE) == CPU_VMX_PENDING) {
            cpu_pause();
        }
    }
}

/* Enters VMX operation and runs this CPU's root VP for ever. */
static void start(struct cpu *cpu)
{
    bool in_vmx = enter_vmx_operation(cpu);
    if (in_vmx) {
        switch_init_cpu(cpu);
        root_vp_create(cpu);
    }
    __atomic_store_n(&cpu->vmx_state, in_vmx ? CPU_VMX_ON : CPU_VMX_REFUSED, __ATOMIC_RELEASE);
    if (cpu->index == 0) {
        if (!in_vmx) {
            kernel_stop("The boot CPU cannot enter VMX operation.");
        }
        wait_for_others();
        root_load_cpus();
        count_start();
        log_info("%u CPUs in VMX operation; starting the root partition.", cpu_count);
    }
    if (!in_vmx) {
        cpu_halt_forever();
    }
    root_run(cpu);
}

void vmm_main(uint32_t mbi_pa, uint64_t load_base)
{
    static const struct boot_client client = {boot, start};
    boot_main(mbi_pa, load_base, &client);
}
