/* SPDX-License-Identifier: MIT */
/*
 * The exceptions that led to a triple fault. VMX does not tell them, but it leaves the guest's registers as they were
 * before the first of them. So the VP runs again with every exception ending the run; each one is noted and then made
 * pending as the processor would deliver it, until the delivery of the double fault fails too. That is what the
 * processor itself did, so that wherever the replay takes another way, because memory changed meanwhile, the VP may
 * simply go on from there.
 */
#include "root/lib/hypercall.h"
#include "root/lib/string.h"
#include "root/libwhv/diagnostics.h"
#include "root/libwhv/entry_check/vmx_format.h"
#include "root/libwhv/fault_class.h"

#define MAX_RUNS 8u   /* the longest chain needs five */
#define NMI_MASKED 2u /* WHV_X64_INTERRUPT_STATE_REGISTER */
/* The hypervisor gives #DB, #AC and #MC back by itself: one that is pending is in the chain, as its delivery fails. */
#define LEFT_ALONE ((1u << VECTOR_DB) | (1u << 17) | (1u << VECTOR_MC))

/* What a replay changes, and then what it is about. */
static const WHV_REGISTER_NAME state_names[] = {
    WHvX64RegisterRflags,
    WHvX64RegisterCr2,
    WHvRegisterInterruptState,
    WHvX64RegisterPendingDebugException,
    WHvRegisterPendingInterruption,
    (WHV_REGISTER_NAME)WHB_REGISTER_EXCEPTION_EXITS,
    WHvX64RegisterRip,
    WHvX64RegisterRsp,
    (WHV_REGISTER_NAME)WHB_REGISTER_UNDELIVERED,
};
enum { RFLAGS, CR2, INTERRUPT_STATE, PENDING_DEBUG, PENDING, EXCEPTION_EXITS, RIP, RSP, UNDELIVERED, NAMES };
#define RESTORED RIP /* the first so many */

typedef WHV_X64_PENDING_INTERRUPTION_REGISTER event_register;

struct replay {
    const struct vp_of_client *vp;
    const WHV_RUN_VP_EXIT_CONTEXT *record; /* of the last run */
    struct whb_vp_diagnostics *found;
    WHV_REGISTER_VALUE was[NAMES];
};

enum end {
    END_CHAIN,   /* found, or as much of it as there is */
    END_WENT_ON, /* the fault did not come again */
    END_STOPPED, /* a cancel, or an interrupt of the root: the VP is to run into its triple fault again */
};

/* Interruption information as fault_class.h has it. */
static uint32_t info_of(event_register e)
{
    return (uint32_t)e.InterruptionVector | (uint32_t)e.InterruptionType << INTERRUPTION_TYPE_SHIFT |
           (e.InterruptionPending != 0 ? INTERRUPTION_VALID : 0);
}

static void add_step(const struct replay *r, event_register e, uint64_t parameter, enum fault_outcome how)
{
    struct whb_vp_diagnostics *d = r->found;
    if (d->step_count == WHB_MAX_EXCEPTION_STEPS) {
        return;
    }
    d->steps[d->step_count++] = (struct whb_exception_step){
        .vector = (uint8_t)e.InterruptionVector,
        .type = (uint8_t)e.InterruptionType,
        .has_error_code = (uint8_t)e.DeliverErrorCode,
        .escalation = (uint8_t)how,
        .error_code = e.DeliverErrorCode != 0 ? e.ErrorCode : 0,
        .parameter = parameter,
        .rip = r->was[RIP].Reg64,
    };
}

/* Real mode pushes no error code, and the entry would refuse one. */
static event_register double_fault(const struct replay *r)
{
    return (event_register){
        .InterruptionPending = 1,
        .InterruptionType = INTERRUPTION_HARDWARE_EXCEPTION,
        .InterruptionVector = VECTOR_DF,
        .DeliverErrorCode = r->record->VpContext.ExecutionState.Cr0Pe,
    };
}

