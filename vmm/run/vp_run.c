/* SPDX-License-Identifier: MIT */
/* Run-VP: from the root's hypercall through the guest and back, to be read top to bottom. */
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "kernel/core/kick.h"
#include "kernel/debug/log.h"
#include "vmm/apic/apic.h"
#include "vmm/apic/apicv.h"
#include "vmm/cpu/mitigate.h"
#include "vmm/cpu/quirks_bochs.h"
#include "vmm/partition/partition.h"
#include "vmm/run/exit_fast.h"
#include "vmm/run/exit_trace.h"
#include "vmm/run/guest_exit.h"
#include "vmm/run/window.h"
#include "vmm/vp/completion.h"
#include "vmm/vp/switch.h"
#include "vmm/vp/vp_time.h"

/*
 * So many exits may be answered in the hypervisor in a row, those of the fast way included; then the root gets its
 * turn. A guest can make exits that leave no moment in which an interrupt of the root could be seen: a #DB whose
 * delivery raises #DB exits again before the first instruction of its handler, and debug exceptions come before
 * interrupts (SDM vol. 3A, table 6-2). The hypervisor itself runs with interrupts off.
 */
#define RESUMES_MAX 256u

static bool take_cancel(struct vp *vp)
{
    return __atomic_load_n(&vp->cancel, __ATOMIC_SEQ_CST) != 0 &&
           __atomic_exchange_n(&vp->cancel, 0, __ATOMIC_SEQ_CST) != 0;
}

/*
 * A change of the EPT bumps the generation first and then looks who runs the partition; this CPU said that it runs it
 * before it reads the generation. So either the change is seen here, or the changer sees this CPU and kicks it.
 */
static void refresh_translations(struct cpu *cpu, struct vp *vp)
{
    struct partition *p = vp->partition;
    uint64_t generation = __atomic_load_n(&p->ept_generation, __ATOMIC_SEQ_CST);
    if (p->cpu_generation[cpu->index] != generation) {
        vmx_flush_ept(p->eptp);
        p->cpu_generation[cpu->index] = generation;
    }
    if (cpu->flush_ack != generation) {
        __atomic_store_n(&cpu->flush_ack, generation, __ATOMIC_RELEASE);
    }
    if (vp_pending(vp, PENDING_FLUSH_VPID) != 0) {
        vp_settle_pending(vp, PENDING_FLUSH_VPID);
        vmx_flush_vpid(vp->vpid);
    }
}

static bool load_pdptes(struct vp *vp)
{
    const struct vmcs64 fields[4] = {VMCS_GUEST_PDPTE0, VMCS_GUEST_PDPTE1, VMCS_GUEST_PDPTE2, VMCS_GUEST_PDPTE3};
    uint64_t pdptes[4];
    uint64_t table = vmcs_readnw(VMCS_GUEST_CR3) & 0xffffffe0u;
    bool pae = (vmcs_readnw(VMCS_GUEST_CR0) & CR0_PG) != 0 && (vmcs_readnw(VMCS_GUEST_CR4) & CR4_PAE) != 0 &&
               (vmcs_read32(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E) == 0;
    if (pae) {
        if (guest_memory_read(vp->partition, table, pdptes, sizeof(pdptes)) != sizeof(pdptes)) {
            return false;
        }
        for (unsigned i = 0; i < 4; i++) {
            vmcs_write64(fields[i], pdptes[i]);
        }
    }
    vp_settle_pending(vp, PENDING_PDPTES);
    return true;
}

/* After a kick or an NMI's or machine check's exit: does the root have to take an event now? */
static enum exit_action after_nmi(struct cpu *cpu)
{
    kick_serve(cpu);
    if (__atomic_load_n(&cpu->init_wanted, __ATOMIC_ACQUIRE) != 0) {
        return EXIT_INIT;
    }
    bool wanted = cpu->nmi_for_root != 0 || (cpu->root_vp->event.info & INTERRUPTION_VALID) != 0;
    return wanted ? EXIT_RESTART : EXIT_RESUME;
}

static enum exit_action entry_failed(struct vp *vp)
{
    /* 7, invalid controls, is an event that cannot be injected; none of the others (31.4) is known to come. */
    log_debug("VP %u: entry failed with VM-instruction error %u.", vp->index, vmcs_read32(VMCS_INSTRUCTION_ERROR));
    exit_record_invalid(vp);
    return EXIT_DELIVER;
}

static enum exit_action not_entered(struct cpu *cpu, struct vp *vp, enum vmx_entry_result entry)
{
    event_take_back(vp);
    return entry == VMX_ENTRY_FAILED ? entry_failed(vp) : after_nmi(cpu);
}

/* The exception of an exit with reason 0; the information is read only then. */
static bool was_page_fault(uint32_t reason)
{
    return reason == VMX_EXIT_EXCEPTION_NMI &&
           (vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO) & INTERRUPTION_VECTOR) == VECTOR_PF;
}

