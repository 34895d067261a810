/* SPDX-License-Identifier: MIT */
/* What each exit of a guest VP leads to. Anything that is not finished here is the root's (design brief, section 4). */
#include "vmm/run/guest_exit.h"

#include "abi/whv.h"
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/apic/apic.h"
#include "vmm/apic/apicv.h"
#include "vmm/cpu/hardware_model.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"
#include "vmm/run/apic_exit.h"
#include "vmm/run/guest_write.h"
#include "vmm/run/window.h"
#include "vmm/vp/completion.h"
#include "vmm/vp/guest_cpuid.h"
#include "vmm/vp/switch.h"
#include "vmm/vp/vp_time.h"

/* SDM vol. 3C, table 28-7 */
#define EPT_VIOLATION_WRITE (1ull << 1)
#define EPT_VIOLATION_FETCH (1ull << 2)
#define EPT_VIOLATION_OPERAND (3ull << 7) /* of a linear address, and not while it was translated */

static enum exit_action exit_cpuid(struct vp *vp, struct exit_snapshot *snapshot)
{
    volatile uint64_t *gpr = vp->gpr;
    uint32_t leaf = (uint32_t)gpr[0], subleaf = (uint32_t)gpr[1];
    uint32_t shown;
    struct cpuid_result r = guest_cpuid(vp, leaf, subleaf, &shown);
    bool wanted = guest_cpuid_exits(vp->partition, leaf);
    if (shown == leaf) {
        guest_cpuid_remember(vp, leaf, subleaf, &r, wanted);
    }
    if (wanted) {
        snapshot->cpuid_default.rax = r.eax;
        snapshot->cpuid_default.rbx = r.ebx;
        snapshot->cpuid_default.rcx = r.ecx;
        snapshot->cpuid_default.rdx = r.edx;
        return EXIT_DELIVER;
    }
    gpr[0] = r.eax;
    gpr[1] = r.ecx;
    gpr[2] = r.edx;
    gpr[3] = r.ebx;
    advance_rip();
    return EXIT_RESUME;
}

static enum exit_action exit_rdtsc(struct vp *vp, struct exit_snapshot *snapshot)
{
    snapshot->rdtsc.tsc_aux = vp->msr[SWITCHED_TSC_AUX];
    snapshot->rdtsc.offset = vp->tsc_offset;
    snapshot->rdtsc.tsc = partition_time_tsc(vp);
    snapshot->rdtsc.reference = partition_time_reference(vp->partition);
    return EXIT_DELIVER;
}

static enum exit_action inject_and_resume(struct vp *vp, enum exception_vector vector)
{
    event_inject(vp, vector, 0);
    return EXIT_RESUME;
}

/* Without the root's interest VMCALL is undefined. */
static enum exit_action exit_vmcall(struct cpu *cpu, struct vp *vp, struct exit_snapshot *snapshot)
{
    WHV_EXTENDED_VM_EXITS exits = {.AsUINT64 = vp->partition->policy->extended_exits};
    if (exits.HypercallExit == 0) {
        return inject_and_resume(vp, VECTOR_UD);
    }
    switch_fpu_put(cpu, vp);
    snapshot->xmm = (const uint8_t *)vp->extended_state + 160; /* SDM vol. 1, table 10-2 */
    return EXIT_DELIVER;
}

/*
 * EPT violation: a tracked page's first write, a doorbell or posted write, or the root's. What was being delivered and
 * NMI blocking are kept (SDM vol. 3C, 28.2.1 bit 12).
 */
static enum exit_action exit_ept_violation(struct vp *vp, struct exit_snapshot *snapshot)
{
    uint64_t qualification = vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    event_requeue(vp);
    if ((vp->event.info & INTERRUPTION_VALID) == 0 && (qualification & (1ull << 12)) != 0) {
        event_block_nmi();
    }
    uint64_t gpa = vmcs_read64(VMCS_GUEST_PHYSICAL_ADDRESS);
    if (apic_owns_page(vp, gpa)) {
        bool operand = (qualification & (EPT_VIOLATION_OPERAND | EPT_VIOLATION_FETCH)) == EPT_VIOLATION_OPERAND;
        if (operand && (vp->event.info & INTERRUPTION_VALID) == 0) {
            return apic_page_access(vp, gpa, snapshot);
        }
        snapshot->reason = VMX_EXIT_APIC_ACCESS; /* code, page tables, a stack: there is no memory for them */
        return EXIT_DELIVER;
    }
    if ((qualification & EPT_VIOLATION_WRITE) == 0) {
        return EXIT_DELIVER;
    }
    bool done = guest_memory_write_fault(vp->partition, gpa) || guest_write_memory(vp, gpa, qualification);
    return done ? EXIT_RESUME : EXIT_DELIVER;
}

