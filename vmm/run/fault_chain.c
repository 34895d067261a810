/* SPDX-License-Identifier: MIT */
/*
 * VMX does not tell which exceptions led to a triple fault, but it leaves the guest's registers as they were before the
 * first of them. So the VP is entered again with every exception exiting; each one is noted and then injected as the
 * processor would deliver it, until the delivery of the double fault fails too. That is what the processor itself did,
 * so that wherever the replay takes another way, because memory changed meanwhile, the VP may simply go on from there.
 */
#include "vmm/run/fault_chain.h"

#include "abi/whv.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "kernel/debug/log.h"
#include "vmm/cpu/quirks_bochs.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/run/diagnostics.h"
#include "vmm/run/fault_class.h"

#define MAX_RETRIES 16u /* of the whole replay, for interrupts of the root that come in between */
#define MAX_ENTRIES 8u  /* of one replay; the longest chain needs five */
#define ALL_EXCEPTIONS 0xffffffffu

/* What exits of the replay change (SDM vol. 3C, 28.3), as it was at the triple fault. */
struct replay {
    uint64_t rip, rsp, rflags, pending_debug, cr2;
    uint32_t interruptibility, activity;
    struct pending_event first; /* the event that the entry had injected, if it was never delivered */
    struct whb_vp_diagnostics *found;
};

static void begin(struct vp *vp, struct replay *r)
{
    *r = (struct replay){
        .rip = vmcs_readnw(VMCS_GUEST_RIP),
        .rsp = vmcs_readnw(VMCS_GUEST_RSP),
        .rflags = vmcs_readnw(VMCS_GUEST_RFLAGS),
        .pending_debug = vmcs_readnw(VMCS_GUEST_PENDING_DEBUG),
        .cr2 = read_cr2(),
        .interruptibility = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY),
        .activity = vmcs_read32(VMCS_GUEST_ACTIVITY),
        .found = diagnostics_begin(vp, WHvRunVpExitReasonUnrecoverableException),
    };
    if ((vp->injected_info & INTERRUPTION_VALID) != 0 && vp->injected_rip == r->rip) {
        r->first = vp->event;
        r->first.info = vp->injected_info;
    }
}

static void set_controls(const struct vp *vp, uint32_t exceptions, bool trap)
{
    bool offered = ((uint32_t)(vmm.caps.cpu >> 32) & CPU_MONITOR_TRAP) != 0;
    vmcs_write32(VMCS_EXCEPTION_BITMAP, exceptions);
    vmcs_write32(VMCS_CPU_CONTROLS, vp->controls.cpu | (trap && offered ? CPU_MONITOR_TRAP : 0));
}

/* Back to the moment of the triple fault. */
static void rewind(struct vp *vp, const struct replay *r, struct pending_event event)
{
    vmcs_writenw(VMCS_GUEST_RFLAGS, r->rflags);
    vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, r->pending_debug);
    vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, r->interruptibility);
    vmcs_write32(VMCS_GUEST_ACTIVITY, r->activity);
    vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
    write_cr2(r->cr2);
    vp->event = event;
}

static void add_step(const struct replay *r, const struct pending_event *e, uint64_t parameter, enum fault_outcome how)
{
    struct whb_vp_diagnostics *d = r->found;
    if (d->step_count == WHB_MAX_EXCEPTION_STEPS) {
        return;
    }
    d->steps[d->step_count++] = (struct whb_exception_step){
        .vector = (uint8_t)e->info,
        .type = (e->info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT,
        .has_error_code = (e->info & INTERRUPTION_ERROR_CODE) != 0 ? 1 : 0,
        .escalation = (uint8_t)how,
        .error_code = (e->info & INTERRUPTION_ERROR_CODE) != 0 ? e->error_code : 0,
        .parameter = parameter,
        .rip = r->rip,
    };
}

static struct pending_event event_of(uint32_t info, struct vmcs32 error)
{
    if ((vmcs_readnw(VMCS_GUEST_CR0) & CR0_PE) == 0) {
        info &= ~INTERRUPTION_ERROR_CODE; /* always so in real mode (25.9.2), but Bochs 2.7 sets it there */
    }
    struct pending_event e = {.info = info & ~INTERRUPTION_NMI_UNBLOCKING};
    uint32_t type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    e.error_code = (info & INTERRUPTION_ERROR_CODE) != 0 ? vmcs_read32(error) : 0;
    e.instruction_length = type >= INTERRUPTION_SOFTWARE_INTERRUPT ? vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH) : 0;
    return e;
}

