/* SPDX-License-Identifier: MIT */
/* What each exit of a root VP leads to. Nothing the root does stops the machine (design brief, section 7). */
#include "abi/handoff.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "kernel/core/kick.h"
#include "kernel/debug/log.h"
#include "kernel/debug/power.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/hypercall/hypercall.h"
#include "vmm/partition/cpuid_policy.h"
#include "vmm/partition/msr_policy.h"
#include "vmm/root/root_ipi.h"
#include "vmm/root/root_port.h"
#include "vmm/root/root_vp.h"
#include "vmm/run/guest_exit.h"
#include "vmm/vp/switch.h"
#include "vmm/vp/vmcs_dump.h"

static void root_cpuid(struct vp *root)
{
    uint64_t mask = vmcs_readnw(VMCS_CR4_MASK);
    uint64_t cr4 = (vmcs_readnw(VMCS_GUEST_CR4) & ~mask) | (vmcs_readnw(VMCS_CR4_SHADOW) & mask);
    struct cpuid_result r = cpuid_for_root(cr4, vmm_cpuid, (uint32_t)root->gpr[0], (uint32_t)root->gpr[1]);
    root->gpr[0] = r.eax;
    root->gpr[1] = r.ecx;
    root->gpr[2] = r.edx;
    root->gpr[3] = r.ebx;
    advance_rip();
}

static void root_rdmsr(struct vp *root)
{
    uint32_t msr = (uint32_t)root->gpr[1];
    uint64_t value;
    switch (msr) {
    case MSR_IA32_FEATURE_CONTROL:
        value = FEATURE_CONTROL_LOCK; /* locked, VMX off */
        break;
    case MSR_IA32_EFER:
        value = vmcs_read64(VMCS_GUEST_EFER);
        break;
    default:
        if (!exit_read_mtrr(root, msr, &value)) {
            event_inject(root, VECTOR_GP, 0);
            return;
        }
    }
    root->gpr[0] = (uint32_t)value;
    root->gpr[2] = value >> 32;
    advance_rip();
}

