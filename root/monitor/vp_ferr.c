/* SPDX-License-Identifier: MIT */
/* #MF: the exception that it is while CR0.NE is 1, or else an error of root/devices/ferr.h. */
#include "root/lib/string.h"
#include "root/monitor/crash.h"
#include "root/monitor/prefixes.h"
#include "root/monitor/vp_exits.h"

#define CR0_NE 0x20u
#define RFLAGS_IF 0x200u
#define VECTOR_MF 16u
#define FWAIT 0x9bu
#define FSW_FLAGS 0x3fu
#define FSW_ES_B 0x8080u

static void set_one(struct machine_vp *vp, WHV_REGISTER_NAME name, const WHV_REGISTER_VALUE *value)
{
    HRESULT hr = WHvSetVirtualProcessorRegisters(vp->machine->partition, vp->index, &name, 1, value);
    if (FAILED(hr)) {
        crash_call_failed(vp, "WHvSetVirtualProcessorRegisters (#MF)", hr);
    }
}

static void give_back(struct machine_vp *vp)
{
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    value.ExceptionEvent.EventPending = 1;
    value.ExceptionEvent.EventType = WHvX64PendingEventException;
    value.ExceptionEvent.Vector = VECTOR_MF;
    set_one(vp, WHvRegisterPendingEvent, &value);
}

/* FWAIT's length with its prefixes; 0: it is another instruction. The waiting forms of FNINIT, FNSTSW... begin so. */
static uint32_t fwait_length(const WHV_RUN_VP_EXIT_CONTEXT *r)
{
    const WHV_VP_EXCEPTION_CONTEXT *e = &r->VpException;
    uint32_t at = prefixes_length(e->InstructionBytes, e->InstructionByteCount, r->VpContext.Cs.Long);
    return at < e->InstructionByteCount && e->InstructionBytes[at] == FWAIT ? at + 1 : 0;
}

/*
 * The instruction shall execute though an error waits. FWAIT does nothing else. For others the control word masks the
 * exceptions that are flagged: there is no other way to have the processor execute it.
 */
static void ignore(struct machine_vp *vp, WHV_REGISTER_VALUE *x87)
{
    uint32_t length = fwait_length(&vp->record);
    if (length != 0) {
        const WHV_VP_EXIT_CONTEXT *c = &vp->record.VpContext;
        uint64_t rip = c->Rip + length;
        WHV_REGISTER_VALUE value;
        memset(&value, 0, sizeof(value));
        value.Reg64 = c->Cs.Long ? rip : rip & 0xffffffffu;
        set_one(vp, WHvX64RegisterRip, &value);
        return;
    }
    x87->FpControlStatus.FpControl |= x87->FpControlStatus.FpStatus & FSW_FLAGS;
    x87->FpControlStatus.FpStatus &= (uint16_t)~FSW_ES_B;
    set_one(vp, WHvX64RegisterFpControlStatus, x87);
}

void vp_x87_error(struct machine_vp *vp)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterCr0, WHvX64RegisterFpControlStatus};
    struct machine *m = vp->machine;
    WHV_REGISTER_VALUE values[2];
    HRESULT hr = WHvGetVirtualProcessorRegisters(m->partition, vp->index, names, 2, values);
    if (FAILED(hr)) {
        crash_call_failed(vp, "WHvGetVirtualProcessorRegisters (#MF)", hr);
        return;
    }
    if ((values[0].Reg64 & CR0_NE) != 0) {
        give_back(vp);
        return;
    }
    machine_lock(m);
    const struct ferr_error error = {
        .instruction = values[1].FpControlStatus.LastFpRip,
        .status = values[1].FpControlStatus.FpStatus,
        .in_handler =
            (vp->record.VpContext.Rflags & RFLAGS_IF) == 0 || pic_is_in_service(&m->pic, PLATFORM_IRQ_COPROCESSOR),
        .taken = !pic_is_requested(&m->pic, PLATFORM_IRQ_COPROCESSOR),
    };
    enum ferr_action action = ferr_error(&m->ferr, &error);
    machine_unlock(m);
    if (action == FERR_IGNORE) {
        ignore(vp, &values[1]);
    }
}
