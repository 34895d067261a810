/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/hardware_model.h"

#ifdef HARDWARE_MODEL

#include "arch/cpu/apic.h"
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx.h"

#define MSR_X2APIC_IRR 0x820u
#define IRR_REGISTERS 8u

/* Exits after which the pending debug exceptions are saved as they are (SDM vol. 3C, 28.3.4). */
static bool saves_pending_debug(uint32_t reason)
{
    switch (reason & 0xffffu) {
    case VMX_EXIT_EXCEPTION_NMI:
        return (vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO) & INTERRUPTION_VECTOR) == VECTOR_MC;
    case VMX_EXIT_INIT:
    case VMX_EXIT_IO_SMI:
    case VMX_EXIT_SMI:
    case VMX_EXIT_MONITOR_TRAP:
    case VMX_EXIT_MACHINE_CHECK_ENTRY:
    case VMX_EXIT_TPR_BELOW_THRESHOLD:
    case VMX_EXIT_EOI_INDUCED:
    case VMX_EXIT_APIC_WRITE:
        return true;
    default:
        return false;
    }
}

/* Exits with whose state RF is saved as a fault would have pushed it (28.3.3). */
static bool saves_resume_flag(uint32_t reason)
{
    uint32_t info = vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO), type = info & INTERRUPTION_TYPE;
    switch (reason & 0xffffu) {
    case VMX_EXIT_EXCEPTION_NMI:
        return type == INTERRUPTION_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT &&
               (info & INTERRUPTION_VECTOR) != VECTOR_DB && (info & INTERRUPTION_VECTOR) != VECTOR_MC;
    case VMX_EXIT_EPT_VIOLATION:
    case VMX_EXIT_EPT_MISCONFIGURATION:
        return (vmcs_read32(VMCS_IDT_VECTORING_INFO) & INTERRUPTION_VALID) == 0;
    default:
        return false;
    }
}

/* Bochs 2.7 saves a single step that is due with every exit under RFLAGS.TF, and RF with none. */
void hardware_model_exit(uint32_t reason)
{
    if ((reason & VMX_EXIT_ENTRY_FAILURE) == 0 && saves_resume_flag(reason)) {
        vmcs_writenw(VMCS_GUEST_RFLAGS, vmcs_readnw(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
    }
    bool shadow = (vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & BLOCKING_BY_MOV_SS) != 0;
    if ((reason & VMX_EXIT_ENTRY_FAILURE) == 0 && !shadow && !saves_pending_debug(reason)) {
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, 0);
    }
}

/* PAUSE exiting stands for whatever a newer processor makes exit: the hypervisor does not know it. */
uint32_t hardware_model_controls(void)
{
    return CPU_PAUSE;
}

/*
 * Bochs needs the slices of vmm/cpu/quirks_bochs.c to see an interrupt at all, where hardware leaves the guest for it.
 * They stay, but the root gets its turn only if there is one: nothing but an interrupt, an exit or a cancel ends a run.
 */
bool hardware_model_quiet(void)
{
    uint64_t pending = 0;
    if (!apic_is_x2apic()) {
        return false;
    }
    for (uint32_t i = 0; i < IRR_REGISTERS; i++) {
        pending |= rdmsr(MSR_X2APIC_IRR + i);
    }
    return pending == 0;
}

#endif