/* False: the write faults. */
static bool write_efer(uint64_t value)
{
    uint64_t old = vmcs_read64(VMCS_GUEST_EFER), allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    bool paging = (vmcs_readnw(VMCS_GUEST_CR0) & CR0_PG) != 0;
    if ((value & ~allowed) != 0 || (paging && ((old ^ value) & EFER_LME) != 0)) {
        return false;
    }
    vmcs_write64(VMCS_GUEST_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
    return true;
}

static bool write_apic_base(uint64_t value)
{
    bool has_x2apic = (cpuid(1, 0).ecx & (1u << 21)) != 0;
    if (!msr_apic_base_allowed(rdmsr(MSR_IA32_APIC_BASE), value, has_x2apic)) {
        return false;
    }
    return wrmsr_safe(MSR_IA32_APIC_BASE, value);
}

/* False: the write faults. The list of what comes here is root_exits in msr_policy.c. */
static bool write_msr(struct cpu *cpu, struct vp *root, uint32_t msr, uint64_t value)
{
    enum switched_msr which;
    if (switch_msr_find(msr, &which)) {
        /* What is canonical the processor knows: with 57-bit addresses more is. */
        bool address = which == SWITCHED_LSTAR || which == SWITCHED_CSTAR;
        if ((!address && !switch_msr_valid(which, value)) || !wrmsr_safe(msr, value)) {
            return false;
        }
        switch_msr_write(cpu, root, which, value);
        return true;
    }
    switch (msr) {
    case MSR_IA32_EFER:
        return write_efer(value);
    case MSR_IA32_APIC_BASE:
        return write_apic_base(value);
    case MSR_IA32_X2APIC_ICR:
        return root_ipi_write(cpu, value);
    case MSR_IA32_BIOS_UPDT_TRIG:
    case MSR_IA32_MISC_ENABLE:
        return true; /* dropped: microcode and such switches are the firmware's and the hypervisor's matter */
    default:
        return exit_write_mtrr(root, msr, value);
    }
}

static void root_wrmsr(struct cpu *cpu, struct vp *root)
{
    uint64_t value = (root->gpr[2] << 32) | (uint32_t)root->gpr[0];
    if (write_msr(cpu, root, (uint32_t)root->gpr[1], value)) {
        advance_rip();
    } else {
        event_inject(root, VECTOR_GP, 0);
    }
}

static void refuse_access(struct vp *root, uint64_t pa)
{
    log_debug("root VP %u touched %#llx, which is not the root's: #GP", root->index, (unsigned long long)pa);
    if ((root->event.info & INTERRUPTION_VALID) != 0) {
        event_inject(root, VECTOR_DF, 0); /* the fault came while an event was being delivered */
    } else {
        event_inject(root, VECTOR_GP, 0);
    }
}

static void root_ept_violation(struct cpu *cpu, struct vp *root)
{
    uint64_t pa = vmcs_read64(VMCS_GUEST_PHYSICAL_ADDRESS), qualification = vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    event_requeue(root);
    if ((root->event.info & INTERRUPTION_VALID) == 0 && (qualification & (1ull << 12)) != 0) {
        event_block_nmi();
    }
    if (root_memory_fill(cpu, pa)) {
        return;
    }
    refuse_access(root, pa);
}

static void root_ept_misconfiguration(struct vp *root)
{
    event_requeue(root);
    refuse_access(root, vmcs_read64(VMCS_GUEST_PHYSICAL_ADDRESS));
}

static void after_hypercall(struct cpu *cpu, struct vp *root, enum hypercall_next next)
{
    switch (next) {
    case HYPERCALL_DONE:
        advance_rip();
        break;
    case HYPERCALL_AGAIN:
        /* The shadow of STI or MOV SS covers one instruction, this VMCALL: it has had it, and the interrupt may come.
         */
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY,
                     vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & ~(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
        break;
    case HYPERCALL_REFUSED:
        event_inject(root, VECTOR_UD, 0);
        break;
    case HYPERCALL_INIT:
        root_ipi_init(cpu, root);
        break;
    case HYPERCALL_RUN:
        break;
    }
}

/* The end of the root resets the machine, as a triple fault does on a PC without a hypervisor. Several CPUs often end
 * together, of one cause: the state of the first is logged. */
static _Noreturn void root_ended(const struct vp *root, const char *how)
{
    static bool logged; /* atomic */
    if (!__atomic_exchange_n(&logged, true, __ATOMIC_RELAXED)) {
        vmcs_dump();
    }
    log_error("root VP %u: %s at RIP %#llx, CR3 %#llx; the machine is reset", root->index, how,
              (unsigned long long)vmcs_readnw(VMCS_GUEST_RIP), (unsigned long long)vmcs_readnw(VMCS_GUEST_CR3));
    power_reset();
}

void root_entry_refused(const struct vp *root)
{
    log_error("VM-instruction error %u", vmcs_read32(VMCS_INSTRUCTION_ERROR));
    root_ended(root, "an entry that the processor refuses");
}

/* The entry found something wrong with the root VP's state, or the machine itself was wrong (SDM vol. 3C, 27.8). */
static void entry_failed(struct cpu *cpu, const struct vp *root, uint32_t reason)
{
    if ((reason & 0xffffu) != VMX_EXIT_MACHINE_CHECK_ENTRY) {
        root_ended(root, "a state that no processor has");
    }
    exit_machine_check(cpu);
}

void root_run_ended(struct cpu *cpu, struct vp *root, enum run_result result)
{
    after_hypercall(cpu, root, hypercall_run_ended(cpu, root, result));
}

struct vp *root_exit(struct cpu *cpu, struct vp *root, uint32_t reason)
{
    struct vp *run = NULL;
    if ((reason & VMX_EXIT_ENTRY_FAILURE) != 0) {
        entry_failed(cpu, root, reason);
        return NULL;
    }
    switch ((enum vmx_exit_reason)(reason & 0xffffu)) {
    case VMX_EXIT_VMCALL:
        after_hypercall(cpu, root, hypercall_handle(cpu, root, &run));
        break;
    case VMX_EXIT_EXCEPTION_NMI:
        if (exit_exception(cpu, root) == EXIT_RESTART) {
            kick_serve(cpu);
        }
        break;
    case VMX_EXIT_CPUID:
        root_cpuid(root);
        break;
    case VMX_EXIT_CR_ACCESS:
        if (exit_cr_access(root) == EXIT_DELIVER) {
            event_inject(root, VECTOR_UD, 0);
        }
        break;
    case VMX_EXIT_RDMSR:
        root_rdmsr(root);
        break;
    case VMX_EXIT_WRMSR:
        root_wrmsr(cpu, root);
        break;
    case VMX_EXIT_IO:
        root_port_exit(root);
        break;
    case VMX_EXIT_XSETBV:
        if (exit_check_instruction(root, VMX_EXIT_XSETBV)) {
            (void)exit_xsetbv(cpu, root);
        }
        break;
    case VMX_EXIT_EPT_VIOLATION:
        root_ept_violation(cpu, root);
        break;
    case VMX_EXIT_NMI_WINDOW:
        root_nmi_window(root, false); /* the loop's head injects, if INIT has not dropped the NMI */
        break;
    case VMX_EXIT_INIT:
        root_ipi_init_signal(cpu, root);
        break;
    case VMX_EXIT_SIPI:
        root_ipi_sipi(cpu, root, vmcs_readnw(VMCS_EXIT_QUALIFICATION) & 0xff);
        break;
    case VMX_EXIT_TRIPLE_FAULT:
        root_ended(root, "triple fault");
    case VMX_EXIT_INVD: /* dropping dirty lines could lose the hypervisor's data: write them back */
        cpu_wbinvd();
        advance_rip();
        break;
    case VMX_EXIT_TASK_SWITCH:
        event_requeue(root);
        event_inject(root, VECTOR_GP, 0); /* hardware task switches are not offered (docs/caveats.md) */
        break;
    case VMX_EXIT_EPT_MISCONFIGURATION:
        root_ept_misconfiguration(root);
        break;
    default:
        event_inject(root, VECTOR_UD, 0); /* VMX and SMX instructions, which CPUID hides */
        break;
    }
    return run;
}