static event_register raised(const struct replay *r)
{
    const WHV_VP_EXCEPTION_CONTEXT *e = &r->record->VpException;
    uint32_t software =
        e->ExceptionType == VECTOR_DB ? INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION : INTERRUPTION_SOFTWARE_EXCEPTION;
    return (event_register){
        .InterruptionPending = 1,
        .InterruptionType = e->ExceptionInfo.SoftwareException != 0 ? software & 7u : INTERRUPTION_HARDWARE_EXCEPTION,
        .InterruptionVector = e->ExceptionType,
        .DeliverErrorCode = e->ExceptionInfo.ErrorCodeValid,
        .ErrorCode = e->ErrorCode,
    };
}

/* PendingEvent gives INT3 and the like back as what they were, with their length. */
static enum whb_status make_pending(const struct replay *r, event_register e)
{
    bool hardware = e.InterruptionType == INTERRUPTION_HARDWARE_EXCEPTION;
    WHV_REGISTER_NAME name = hardware ? WHvRegisterPendingInterruption : WHvRegisterPendingEvent;
    WHV_REGISTER_VALUE v = {0};
    if (hardware) {
        v.PendingInterruption = e;
    } else {
        v.ExceptionEvent.EventPending = 1;
        v.ExceptionEvent.Vector = e.InterruptionVector & 0xffffu;
    }
    return diagnostics_set(r->vp, &name, 1, &v);
}

/* The run ended with an exception: notes it and makes pending what the processor would deliver next. */
static enum whb_status take_exception(struct replay *r, event_register during, enum fault_outcome *how)
{
    const WHV_REGISTER_NAME cr2 = WHvX64RegisterCr2;
    event_register e = raised(r);
    bool page_fault = e.InterruptionVector == VECTOR_PF;
    WHV_REGISTER_VALUE address = {0};
    address.Reg64 = r->record->VpException.ExceptionParameter;
    *how = fault_escalate(info_of(during), info_of(e));
    if (r->found->step_count == 0 && during.InterruptionPending != 0) {
        add_step(r, during, 0, FAULT_SERIAL); /* INT n */
    }
    add_step(r, e, page_fault ? address.Reg64 : 0, *how);
    enum whb_status status = page_fault ? diagnostics_set(r->vp, &cr2, 1, &address) : WHB_OK;
    return status != WHB_OK ? status : make_pending(r, *how == FAULT_DOUBLE ? double_fault(r) : e);
}

/* Whether the run ended with the next step on the way to the triple fault. `now`: RSP and PendingInterruption. */
static bool is_step(const struct replay *r, const WHV_REGISTER_VALUE *now)
{
    return r->record->ExitReason == WHvRunVpExitReasonException && r->record->VpContext.Rip == r->was[RIP].Reg64 &&
           now[0].Reg64 == r->was[RSP].Reg64;
}

static enum end replay(struct replay *r, enum whb_status *status)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterRsp, WHvRegisterPendingInterruption};
    enum fault_outcome how = FAULT_SERIAL;
    for (uint32_t runs = 0; runs < MAX_RUNS && how != FAULT_TRIPLE; runs++) {
        WHV_REGISTER_VALUE now[2];
        *status = whb_call_run(r->vp->handle, r->vp->index);
        if (*status != WHB_OK) {
            return *status == WHB_ERROR_APIC_ACCESS ? END_WENT_ON : END_STOPPED;
        }
        switch (r->record->ExitReason) {
        case WHvRunVpExitReasonCanceled:
            return END_STOPPED;
        case WHvRunVpExitReasonUnrecoverableException:
        case WHvRunVpExitReasonInvalidVpRegisterValue:
            return END_CHAIN;
        default:
            break;
        }
        *status = diagnostics_get(r->vp, names, 2, now);
        if (*status == WHB_OK && !is_step(r, now)) {
            return END_WENT_ON;
        }
        *status = *status == WHB_OK ? take_exception(r, now[1].PendingInterruption, &how) : *status;
        if (*status != WHB_OK) {
            return END_STOPPED;
        }
    }
    return END_CHAIN;
}

