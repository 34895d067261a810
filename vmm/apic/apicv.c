/* SPDX-License-Identifier: MIT */
#include "vmm/apic/apicv.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "kernel/debug/log.h"
#include "kernel/memory/page_alloc.h"
#include "vmm/apic/apic.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/msr_policy.h"
#include "vmm/partition/partition.h"
#include "vmm/vp/window_decide.h"

#define APICV_CONTROLS (CPU2_VIRTUALIZE_X2APIC | CPU2_APIC_REGISTERS | CPU2_VIRTUAL_INTERRUPTS)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)

void apicv_init(const struct boot_options *options)
{
    bool offered = ((uint32_t)(vmm.caps.cpu2 >> 32) & APICV_CONTROLS) == APICV_CONTROLS;
    bool virtual_cpu = (cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR) != 0;
    if (!offered || options->apicv == APICV_OFF || (options->apicv == APICV_AUTO && virtual_cpu)) {
        return;
    }
    vmm.apicv_msr_bitmap = page_alloc(PAGE_USE_HOST);
    if (vmm.apicv_msr_bitmap != NULL) {
        msr_bitmap_apicv(vmm.apicv_msr_bitmap);
        vmm.apicv = true;
        log_debug("guests in x2APIC mode have virtual-interrupt delivery.");
    }
}

/*
 * The processor looks at the page alone, so what the root armed by DeliverabilityNotifications with a priority, which
 * needs the TPR threshold, and a partition's own MSR bitmap keep it off.
 */
static bool wanted(const struct vp *vp)
{
    bool priority = (vp->notifications & (0xfull << NOTIFY_PRIORITY_SHIFT)) != 0;
    return vmm.apicv && vp->apic.mode == APIC_X2APIC && !priority &&
           __atomic_load_n(&vp->partition->msr_bitmap, __ATOMIC_ACQUIRE) == NULL;
}

static void turn(struct vp *vp, bool on)
{
    vp->apicv = on;
    vp_pend_while(vp, PENDING_QUIRK, on && vmm.hold_interrupts);
    vp->controls.cpu2 = (vp->controls.cpu2 & ~APICV_CONTROLS) | (on ? APICV_CONTROLS : 0);
    vmcs_write32(VMCS_CPU_CONTROLS2, vp->controls.cpu2);
    vmcs_write64(VMCS_MSR_BITMAP, virt_to_phys(on ? vmm.apicv_msr_bitmap : vmm.guest_msr_bitmap));
    if (!on) {
        const uint8_t *own = __atomic_load_n(&vp->partition->msr_bitmap, __ATOMIC_ACQUIRE);
        if (own != NULL) {
            vmcs_write64(VMCS_MSR_BITMAP, virt_to_phys(own));
        }
        vp_pend(vp, PENDING_WINDOWS); /* what is pending is window.c's again */
        return;
    }
    vp->tpr_threshold = 0;
    vmcs_write32(VMCS_TPR_THRESHOLD, 0);
    memset(vp->eoi_exits, 0, sizeof(vp->eoi_exits));
    vmcs_write64(VMCS_EOI_EXIT0, 0);
    vmcs_write64(VMCS_EOI_EXIT1, 0);
    vmcs_write64(VMCS_EOI_EXIT2, 0);
    vmcs_write64(VMCS_EOI_EXIT3, 0);
}

/* The ends of level-triggered interrupts are the root's to know. */
static void write_eoi_exits(struct vp *vp)
{
    const struct vmcs64 fields[4] = {VMCS_EOI_EXIT0, VMCS_EOI_EXIT1, VMCS_EOI_EXIT2, VMCS_EOI_EXIT3};
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t *tmr = vp->apic.page + APIC_TMR / 4 + (size_t)i * 8;
        uint64_t levels = tmr[0] | (uint64_t)tmr[4] << 32;
        if (levels != vp->eoi_exits[i]) {
            vp->eoi_exits[i] = levels;
            vmcs_write64(fields[i], levels);
        }
    }
}

void apicv_before_entry(struct vp *vp)
{
    bool on = wanted(vp);
    if (on != vp->apicv) {
        turn(vp, on);
    }
    if (on) {
        write_eoi_exits(vp);
        uint16_t status = apic_interrupt_status(&vp->apic);
        vmcs_write16(VMCS_GUEST_INTERRUPT_STATUS, status);
        if (vmm.hold_interrupts && (status & 0xffu) != 0) {
            vp_pend(vp, PENDING_WINDOWS);
        }
    }
}
