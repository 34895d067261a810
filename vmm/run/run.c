/* SPDX-License-Identifier: MIT */
#include "vmm/run/run.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "kernel/core/kick.h"
#include "kernel/debug/log.h"
#include "vmm/apic/apic.h"
#include "vmm/apic/apicv.h"
#include "vmm/cpu/mitigate.h"
#include "vmm/cpu/quirks_bochs.h"
#include "vmm/partition/partition.h"
#include "vmm/partition/partition_slots.h"
#include "vmm/run/exit_trace.h"
#include "vmm/run/guest_exit.h"
#include "vmm/run/window.h"
#include "vmm/vp/completion.h"
#include "vmm/vp/switch.h"
#include "vmm/vp/vp_time.h"
#include "vmm/vp/window_decide.h"

static struct run_client client;

void run_init(const struct run_client *given)
{
    client = *given;
}

/*
 * RUN_EXITS: so many exits may be answered in the hypervisor in a row; then the root gets its turn. A guest can make
 * exits that leave no moment in which an interrupt of the root could be seen: a #DB whose delivery raises #DB exits
 * again before the first instruction of its handler, and debug exceptions come before interrupts (SDM vol. 3A, table
 * 6-2). The hypervisor itself runs with interrupts off.
 */
static bool take_turn(struct vp *vp)
{
    if (vp->exits_left == 0) {
        return false;
    }
    vp->exits_left--;
    return true;
}

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

static enum exit_action guest_refused(struct vp *vp)
{
    /* An event that cannot be injected is an invalid control (7); none of the other errors (31.4) is known to come. The
     * number is VMLAUNCH's, which follows a VMRESUME that failed: 4 if that found a VMCS that was launched. */
    log_debug("VP %u: entry failed with VM-instruction error %u.", vp->index, vmcs_read32(VMCS_INSTRUCTION_ERROR));
    exit_record_invalid(vp);
    return EXIT_DELIVER;
}

/* The exception of an exit with reason 0; the information is read only then. */
static bool was_page_fault(uint32_t reason)
{
    return reason == VMX_EXIT_EXCEPTION_NMI &&
           (vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO) & INTERRUPTION_VECTOR) == VECTOR_PF;
}

/* What was due before the entry and is over with it. */
static void finish_entry(struct vp *vp, bool entered)
{
    bool injected = vp_pending(vp, PENDING_INJECTED) != 0;
    vp_settle_pending(vp, PENDING_RARE_EXIT | PENDING_INJECTED);
    if (!entered) {
        event_take_back(vp);
        return;
    }
    vp->injected_info = injected ? vp->event.info : 0; /* the rest of the event stays in vp->event */
    vp->event.info = vp->suspend == 0 ? 0 : vp->event.info;
}

static enum exit_action after_exit(struct cpu *cpu, struct vp *vp, bool traced)
{
    uint64_t since = vp_pending(vp, PENDING_TIMED) != 0 ? rdtsc() : 0;
    struct exit_snapshot snapshot;
    uint32_t reason = vmcs_read32(VMCS_EXIT_REASON);
    snapshot.reason = reason & 0xffffu;
    exit_trace_exit(cpu, traced, vp, snapshot.reason);
    quirk_correct_nmi(vp->may_block_nmi);
    finish_entry(vp, (reason & VMX_EXIT_ENTRY_FAILURE) == 0);
    bool page_fault = was_page_fault(snapshot.reason);
    uint32_t injected = (reason & VMX_EXIT_ENTRY_FAILURE) == 0 ? vp->injected_info : 0;
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

/* Does what is pending. EXIT_RESUME: the VP can be entered. Else the record is made. */
static enum exit_action prepare(struct cpu *cpu, struct vp *vp)
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
            return window;
        }
    }
    if (vp->apic_on) {
        apic_arm(vp);
    }
    refresh_translations(cpu, vp);
    switch_fpu_before_entry(cpu, vp);
    if (vp_pending(vp, PENDING_QUIRK) != 0) {
        (void)quirk_mask_interrupts(cpu);
    }
    vp->may_block_nmi = quirk_may_block_nmi(vp);
    if (vp->suspend == 0 && (vp->event.info & INTERRUPTION_VALID) != 0) { /* an event waits for a VP that sleeps */
        event_inject_pending(vp);
        vp->injected_rip = vmcs_readnw(VMCS_GUEST_RIP);
        vp_pend(vp, PENDING_INJECTED);
    }
    if (vmm.nmi_blocked_once) {
        vp_pend(vp, PENDING_RARE_EXIT);
    }
    if (vp_pending(vp, PENDING_MITIGATE) != 0) {
        mitigate_before_entry(cpu, vp->partition->handle);
    }
    return EXIT_RESUME;
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
    if ((dirty & ~WHB_RUN_DIRTY_ALL) != 0) {
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
    if ((dirty & WHB_RUN_NOTIFICATIONS) != 0) {
        event_set_notifications(vp, run->notifications & NOTIFY_ALL);
    }
    return true;
}