/* No NMI can be injected while NMIs are blocked, which the delivery of this one had begun to do (27.2.1). */
static enum whb_status begin(const struct replay *r)
{
    const WHV_REGISTER_NAME names[] = {(WHV_REGISTER_NAME)WHB_REGISTER_EXCEPTION_EXITS, WHvRegisterPendingInterruption,
                                       WHvRegisterInterruptState};
    WHV_REGISTER_VALUE values[3] = {
        {.Reg64 = WHB_EXCEPTION_EXITS_ALL & ~LEFT_ALONE}, r->was[UNDELIVERED], r->was[INTERRUPT_STATE]};
    event_register first = r->was[UNDELIVERED].PendingInterruption;
    if (first.InterruptionPending != 0) {
        add_step(r, first, 0, FAULT_SERIAL);
        values[2].Reg64 &= first.InterruptionType == INTERRUPTION_NMI ? ~(uint64_t)NMI_MASKED : ~0ull;
    }
    return diagnostics_set(r->vp, names, 3, values);
}

/* Back to the triple fault, or to right before it. */
static enum whb_status rewind(struct replay *r, enum end how)
{
    if (how == END_STOPPED) {
        event_register first = r->was[UNDELIVERED].PendingInterruption;
        r->was[PENDING] = r->was[UNDELIVERED];
        r->was[INTERRUPT_STATE].Reg64 &= first.InterruptionPending != 0 && first.InterruptionType == INTERRUPTION_NMI
                                             ? ~(uint64_t)NMI_MASKED
                                             : ~0ull;
    }
    return diagnostics_set(r->vp, state_names, RESTORED, r->was);
}

/* An exception that nobody asked for comes again, by itself, when the VP is run again. */
static enum triple_fault go_on(struct replay *r, enum whb_status *status)
{
    bool again = *status == WHB_OK && r->record->ExitReason == WHvRunVpExitReasonException;
    enum whb_status set = diagnostics_set(r->vp, &state_names[EXCEPTION_EXITS], 1, &r->was[EXCEPTION_EXITS]);
    *status = set != WHB_OK ? set : *status;
    return again && set == WHB_OK ? TRIPLE_FAULT_AGAIN : TRIPLE_FAULT_ENDED;
}

enum triple_fault triple_fault_replay(const struct vp_of_client *vp, enum whb_status *status)
{
    struct whb_run_page *page = vp->page;
    struct whb_vp_diagnostics *d = client_diagnostics(page);
    struct replay r = {.vp = vp, .record = client_record(page), .found = d};
    const WHV_RUN_VP_EXIT_CONTEXT record = *r.record;
    const uint64_t sequence = page->sequence;
    memset(d, 0, sizeof(*d));
    enum end how = END_CHAIN;
    *status = diagnostics_get(vp, state_names, NAMES, r.was);
    *status = *status == WHB_OK ? begin(&r) : *status;
    how = *status == WHB_OK ? replay(&r, status) : END_STOPPED;
    if (how == END_WENT_ON) {
        enum triple_fault answer = go_on(&r, status);
        page->sequence = sequence - (answer == TRIPLE_FAULT_AGAIN ? 1 : 0);
        return answer;
    }
    enum whb_status rewound = rewind(&r, how);
    *status = *status == WHB_OK ? rewound : *status;
    page->sequence = sequence - (*status == WHB_OK ? 0 : 1);
    if (how == END_CHAIN) {
        memcpy(page->record, &record, sizeof(record));
        d->exit_reason = WHvRunVpExitReasonUnrecoverableException;
        d->sequence = sequence;
    }
    return TRIPLE_FAULT_ENDED;
}