/* `injected`: the event that the entry carried. */
static inline __attribute__((always_inline)) enum exit_action after_exit(struct cpu *cpu, struct vp *vp, bool traced,
                                                                         uint32_t injected)
{
    uint64_t since = __builtin_expect(vp_pending(vp, PENDING_TIMED) != 0, 0) ? rdtsc() : 0;
    struct exit_snapshot snapshot;
    uint32_t reason = vmcs_read32(VMCS_EXIT_REASON);
    snapshot.reason = reason & 0xffffu;
    exit_trace_exit(cpu, traced, vp, snapshot.reason);
    if ((reason & VMX_EXIT_ENTRY_FAILURE) == 0) {
        vp_settle_pending(vp, PENDING_LAUNCH);
        vp->launched = true;          /* an entry that fails leaves the launch state as it was (SDM vol. 3C, 27.8) */
        vp->injected_info = injected; /* the rest of the event stays in vp->event */
        vp->event.info = vp->suspend == 0 ? 0 : vp->event.info;
    } else {
        event_take_back(vp);
    }
    bool page_fault = was_page_fault(snapshot.reason);
    enum exit_action action = guest_exit(cpu, vp, &snapshot);
    if ((injected & INTERRUPTION_VALID) != 0 && (vp->event.info & INTERRUPTION_VALID) == 0) {
        counters_event(&vp->counters, injected);
    }
    if (action == EXIT_DELIVER) {
        exit_record(vp, &snapshot);
    } else if (action == EXIT_RESTART && snapshot.reason == VMX_EXIT_EXCEPTION_NMI) {
        action = after_nmi(cpu);
    }
    counters_exit(&vp->counters, snapshot.reason, page_fault, since != 0 ? rdtsc() - since : 0);
    return action;
}

/* One turn: enters the guest, and deals with what made it leave. EXIT_DELIVER: the record is made. */
static inline __attribute__((always_inline)) enum exit_action run_once(struct cpu *cpu, struct vp *vp, bool traced)
{
    if (vp_pending(vp, PENDING_POLICY) != 0) {
        vp_apply_policy(vp);
    }
    if (vp->apic_on) {
        apic_before_entry(vp);
        apicv_before_entry(vp);
    }
    if (vp_pending(vp, PENDING_WINDOWS) != 0) {
        enum exit_action window = window_before_entry(vp);
        if (window != EXIT_RESUME) {
            exit_trace_no_exit(cpu, traced, vp);
            return window;
        }
    }
    if (vp->apic_on) {
        apic_arm(vp);
    }
    refresh_translations(cpu, vp);
    switch_fpu_before_entry(cpu, vp);
    uint32_t injected = vp->suspend == 0 ? vp->event.info : 0; /* an event waits for a VP that sleeps */
    if ((injected & INTERRUPTION_VALID) != 0) {
        event_inject_pending(vp);
        vp->injected_rip = vmcs_readnw(VMCS_GUEST_RIP);
    }

    if (vp_pending(vp, PENDING_MITIGATE) != 0) {
        mitigate_before_entry(cpu, vp->partition->handle);
    }
    /* What an entry begins that is finished after its exit is not for the fast way. */
    bool plain = (injected & INTERRUPTION_VALID) == 0 && vp_pending(vp, PENDING_TIMED | PENDING_BREAKPOINTS) == 0;
    vp->fast_given = plain ? FAST_EXITS : 0;
    vp->fast_left = vp->fast_given;
    exit_trace_entered(cpu, traced);
    bool may_block_nmi = quirk_may_block_nmi(vp);
    if (vp_pending(vp, PENDING_QUIRK) != 0) {
        (void)quirk_mask_interrupts(cpu);
    }
    enum vmx_entry_result entry = vmx_enter(vp->gpr, vp->launched);
    if (__builtin_expect(entry != VMX_ENTRY_EXITED, 0)) {
        exit_trace_no_exit(cpu, traced, vp);
        return not_entered(cpu, vp, entry);
    }
    quirk_correct_nmi(may_block_nmi);
    return after_exit(cpu, vp, traced, injected);
}

/* What the root set is made ready. False: CR3 names no memory, so that there are no PDPTEs to enter with. */
static bool ready_to_enter(struct vp *vp)
{
    if (vp_pending(vp, PENDING_PDPTES) != 0 && !load_pdptes(vp)) {
        return false;
    }
    if (vp_pending(vp, PENDING_SETTLE) != 0) {
        completion_settle(vp);
    }
    return true;
}