static struct pending_event double_fault(void)
{
    const uint32_t type = INTERRUPTION_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT;
    /* Real mode pushes no error code, and the entry would refuse one. */
    uint32_t error = (vmcs_readnw(VMCS_GUEST_CR0) & CR0_PE) != 0 ? INTERRUPTION_ERROR_CODE : 0;
    return (struct pending_event){.info = VECTOR_DF | type | error | INTERRUPTION_VALID};
}

/* An exception exited: notes it and makes what the processor would deliver next the VP's event. */
static enum fault_outcome take_exception(struct vp *vp, const struct replay *r)
{
    uint32_t during = vmcs_read32(VMCS_IDT_VECTORING_INFO);
    struct pending_event raised = event_of(vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO), VMCS_EXIT_INTERRUPTION_ERROR);
    uint64_t parameter = vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    enum fault_outcome how = fault_escalate(during, raised.info);
    bool page_fault = (raised.info & INTERRUPTION_VECTOR) == VECTOR_PF;
    if (r->found->step_count == 0 && (during & INTERRUPTION_VALID) != 0) {
        struct pending_event origin = event_of(during, VMCS_IDT_VECTORING_ERROR); /* INT n */
        add_step(r, &origin, 0, FAULT_SERIAL);
    }
    add_step(r, &raised, page_fault ? parameter : 0, how);
    vp->event = how == FAULT_DOUBLE ? double_fault() : raised;
    if (page_fault) {
        write_cr2(parameter); /* the exit has left it alone */
    }
    return how;
}

/* Interrupts and the like: the root's, and the whole replay is due again after it. */
static bool is_from_outside(uint32_t reason)
{
    return reason == VMX_EXIT_EXTERNAL_INTERRUPT || reason == VMX_EXIT_PREEMPTION_TIMER || reason == VMX_EXIT_INIT ||
           (reason == VMX_EXIT_EXCEPTION_NMI &&
            (vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO) & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT ==
                INTERRUPTION_NMI);
}

/* Whether the exit is the next step on the way to the triple fault. #AC, #DB and what the root wants exit anyhow. */
static bool is_step(const struct vp *vp, const struct replay *r, uint32_t reason)
{
    uint32_t vector = vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO) & INTERRUPTION_VECTOR;
    return reason == VMX_EXIT_EXCEPTION_NMI && (vp->exception_bitmap >> (vector & 31u) & 1u) == 0 &&
           vmcs_readnw(VMCS_GUEST_RIP) == r->rip && vmcs_readnw(VMCS_GUEST_RSP) == r->rsp;
}

static enum exit_action log_and_deliver(const struct vp *vp, const struct whb_vp_diagnostics *d)
{
    log_debug("VP %u: triple fault at RIP %016llx.", vp->index, (unsigned long long)vmcs_readnw(VMCS_GUEST_RIP));
    for (uint32_t i = 0; i < d->step_count; i++) {
        const struct whb_exception_step *s = &d->steps[i];
        static const char *const how[] = {"", ", with the one before a double fault",
                                          ", while the double fault was delivered"};
        log_debug("VP %u: step %u: vector %u of type %u, error %x, parameter %016llx%s", vp->index, i + 1, s->vector,
                  s->type, s->error_code, (unsigned long long)s->parameter, how[s->escalation]);
    }
    return EXIT_DELIVER;
}

/*
 * One entry with all exceptions exiting. Returns the exit reason as the VMCS has it. A kick that came first counts as
 * an NMI's exit, which run-VP follows with what the kick wants.
 */
