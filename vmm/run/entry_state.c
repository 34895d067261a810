/* SPDX-License-Identifier: MIT */
/* From the VMCS and the machine's capabilities to what vmm/run/entry_check.c looks at. */
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/apic/apic.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"
#include "vmm/run/diagnostics.h"
#include "vmm/vp/translate.h"

#define BASIC_ANY_ERROR_CODE (1ull << 56)
#define MISC_ZERO_LENGTH (1ull << 30)
#define MISC_ACTIVITY_SHIFT 6u /* HLT, shutdown, wait-for-SIPI */
#define CPUID_7_ECX_LA57 (1u << 16)

static void read_limits(bool refused, struct entry_limits *l)
{
    *l = (struct entry_limits){
        .cr0_fixed0 = vmm.caps.cr0_fixed0,
        .cr0_fixed1 = vmm.caps.cr0_fixed1,
        .cr4_fixed0 = vmm.caps.cr4_fixed0,
        .cr4_fixed1 = vmm.caps.cr4_fixed1,
        .physical_bits = vmm.physical_bits,
        .linear_bits = (cpuid(7, 0).ecx & CPUID_7_ECX_LA57) != 0 ? 57 : 48,
        .activity = (uint8_t)(1u | (vmm.caps.misc >> MISC_ACTIVITY_SHIFT & 7u) << 1),
        .any_error_code = (vmm.caps.basic & BASIC_ANY_ERROR_CODE) != 0,
        .zero_length = (vmm.caps.misc & MISC_ZERO_LENGTH) != 0,
        .monitor_trap = (vmm.caps.cpu >> 32 & CPU_MONITOR_TRAP) != 0,
        .nmi_in_shadow = !refused,
    };
}

static void read_segments(struct entry_state *s)
{
    for (enum vmcs_segment i = VMCS_SEG_ES; i <= VMCS_SEG_TR; i++) {
        s->segment[i].base = vmcs_readnw(vmcs_base_field(i));
        s->segment[i].limit = vmcs_read32(vmcs_limit_field(i));
        s->segment[i].selector = vmcs_read16(vmcs_selector_field(i));
        s->segment[i].access_rights = vmcs_read32(vmcs_access_field(i));
    }
    s->gdtr_base = vmcs_readnw(VMCS_GUEST_GDTR_BASE);
    s->idtr_base = vmcs_readnw(VMCS_GUEST_IDTR_BASE);
    s->gdtr_limit = vmcs_read32(VMCS_GUEST_GDTR_LIMIT);
    s->idtr_limit = vmcs_read32(VMCS_GUEST_IDTR_LIMIT);
}

static void read_registers(struct entry_state *s)
{
    s->cr0 = vmcs_readnw(VMCS_GUEST_CR0);
    s->cr3 = vmcs_readnw(VMCS_GUEST_CR3);
    s->cr4 = vmcs_readnw(VMCS_GUEST_CR4);
    s->efer = vmcs_read64(VMCS_GUEST_EFER);
    s->dr7 = vmcs_readnw(VMCS_GUEST_DR7);
    s->debugctl = vmcs_read64(VMCS_GUEST_DEBUGCTL);
    s->pat = vmcs_read64(VMCS_GUEST_PAT);
    s->sysenter_esp = vmcs_readnw(VMCS_GUEST_SYSENTER_ESP);
    s->sysenter_eip = vmcs_readnw(VMCS_GUEST_SYSENTER_EIP);
    s->rip = vmcs_readnw(VMCS_GUEST_RIP);
    s->rflags = vmcs_readnw(VMCS_GUEST_RFLAGS);
    s->ia32e = (vmcs_read32(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E) != 0;
    s->interruptibility = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
    s->pending_debug = vmcs_readnw(VMCS_GUEST_PENDING_DEBUG);
}

/* What the VMCS holds, or what it would hold had they been loaded for a new CR3. */
static void read_pdptes(const struct vp *vp, struct entry_state *s)
{
    const struct vmcs64 fields[4] = {VMCS_GUEST_PDPTE0, VMCS_GUEST_PDPTE1, VMCS_GUEST_PDPTE2, VMCS_GUEST_PDPTE3};
    s->pdptes_absent = false;
    if (vp_pending(vp, PENDING_PDPTES) != 0) {
        s->pdptes_absent = !translate_new_pdptes(vp, s->cr3, s->pdpte);
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        s->pdpte[i] = vmcs_read64(fields[i]);
    }
}

void entry_state_read(const struct vp *vp, bool refused, struct entry_state *s)
{
    read_limits(refused, &s->limits);
    read_registers(s);
    read_segments(s);
    read_pdptes(vp, s);
    /* vmm/apic/apic.c gives the entry its activity state, and keeps an event for a VP that sleeps. */
    bool asleep = apic_sleeps(vp);
    s->activity = asleep ? ACTIVITY_HLT : ACTIVITY_ACTIVE;
    s->event_info = asleep ? 0 : vp->event.info;
    s->event_error_code = vp->event.error_code;
    s->event_length = vp->event.instruction_length;
}
