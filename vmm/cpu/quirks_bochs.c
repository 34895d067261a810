/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/quirks_bochs.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "kernel/boot/multiboot2.h"
#include "kernel/core/clock.h"
#include "kernel/debug/log.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/vp/vp.h"

#define RSDP_OEM_ID 9u
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define SLICE_MS 1u
#define MISC_TIMER_RATE 0x1fu /* IA32_VMX_MISC: the timer counts when this bit of the TSC changes */

/* The BIOS of Bochs signs the ACPI tables with this name, and so does that of QEMU. */
static bool is_bochs_or_qemu(const struct boot_info *info)
{
    const char oem[] = "BOCHS ";
    return info->rsdp_size != 0 && memcmp(info->rsdp + RSDP_OEM_ID, oem, sizeof(oem) - 1) == 0;
}

void quirks_init(const struct boot_info *info)
{
    /* With KVM between Bochs and us its NMI defect shows all the same, its interrupt defect is KVM's. */
    vmm.correct_nmi = is_bochs_or_qemu(info);
    bool offered = ((uint32_t)(vmm.caps.pin >> 32) & PIN_PREEMPTION_TIMER) != 0;
    bool virtual_cpu = (cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR) != 0;
    if (!offered || kernel_tsc_khz == 0 || virtual_cpu || !is_bochs_or_qemu(info)) {
        return;
    }
    vmm.slice = (kernel_tsc_khz * SLICE_MS) >> (vmm.caps.misc & MISC_TIMER_RATE);
    vmm.hold_interrupts = vmm.slice != 0;
    if (vmm.slice != 0) {
        vmm.guest_controls.pin |= PIN_PREEMPTION_TIMER;
        log_debug("guests leave after %u ms at the latest: this emulator can miss interrupts.", SLICE_MS);
    }
}

bool quirk_mask_interrupts(struct cpu *cpu)
{
    if ((cpu->root_away & AWAY_TPR) == 0) {
        cpu->root_away |= AWAY_TPR;
        cpu->root_tpr = read_cr8();
        write_cr8(15);
    }
    return (vmcs_read16(VMCS_GUEST_INTERRUPT_STATUS) & 0xffu) == 0;
}

bool quirk_vp_may_block_nmi(const struct vp *vp)
{
    bool injected = (vp->event.info & INTERRUPTION_VALID) != 0 && (vp->event.info & INTERRUPTION_VECTOR) == VECTOR_NMI;
    return injected || (vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & BLOCKING_BY_NMI) != 0;
}

void quirk_unblock_nmi(void)
{
    vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & ~BLOCKING_BY_NMI);
}