static uint32_t enter(struct vp *vp, bool *kicked)
{
    vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
    if ((vp->event.info & INTERRUPTION_VALID) != 0) {
        exit_load_event(vp);
    }
    set_controls(vp, ALL_EXCEPTIONS, true);
    vp->fast_left = 0;
    bool may_block_nmi = quirk_may_block_nmi(vp);
    enum vmx_entry_result entry = vmx_enter(vp->gpr, vp->launched);
    set_controls(vp, vp->exception_bitmap, false);
    *kicked = entry == VMX_ENTRY_KICKED;
    if (entry != VMX_ENTRY_EXITED) {
        return VMX_EXIT_TRIPLE_FAULT;
    }
    quirk_correct_nmi(may_block_nmi);
    return vmcs_read32(VMCS_EXIT_REASON);
}

/* False: too often already, the chain stays as it is. */
static bool may_retry(struct vp *vp, uint32_t reason)
{
    if (reason != VMX_EXIT_INIT && vp->replays == MAX_RETRIES) {
        return false;
    }
    vp->replays++;
    return true;
}

static enum exit_action retry(struct vp *vp, const struct replay *r, const struct exit_snapshot *snapshot)
{
    rewind(vp, r, r->first);
    memset(r->found, 0, sizeof(*r->found));
    return snapshot->reason == VMX_EXIT_INIT ? EXIT_INIT : EXIT_RESTART;
}

/* The triple fault has not come again: the VP goes on with the exit that came instead. */
static enum exit_action go_on(struct cpu *cpu, struct vp *vp, const struct replay *r, struct exit_snapshot *snapshot)
{
    bool exception = snapshot->reason == VMX_EXIT_EXCEPTION_NMI;
    uint32_t vector = exception ? vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO) & INTERRUPTION_VECTOR : 0;
    vp->event.info = 0;
    vp->replays = 0;
    if (exception && (vp->exception_bitmap >> (vector & 31u) & 1u) == 0) {
        (void)take_exception(vp, r);
        memset(r->found, 0, sizeof(*r->found));
        return EXIT_RESUME;
    }
    memset(r->found, 0, sizeof(*r->found));
    return snapshot->reason == VMX_EXIT_MONITOR_TRAP ? EXIT_RESUME : guest_exit(cpu, vp, snapshot);
}

static void start_event(struct vp *vp, const struct replay *r)
{
    vp->event = r->first;
    if ((r->first.info & INTERRUPTION_VALID) == 0) {
        return;
    }
    add_step(r, &r->first, 0, FAULT_SERIAL);
    if ((r->first.info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT == INTERRUPTION_NMI) {
        /* 27.2.1: no NMI may be injected while blocked, and this one's delivery had begun to block. */
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, r->interruptibility & ~BLOCKING_BY_NMI);
    }
}

enum exit_action fault_chain(struct cpu *cpu, struct vp *vp, struct exit_snapshot *snapshot)
{
    struct replay r;
    begin(vp, &r);
    start_event(vp, &r);
    enum fault_outcome outcome = FAULT_SERIAL;
    for (unsigned i = 0; i < MAX_ENTRIES && outcome != FAULT_TRIPLE; i++) {
        bool kicked;
        uint32_t reason = enter(vp, &kicked);
        if (kicked || is_from_outside(reason)) {
            if (!kicked && reason == VMX_EXIT_EXCEPTION_NMI) {
                (void)exit_exception(cpu, vp); /* counts the NMI */
            }
            if (!may_retry(vp, reason)) {
                break;
            }
            snapshot->reason = kicked ? VMX_EXIT_EXCEPTION_NMI : reason;
            return retry(vp, &r, snapshot);
        }
        if (reason == VMX_EXIT_TRIPLE_FAULT || (reason & VMX_EXIT_ENTRY_FAILURE) != 0) {
            break;
        }
        if (!is_step(vp, &r, reason)) {
            snapshot->reason = reason & 0xffffu;
            return go_on(cpu, vp, &r, snapshot);
        }
        outcome = take_exception(vp, &r);
    }
    rewind(vp, &r, (struct pending_event){0});
    vp->replays = 0;
    return log_and_deliver(vp, r.found);
}
