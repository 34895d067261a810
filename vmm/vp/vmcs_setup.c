/* SPDX-License-Identifier: MIT */
/* The VMCS of a new VP: controls, host state, reset state. */
#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/gdt.h"
#include "arch/cpu/idt.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/hardware_model.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"
#include "vmm/vp/switch.h"

/*
 * Bits of CR0 and CR4 whose real value is the hypervisor's; the VP sees the read shadow (SDM vol. 3C, 25.6.6). Neither
 * entries nor exits load CD and NW (27.3.2.1, 28.5.1): with a VP's own the hypervisor would run uncached, or without
 * coherency.
 */
#define CR0_MASK (CR0_NE | CR0_NW | CR0_CD)
#define ROOT_CR4_MASK (CR4_VMXE | CR4_SMXE)
#define GUEST_CR4_OWN                                                                                                  \
    (0x3full | CR4_PGE | (1ull << 8) | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_LA57 | CR4_FSGSBASE | CR4_PCIDE |  \
     CR4_OSXSAVE | CR4_SMEP | CR4_SMAP)

/*
 * #AC and #DB exit always: a guest that takes them in an endless loop of delivery would hold the CPU beyond the reach
 * of NMIs (CVE-2015-5307, CVE-2015-8104).
 */
#define EXCEPTIONS ((1u << VECTOR_AC) | (1u << VECTOR_DB))
#define GUEST_EXCEPTIONS (EXCEPTIONS | (1u << VECTOR_MC))

#define PAT_RESET 0x0007040600070406ull
#define SEGMENT_DATA 0x93u
#define SEGMENT_CODE 0x9bu
#define SEGMENT_LDT 0x82u
#define SEGMENT_TSS 0x8bu
#define DR6_RESET 0xffff0ff0ull
#define DR7_RESET 0x400ull

void vmcs_setup_host(const struct cpu *cpu, const struct vp *vp)
{
    vmcs_writenw(VMCS_HOST_CR0, read_cr0() & ~CR0_TS);
    vmcs_writenw(VMCS_HOST_CR3, read_cr3());
    vmcs_writenw(VMCS_HOST_CR4, read_cr4());
    vmcs_write16(VMCS_HOST_CS_SELECTOR, HOST_CS);
    vmcs_write16(VMCS_HOST_SS_SELECTOR, HOST_DS);
    vmcs_write16(VMCS_HOST_DS_SELECTOR, HOST_DS);
    vmcs_write16(VMCS_HOST_ES_SELECTOR, HOST_DS);
    vmcs_write16(VMCS_HOST_FS_SELECTOR, 0);
    vmcs_write16(VMCS_HOST_GS_SELECTOR, 0);
    vmcs_write16(VMCS_HOST_TR_SELECTOR, HOST_TSS);
    vmcs_writenw(VMCS_HOST_FS_BASE, 0);
    vmcs_writenw(VMCS_HOST_GS_BASE, (uintptr_t)cpu);
    vmcs_writenw(VMCS_HOST_TR_BASE, tss_base(cpu));
    vmcs_writenw(VMCS_HOST_GDTR_BASE, gdt_base(cpu));
    vmcs_writenw(VMCS_HOST_IDTR_BASE, idt_base());
    vmcs_write32(VMCS_HOST_SYSENTER_CS, 0);
    vmcs_writenw(VMCS_HOST_SYSENTER_ESP, 0);
    vmcs_writenw(VMCS_HOST_SYSENTER_EIP, 0);
    vmcs_write64(VMCS_HOST_EFER, rdmsr(MSR_IA32_EFER));
    vmcs_write64(VMCS_HOST_PAT, rdmsr(MSR_IA32_PAT));
    vmcs_writenw(VMCS_HOST_RSP, (uintptr_t)(vp->gpr + 16));
    vmcs_writenw(VMCS_HOST_RIP, (uintptr_t)(vp->is_root ? vmm.exit_root : vmm.exit_guest));
}