/* From what the last turn came to. */
static enum run_result go_on(struct cpu *cpu, struct vp *vp, bool traced, enum exit_action action)
{
    for (uint32_t resumed = 0;; resumed++) {
        switch (action) {
        case EXIT_RESUME:
            resumed += vp->fast_given - vp->fast_left;
            if (resumed >= RESUMES_MAX) {
                return RUN_RESTART;
            }
            break;
        case EXIT_DELIVER:
        case EXIT_RECORDED:
            return RUN_RECORD;
        case EXIT_EMULATE:
            return RUN_EMULATE;
        case EXIT_RESTART:
            return RUN_RESTART;
        case EXIT_INIT:
            return RUN_INIT;
        }
        if (take_cancel(vp)) {
            exit_trace_no_exit(cpu, traced, vp);
            exit_record_cancel(vp);
            return RUN_RECORD;
        }
        action = run_once(cpu, vp, traced);
    }
}

static inline enum run_result run_until_root(struct cpu *cpu, struct vp *vp, bool traced)
{
    if (!ready_to_enter(vp)) {
        exit_trace_no_exit(cpu, traced, vp);
        exit_record_invalid(vp);
        return RUN_RECORD;
    }
    vp->fast_left = vp->fast_given; /* nothing was answered in this run */
    return go_on(cpu, vp, traced, EXIT_RESUME);
}

/*
 * Bits are cleared before their values are read, so that what the root sets meanwhile from another CPU is taken either
 * now or the next time. Each word is read once.
 */
bool vp_take_run_page(struct vp *vp)
{
    volatile struct whb_run_page *run = vp->run;
    uint32_t dirty = run->dirty;
    if (dirty == 0) {
        return true;
    }
    if ((dirty & ~WHB_RUN_ALL) != 0) {
        return false;
    }
    __atomic_fetch_and(&run->dirty, ~dirty, __ATOMIC_SEQ_CST);
    if ((dirty & WHB_RUN_RIP) != 0) {
        uint64_t rip = run->rip;
        (void)completion_move(vp, rip, (dirty & WHB_RUN_RFLAGS) != 0);
        vmcs_writenw(VMCS_GUEST_RIP, rip);
    }
    if ((dirty & WHB_RUN_RFLAGS) != 0) {
        vmcs_writenw(VMCS_GUEST_RFLAGS, run->rflags);
        vp_pend(vp, PENDING_SETTLE);
    }
    if ((dirty & WHB_RUN_RSP) != 0) {
        vmcs_writenw(VMCS_GUEST_RSP, run->gpr[4]);
    }
    return true;
}

static enum run_result end_run(struct cpu *cpu, struct vp *vp, bool traced, enum run_result result)
{
    guest_memory_unpin();
    if (__builtin_expect(result > RUN_EMULATE, 0)) {
        vp->run->valid = WHB_RUN_ALL & ~(WHB_RUN_RSP | WHB_RUN_RIP | WHB_RUN_RFLAGS);
    }
    switch_to(cpu, cpu->root_vp);
    bool timed = vp_pending(vp, PENDING_TIMED) != 0;
    uint64_t now = traced || timed ? rdtsc() : 0;
    exit_trace_left(cpu, traced, now);
    vp->counters.run_ticks += timed ? now - vp->run_began : 0;
    return result;
}

enum run_result vp_run_on(struct cpu *cpu, struct vp *vp, enum vmx_entry_result entry)
{
    bool traced = cpu_traced(cpu);
    enum exit_action action = EXIT_RESUME;
    vp->fast_given = FAST_EXITS;
    if (entry != VMX_ENTRY_EXITED) {
        exit_trace_no_exit(cpu, traced, vp);
        action = not_entered(cpu, vp, entry);
    } else if (!cpu->straight_again) {
        action = after_exit(cpu, vp, traced, 0);
    }
    cpu->straight_again = false;
    return end_run(cpu, vp, traced, go_on(cpu, vp, traced, action));
}

enum run_result vp_run(struct cpu *cpu, struct vp *vp)
{
    bool traced = cpu_traced(cpu);
    vp->run_began = rdtsc();
    exit_trace_returned(cpu, traced, vp->run_began);
    vp_bring_here(cpu, vp);
    if (vp_take_run_page(vp)) {
        guest_memory_pin(vp->partition);
        partition_time_start(vp);
        return end_run(cpu, vp, traced, run_until_root(cpu, vp, traced));
    }
    exit_trace_no_exit(cpu, traced, vp);
    switch_to(cpu, cpu->root_vp);
    exit_trace_left(cpu, traced, rdtsc());
    return RUN_BAD_PAGE;
}