/* An event that the entry injected was not delivered if RIP has not moved: the root cannot know of it otherwise. */
static enum exit_action exit_triple_fault(struct vp *vp)
{
    bool injected = (vp->injected_info & INTERRUPTION_VALID) != 0 && vp->injected_rip == vmcs_readnw(VMCS_GUEST_RIP);
    vp->undelivered = vp->event;
    vp->undelivered.info = injected ? vp->injected_info : 0;
    return EXIT_DELIVER;
}

/* HLT is complete when it exits; a debug exception that is due behind it comes at once and ends it. */
static enum exit_action exit_halt(struct vp *vp)
{
    if (completion_ends_in_trap()) {
        advance_rip();
        return EXIT_RESUME;
    }
    return vp->apic_on ? apic_halt(vp) : EXIT_DELIVER;
}

/*
 * An exit that this hypervisor has no use for: of a processor newer than it, or one that its controls should not allow.
 * The machine has nothing to fear from it, the VP cannot go on without somebody who knows it: the record names the
 * reason. After a failed entry the VMCS has no event of this exit (SDM vol. 3C, 27.8).
 */
static enum exit_action exit_unknown(struct vp *vp)
{
    if ((vmcs_read32(VMCS_EXIT_REASON) & VMX_EXIT_ENTRY_FAILURE) == 0) {
        event_requeue(vp);
    }
    return EXIT_DELIVER;
}

/* Instructions that the processor may make exit before it has looked at all that makes them fault. */
static enum exit_action exit_instruction(struct cpu *cpu, struct vp *vp, struct exit_snapshot *snapshot)
{
    if (!exit_check_instruction(vp, snapshot->reason)) {
        return EXIT_RESUME;
    }
    switch ((enum vmx_exit_reason)snapshot->reason) {
    case VMX_EXIT_MOV_DR:
        return exit_guest_mov_dr(vp);
    case VMX_EXIT_XSETBV:
        return exit_xsetbv(cpu, vp);
    case VMX_EXIT_WBINVD:
    case VMX_EXIT_INVD: /* caches are coherent with the root's view of guest memory: nothing to write back or drop */
        advance_rip();
        return EXIT_RESUME;
    case VMX_EXIT_RDPMC:
        return inject_and_resume(vp, VECTOR_GP); /* there are no counters */
    case VMX_EXIT_RDTSC:
    case VMX_EXIT_RDTSCP:
        return exit_rdtsc(vp, snapshot);
    case VMX_EXIT_VMCALL:
        return exit_vmcall(cpu, vp, snapshot);
    default:
        return exit_unknown(vp);
    }
}

enum exit_action guest_exit(struct cpu *cpu, struct vp *vp, struct exit_snapshot *snapshot)
{
    switch ((enum vmx_exit_reason)snapshot->reason) {
    case VMX_EXIT_IO:
        return guest_write_port(vp) ? EXIT_RESUME : EXIT_DELIVER;
    case VMX_EXIT_TRIPLE_FAULT:
        return exit_triple_fault(vp);
    case VMX_EXIT_INVALID_GUEST_STATE:
        return EXIT_DELIVER;
    case VMX_EXIT_EPT_VIOLATION:
        return exit_ept_violation(vp, snapshot);
    case VMX_EXIT_TASK_SWITCH:
        event_requeue(vp);
        return EXIT_DELIVER;
    case VMX_EXIT_HLT:
        return exit_halt(vp);
    case VMX_EXIT_CPUID:
        return exit_cpuid(vp, snapshot);
    case VMX_EXIT_RDMSR:
        return exit_guest_rdmsr(cpu, vp);
    case VMX_EXIT_WRMSR:
        return exit_guest_wrmsr(cpu, vp);
    case VMX_EXIT_PREEMPTION_TIMER:
        if (vp->apic_on) {
            return apic_timer_exit(vp);
        }
        event_requeue(vp);
        if (hardware_model_quiet()) {
            return EXIT_RESUME;
        }
        return EXIT_RESTART; /* only where an interrupt may have been missed: vmm/cpu/quirks_bochs.c */
    case VMX_EXIT_EXTERNAL_INTERRUPT:
        event_requeue(vp);
        return EXIT_RESTART;
    case VMX_EXIT_EXCEPTION_NMI:
        return exit_exception(cpu, vp);
    case VMX_EXIT_CR_ACCESS:
        return exit_cr_access(vp);
    case VMX_EXIT_EOI_INDUCED:
        return apicv_eoi_exit(vp);
    case VMX_EXIT_APIC_WRITE:
        return apic_write_exit(vp);
    case VMX_EXIT_INTERRUPT_WINDOW:
    case VMX_EXIT_NMI_WINDOW:
    case VMX_EXIT_TPR_BELOW_THRESHOLD:
        return window_exit(vp, snapshot->reason);
    case VMX_EXIT_INIT:
        event_requeue(vp);
        return EXIT_INIT;
    case VMX_EXIT_MACHINE_CHECK_ENTRY:
        exit_machine_check(cpu);
        return EXIT_RESTART;
    default:
        return exit_instruction(cpu, vp, snapshot);
    }
}