void vmcs_setup_controls(struct vp *vp, const struct vmx_controls *controls, uint64_t eptp, const void *msr_bitmap)
{
    vp->controls = *controls;
    vp->exception_bitmap = vp->is_root ? EXCEPTIONS : GUEST_EXCEPTIONS;
    vp->controls.cpu |= vp->is_root ? 0 : hardware_model_controls();
    vmcs_write32(VMCS_PIN_CONTROLS, controls->pin);
    vmcs_write32(VMCS_CPU_CONTROLS, vp->controls.cpu);
    vmcs_write32(VMCS_CPU_CONTROLS2, controls->cpu2);
    vmcs_write32(VMCS_EXIT_CONTROLS, controls->exit);
    vmcs_write32(VMCS_ENTRY_CONTROLS, controls->entry);
    vmcs_write32(VMCS_EXCEPTION_BITMAP, vp->exception_bitmap);
    vmcs_write32(VMCS_PAGE_FAULT_MASK, 0);
    vmcs_write32(VMCS_PAGE_FAULT_MATCH, 0);
    vmcs_write32(VMCS_CR3_TARGET_COUNT, 0);
    vmcs_write32(VMCS_EXIT_MSR_STORE_COUNT, 0);
    vmcs_write32(VMCS_EXIT_MSR_LOAD_COUNT, 0);
    vmcs_write32(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
    vmcs_write64(VMCS_MSR_BITMAP, virt_to_phys(msr_bitmap));
    vmcs_write64(VMCS_EPT_POINTER, eptp);
    vmcs_write16(VMCS_VPID, vp->vpid);
    vmcs_write64(VMCS_LINK_POINTER, ~0ull);
    vmcs_writenw(VMCS_CR0_MASK, CR0_MASK);
    vmcs_writenw(VMCS_CR4_MASK, vp->is_root ? ROOT_CR4_MASK : ~GUEST_CR4_OWN);
    if (vp->is_root) {
        uint64_t bitmaps = virt_to_phys(vmm.root_io_bitmaps);
        vmcs_write64(VMCS_IO_BITMAP_A, bitmaps);
        vmcs_write64(VMCS_IO_BITMAP_B, bitmaps + VMX_IO_BITMAP_BYTES);
    } else {
        vmcs_write64(VMCS_TSC_OFFSET, vp->tsc_offset);
        vmcs_write64(VMCS_VIRTUAL_APIC_PAGE, virt_to_phys(vp->virtual_apic));
        vmcs_write32(VMCS_TPR_THRESHOLD, 0);
        if (vmm.slice != 0) {
            vmcs_write32(VMCS_GUEST_PREEMPTION_TIMER, vmm.slice); /* every entry starts from here */
        }
    }
}

void vp_apply_policy(struct vp *vp)
{
    const struct partition_policy *policy = vp->partition->policy;
    vp_settle_pending(vp, PENDING_POLICY);
    WHV_EXTENDED_VM_EXITS exits = {.AsUINT64 = __atomic_load_n(&policy->extended_exits, __ATOMIC_RELAXED)};
    uint64_t exceptions = __atomic_load_n(&policy->exception_exits, __ATOMIC_RELAXED);
    cpuid_cache_forget(&vp->cpuid);
    vp->client_exceptions = (exits.ExceptionExit != 0 ? (uint32_t)exceptions : 0) | vp->exception_exits;
    vp->exception_bitmap = GUEST_EXCEPTIONS | vp->client_exceptions;
    vmcs_write32(VMCS_EXCEPTION_BITMAP, vp->exception_bitmap);
    vp->controls.cpu = (vp->controls.cpu & ~CPU_RDTSC) | (exits.X64RdtscExit != 0 ? CPU_RDTSC : 0);
    vmcs_write32(VMCS_CPU_CONTROLS, vp->controls.cpu);
    const uint8_t *bitmap = __atomic_load_n(&vp->partition->msr_bitmap, __ATOMIC_ACQUIRE);
    if (!vp->apicv) {
        vmcs_write64(VMCS_MSR_BITMAP, virt_to_phys(bitmap != NULL ? bitmap : vmm.guest_msr_bitmap));
    }
}

static void set_segment(enum vmcs_segment s, uint16_t selector, uint64_t base, uint32_t access)
{
    vmcs_write16(vmcs_selector_field(s), selector);
    vmcs_write32(vmcs_limit_field(s), 0xffff);
    vmcs_write32(vmcs_access_field(s), access);
    vmcs_writenw(vmcs_base_field(s), base);
}

static void reset_segments(void)
{
    for (enum vmcs_segment s = VMCS_SEG_ES; s <= VMCS_SEG_GS; s++) {
        set_segment(s, 0, 0, SEGMENT_DATA);
    }
    set_segment(VMCS_SEG_CS, 0xf000, 0xffff0000, SEGMENT_CODE);
    set_segment(VMCS_SEG_LDTR, 0, 0, SEGMENT_LDT);
    set_segment(VMCS_SEG_TR, 0, 0, SEGMENT_TSS);
    vmcs_write32(VMCS_GUEST_GDTR_LIMIT, 0xffff);
    vmcs_write32(VMCS_GUEST_IDTR_LIMIT, 0xffff);
    vmcs_writenw(VMCS_GUEST_GDTR_BASE, 0);
    vmcs_writenw(VMCS_GUEST_IDTR_BASE, 0);
}

static void reset_control_registers(struct vp *vp)
{
    vmcs_writenw(VMCS_GUEST_CR0, CR0_ET | CR0_NE);
    vmcs_writenw(VMCS_CR0_SHADOW, CR0_CD | CR0_NW | CR0_ET);
    vmcs_writenw(VMCS_CR0_MASK, CR0_MASK);
    vmcs_writenw(VMCS_GUEST_CR3, 0);
    vmcs_writenw(VMCS_GUEST_CR4, vp->is_root ? CR4_VMXE : CR4_VMXE | CR4_MCE);
    vmcs_writenw(VMCS_CR4_SHADOW, 0);
    vmcs_write64(VMCS_GUEST_EFER, 0);
    vmcs_write32(VMCS_ENTRY_CONTROLS, vp->controls.entry);
    vp->exception_bitmap = (vp->exception_bitmap & ~(1u << VECTOR_NM)) | (vp->client_exceptions & (1u << VECTOR_NM));
    vmcs_write32(VMCS_EXCEPTION_BITMAP, vp->exception_bitmap);
    vp->fpu_trapped = false;
    vp->cr2 = 0;
}

static void reset_plain_state(void)
{
    vmcs_writenw(VMCS_GUEST_RIP, 0xfff0);
    vmcs_writenw(VMCS_GUEST_RSP, 0);
    vmcs_writenw(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
    vmcs_writenw(VMCS_GUEST_DR7, DR7_RESET);
    vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, 0);
    vmcs_write32(VMCS_GUEST_SYSENTER_CS, 0);
    vmcs_writenw(VMCS_GUEST_SYSENTER_ESP, 0);
    vmcs_writenw(VMCS_GUEST_SYSENTER_EIP, 0);
    vmcs_write64(VMCS_GUEST_DEBUGCTL, 0);
    vmcs_write64(VMCS_GUEST_PAT, PAT_RESET);
    vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, 0);
    vmcs_write32(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
    vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
    vmcs_write64(VMCS_GUEST_PDPTE0, 0);
    vmcs_write64(VMCS_GUEST_PDPTE1, 0);
    vmcs_write64(VMCS_GUEST_PDPTE2, 0);
    vmcs_write64(VMCS_GUEST_PDPTE3, 0);
}

void vmcs_setup_reset(struct vp *vp)
{
    reset_segments();
    reset_control_registers(vp);
    reset_plain_state();
    for (unsigned i = 0; i < 16; i++) {
        vp->gpr[i] = 0;
    }
    vp->gpr[2] = cpuid(1, 0).eax; /* RDX: family, model, stepping */
    vp->dr6 = DR6_RESET;
    for (unsigned i = 0; i < 4; i++) {
        vp->dr[i] = 0;
    }
    vp_settle_pending(vp, PENDING_BREAKPOINTS);
    vp_settle_pending(vp, PENDING_SETTLE);
    vp->unfinished.armed = false;
    vp->event = (struct pending_event){0};
    vp_settle_pending(vp, PENDING_PDPTES);
    vp_pend(vp, PENDING_FLUSH_VPID);
}