static enum run_result result_of(enum exit_action action)
{
    switch (action) {
    case EXIT_EMULATE:
        return RUN_EMULATE;
    case EXIT_RESTART:
        return RUN_RESTART;
    case EXIT_INIT:
        return RUN_INIT;
    default:
        return RUN_RECORD;
    }
}

/* From what the last exit came to, to the next entry: the guest's or, if the run has ended, the root's. */
static uint64_t *go_on(struct cpu *cpu, struct vp *vp, enum exit_action action)
{
    bool traced = cpu_traced(cpu);
    if (action == EXIT_RESUME && !take_turn(vp)) {
        action = EXIT_RESTART;
    }
    if (action == EXIT_RESUME && take_cancel(vp)) {
        exit_trace_no_exit(cpu, traced, vp);
        exit_record_cancel(vp);
        action = EXIT_RECORDED;
    }
    if (action == EXIT_RESUME) {
        action = prepare(cpu, vp);
        if (action == EXIT_RESUME) {
            lock_check_forget(HELD_PIN);
            exit_trace_entered(cpu, traced);
            return vp->gpr;
        }
        exit_trace_no_exit(cpu, traced, vp);
    }
    return run_end(cpu, vp, result_of(action));
}

uint64_t *run_resume(struct cpu *cpu, struct vp *vp)
{
    lock_check_take(HELD_PIN);
    return go_on(cpu, vp, EXIT_RESUME);
}

uint64_t *run_end(struct cpu *cpu, struct vp *vp, enum run_result result)
{
    struct partition *p = vp->partition;
    bool traced = cpu_traced(cpu), timed = vp_pending(vp, PENDING_TIMED) != 0;
    guest_memory_unpin();
    if (result == RUN_RESTART || result == RUN_INIT) {
        vp->run->valid = WHB_RUN_ALL & ~(WHB_RUN_RSP | WHB_RUN_RIP | WHB_RUN_RFLAGS);
    }
    switch_to(cpu, cpu->root_vp);
    uint64_t now = traced || timed ? rdtsc() : 0;
    exit_trace_left(cpu, traced, now);
    vp->counters.run_ticks += timed ? now - vp->run_began : 0;
    vp_release(vp);
    partition_give(p);
    return client.run_ended(cpu, cpu->root_vp, result);
}

/* The run page is taken before the partition is pinned: what it says may be refused, and then nothing has happened. */
uint64_t *run_begin(struct cpu *cpu, struct vp *vp)
{
    bool traced = cpu_traced(cpu);
    vp->run_began = rdtsc();
    vp->exits_left = RUN_EXITS;
    exit_trace_returned(cpu, traced, vp->run_began);
    vp_bring_here(cpu, vp);
    if (!vp_take_run_page(vp)) {
        exit_trace_no_exit(cpu, traced, vp);
        return run_end(cpu, vp, RUN_BAD_PAGE);
    }
    guest_memory_pin(vp->partition);
    partition_time_start(vp);
    if (!ready_to_enter(vp)) {
        exit_trace_no_exit(cpu, traced, vp);
        exit_record_invalid(vp);
        return run_end(cpu, vp, RUN_RECORD);
    }
    return go_on(cpu, vp, EXIT_RESUME);
}

uint64_t *exit_root_rare(void)
{
    struct cpu *cpu = this_cpu();
    return client.exit(cpu, cpu->root_vp);
}

uint64_t *exit_guest_rare(void)
{
    struct cpu *cpu = this_cpu();
    struct vp *vp = cpu->current;
    lock_check_take(HELD_PIN);
    return go_on(cpu, vp, after_exit(cpu, vp, cpu_traced(cpu)));
}

uint64_t *entry_kicked(void)
{
    struct cpu *cpu = this_cpu();
    struct vp *vp = cpu->current;
    if (vp->is_root) {
        vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
        kick_serve(cpu);
        return client.enter(cpu, vp);
    }
    lock_check_take(HELD_PIN);
    exit_trace_no_exit(cpu, cpu_traced(cpu), vp);
    finish_entry(vp, false);
    return go_on(cpu, vp, after_nmi(cpu));
}

uint64_t *entry_refused(void)
{
    struct cpu *cpu = this_cpu();
    struct vp *vp = cpu->current;
    if (vp->is_root) {
        client.refused(vp);
    }
    lock_check_take(HELD_PIN);
    exit_trace_no_exit(cpu, cpu_traced(cpu), vp);
    finish_entry(vp, false);
    return go_on(cpu, vp, guest_refused(vp));
}
