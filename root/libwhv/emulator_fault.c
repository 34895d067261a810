/* SPDX-License-Identifier: MIT */
/* Exceptions that an instruction raises while it is emulated, and how the guest gets them. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define PF_PRESENT 1u
#define PF_WRITE 2u
#define PF_USER 4u
#define PF_RESERVED 8u
#define PF_FETCH 16u
#define CR4_PAE (1u << 5)
#define CR4_LA57 (1u << 12)
#define CR4_SMEP (1u << 20)
#define EFER_NXE (1u << 11)
#define CANONICAL_48(address) ((uint64_t)((int64_t)((address) << 16) >> 16) == (address))
#define CANONICAL_57(address) ((uint64_t)((int64_t)((address) << 7) >> 7) == (address))

bool emulator_fault(struct emulation *e, enum emulator_vector vector, uint32_t error_code, uint64_t address)
{
    e->exception =
        (struct emulator_exception){.due = true, .vector = vector, .error_code = error_code, .address = address};
    return false;
}

/* SDM vol. 1, 3.3.7.1. CR4 is asked for only where it matters: that may cost the client a call of its hypervisor. */
bool emulator_canonical(struct emulation *e, uint64_t address)
{
    WHV_REGISTER_VALUE cr4;
    return CANONICAL_48(address) ||
           (CANONICAL_57(address) && emulator_get_one(e, WHvX64RegisterCr4, &cr4) && (cr4.Reg64 & CR4_LA57) != 0);
}

/* SDM vol. 3A, 4.7: bit 4 is there only where instruction fetches have rights of their own. */
static bool fetch_bit(struct emulation *e, uint32_t *error)
{
    WHV_REGISTER_VALUE cr4, efer;
    if (!emulator_get_one(e, WHvX64RegisterCr4, &cr4) || !emulator_get_one(e, WHvX64RegisterEfer, &efer)) {
        return false;
    }
    if ((cr4.Reg64 & CR4_SMEP) != 0 || ((cr4.Reg64 & CR4_PAE) != 0 && (efer.Reg64 & EFER_NXE) != 0)) {
        *error |= PF_FETCH;
    }
    return true;
}

static bool page_fault(struct emulation *e, uint64_t gva, uint32_t rights, uint32_t error)
{
    error |= (rights & WHvTranslateGvaFlagValidateWrite) != 0 ? PF_WRITE : 0;
    /* Descriptor tables are read by the processor itself, whatever the CPL. */
    bool user = e->vp->ExecutionState.Cpl == 3 && (rights & WHvTranslateGvaFlagPrivilegeExempt) == 0;
    error |= user ? PF_USER : 0;
    if ((rights & WHvTranslateGvaFlagValidateExecute) != 0 && !fetch_bit(e, &error)) {
        return false;
    }
    return emulator_fault(e, EXCEPTION_PF, error, gva);
}

bool emulator_translation_fault(struct emulation *e, uint64_t gva, uint32_t rights, WHV_TRANSLATE_GVA_RESULT_CODE code)
{
    switch (code) {
    case WHvTranslateGvaResultPageNotPresent:
        return page_fault(e, gva, rights, 0);
    case WHvTranslateGvaResultPrivilegeViolation:
        return page_fault(e, gva, rights, PF_PRESENT);
    case WHvTranslateGvaResultInvalidPageTableFlags:
        return page_fault(e, gva, rights, PF_PRESENT | PF_RESERVED);
    default:
        e->status.GuestCannotBeFaulted = 1; /* the guest's tables are not in memory: no exception says that */
        e->emulator->report.fault_address = gva;
        return false;
    }
}

/* SDM vol. 3A, 6.15, #AC: of data accesses at CPL 3, and after page faults (table 6-2). */
bool emulator_check_alignment(struct emulation *e, uint64_t linear, unsigned size)
{
    const uint64_t rflags_ac = 1u << 18;
    bool aligned = size > 8 || (linear & (size - 1)) == 0;
    if (aligned || (e->rflags & rflags_ac) == 0 || e->vp->ExecutionState.Cpl != 3 || !e->vp->ExecutionState.Cr0Am) {
        return true;
    }
    return emulator_fault(e, EXCEPTION_AC, 0, linear);
}

static bool has_error_code(enum emulator_vector vector)
{
    return vector >= EXCEPTION_NP || vector == EXCEPTION_DF || vector == EXCEPTION_TS;
}

static void report(struct emulation *e)
{
    struct whb_emulator_report *r = &e->emulator->report;
    r->fault_pending = 1;
    r->fault_vector = (uint8_t)e->exception.vector;
    r->fault_error = e->exception.error_code;
    r->fault_address = e->exception.address;
}

/*
 * The registers are those before the instruction, but for a repeated string instruction, whose elements before the one
 * that faulted count. RFLAGS too are those from before (SDM vol. 2B, REP), with RF, as faults push it (vol. 3B,
 * 17.3.1.1). Real mode has no error codes.
 */
bool emulator_inject(struct emulation *e)
{
    WHV_X64_PENDING_EXCEPTION_EVENT event;
    bool repeated = e->insn.operation >= EMULATOR_MOVS && e->insn.operation <= EMULATOR_OUTS;
    memset(&event, 0, sizeof(event));
    event.EventPending = 1;
    event.EventType = WHvX64PendingEventException;
    event.Vector = e->exception.vector;
    event.DeliverErrorCode = has_error_code(e->exception.vector) && e->vp->ExecutionState.Cr0Pe;
    if (event.DeliverErrorCode) {
        event.ErrorCode = e->exception.error_code;
    }
    event.ExceptionParameter = e->exception.vector == EXCEPTION_PF ? e->exception.address : 0;
    report(e);
    e->gpr_changed = repeated ? e->gpr_changed : 0;
    e->vector_changed = false;
    e->others = 0;
    return emulator_store_fault(e, &event);
}
