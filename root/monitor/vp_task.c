/* SPDX-License-Identifier: MIT */
/* Hardware task switches, which no VMX guest's processor does: root/monitor/task_switch.h on the VP's state. */
#include "root/lib/string.h"
#include "root/monitor/crash.h"
#include "root/monitor/task_switch.h"
#include "root/monitor/vp_exits.h"

#define PAGE 4096u
#define SOURCE_SHIFT 30u /* of the exit qualification (SDM vol. 3C, table 28-2) */
#define PF_PRESENT 1u
#define PF_WRITE 2u
#define PF_RESERVED 8u
#define ERROR_CODE 0x7fffu /* what an entry can inject (SDM vol. 3C, 27.2.1.3) */
#define DR6_BT 0x8000u
#define VECTOR_DB 1u
#define FIRST_SOFTWARE 4u /* interruption types: INT n and above are instructions' */

enum {
    AT_GPR,
    AT_RIP = 8,
    AT_RFLAGS,
    AT_SEGMENTS,
    AT_LDTR = AT_SEGMENTS + TASK_SEGMENTS,
    AT_TR,
    AT_CR0,
    AT_CR3,
    AT_DR7,
    AT_PENDING,
    AT_STATE,
    AT_SET, /* those before are written back */
    AT_GDTR = AT_SET,
    AT_DR6,
    AT_COUNT,
};

static const WHV_REGISTER_NAME names[AT_COUNT] = {
    WHvX64RegisterRax,         WHvX64RegisterRcx,
    WHvX64RegisterRdx,         WHvX64RegisterRbx,
    WHvX64RegisterRsp,         WHvX64RegisterRbp,
    WHvX64RegisterRsi,         WHvX64RegisterRdi,
    WHvX64RegisterRip,         WHvX64RegisterRflags,
    WHvX64RegisterEs,          WHvX64RegisterCs,
    WHvX64RegisterSs,          WHvX64RegisterDs,
    WHvX64RegisterFs,          WHvX64RegisterGs,
    WHvX64RegisterLdtr,        WHvX64RegisterTr,
    WHvX64RegisterCr0,         WHvX64RegisterCr3,
    WHvX64RegisterDr7,         WHvRegisterPendingInterruption,
    WHvRegisterInterruptState, WHvX64RegisterGdtr,
    WHvX64RegisterDr6,
};

static bool get(struct machine_vp *vp, WHV_REGISTER_VALUE *values)
{
    HRESULT hr = WHvGetVirtualProcessorRegisters(vp->machine->partition, vp->index, names, AT_COUNT, values);
    if (FAILED(hr)) {
        crash_call_failed(vp, "WHvGetVirtualProcessorRegisters (task switch)", hr);
    }
    return SUCCEEDED(hr);
}

static void set(struct machine_vp *vp, const WHV_REGISTER_NAME *which, const WHV_REGISTER_VALUE *values, uint32_t count)
{
    HRESULT hr = WHvSetVirtualProcessorRegisters(vp->machine->partition, vp->index, which, count, values);
    if (FAILED(hr)) {
        crash_call_failed(vp, "WHvSetVirtualProcessorRegisters (task switch)", hr);
    }
}

/* Part of an access that lies in one page. */
static bool access_page(struct machine_vp *vp, uint64_t linear, uint8_t *data, uint32_t size, bool is_write,
                        uint32_t *error)
{
    struct machine *m = vp->machine;
    WHV_TRANSLATE_GVA_RESULT result = {WHvTranslateGvaResultSuccess, 0};
    WHV_GUEST_PHYSICAL_ADDRESS gpa = 0;
    WHV_TRANSLATE_GVA_FLAGS flags = is_write ? WHvTranslateGvaFlagValidateWrite : WHvTranslateGvaFlagValidateRead;
    flags |= WHvTranslateGvaFlagPrivilegeExempt | WHvTranslateGvaFlagSetPageTableBits;
    HRESULT hr = WHvTranslateGva(m->partition, vp->index, linear, flags, &result, &gpa);
    if (FAILED(hr) || (result.ResultCode >= WHvTranslateGvaResultPageNotPresent &&
                       result.ResultCode <= WHvTranslateGvaResultInvalidPageTableFlags)) {
        bool absent = FAILED(hr) || result.ResultCode == WHvTranslateGvaResultPageNotPresent;
        *error = (absent ? 0 : PF_PRESENT) | (is_write ? PF_WRITE : 0) |
                 (result.ResultCode == WHvTranslateGvaResultInvalidPageTableFlags ? PF_RESERVED : 0);
        return false;
    }
    uint8_t *ram = guest_memory_at(&m->memory, gpa, size);
    const uint8_t *rom = machine_rom_at(m, gpa, size);
    if (ram != NULL) {
        memcpy(is_write ? ram : data, is_write ? data : ram, size);
    } else if (!is_write && rom != NULL) {
        memcpy(data, rom, size);
    } else if (!is_write) {
        memset(data, 0xff, size); /* nothing answers there; writes are lost, to ROM too */
    }
    return true;
}

static bool access_all(struct machine_vp *vp, uint64_t linear, uint8_t *data, uint32_t size, bool is_write,
                       uint32_t *error)
{
    while (size > 0) {
        uint32_t part = PAGE - (uint32_t)(linear % PAGE);
        part = part < size ? part : size;
        if (!access_page(vp, linear, data, part, is_write, error)) {
            return false;
        }
        linear += part;
        data += part;
        size -= part;
    }
    return true;
}

static bool on_read(void *context, uint64_t linear, void *to, uint32_t size, uint32_t *error)
{
    return access_all(context, linear, to, size, false, error);
}

static bool on_write(void *context, uint64_t linear, const void *from, uint32_t size, uint32_t *error)
{
    uint8_t copy[PAGE / 16];
    if (size > sizeof(copy)) {
        return false;
    }
    memcpy(copy, from, size);
    return access_all(context, linear, copy, size, true, error);
}

static void on_cr3(void *context, uint64_t cr3)
{
    const WHV_REGISTER_NAME name = WHvX64RegisterCr3;
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    value.Reg64 = cr3;
    set(context, &name, &value, 1);
}

static void to_task(struct task_registers *r, const WHV_REGISTER_VALUE *v)
{
    memset(r, 0, sizeof(*r));
    for (unsigned i = 0; i < 8; i++) {
        r->gpr[i] = v[AT_GPR + i].Reg32;
    }
    for (unsigned i = 0; i < TASK_SEGMENTS; i++) {
        r->segment[i] = v[AT_SEGMENTS + i].Segment;
    }
    r->eip = v[AT_RIP].Reg32;
    r->eflags = v[AT_RFLAGS].Reg32;
    r->ldtr = v[AT_LDTR].Segment;
    r->tr = v[AT_TR].Segment;
    r->cr0 = v[AT_CR0].Reg64;
    r->cr3 = v[AT_CR3].Reg64;
    r->dr7 = v[AT_DR7].Reg64;
    r->gdt_base = v[AT_GDTR].Table.Base;
    r->gdt_limit = v[AT_GDTR].Table.Limit;
}

/* An NMI that comes by the gate blocks NMIs, an IRET unblocks them; the event in flight has been delivered. */
static void from_task(const struct task_registers *r, WHV_REGISTER_VALUE *v, enum task_source source)
{
    bool nmi = v[AT_PENDING].PendingInterruption.InterruptionPending &&
               v[AT_PENDING].PendingInterruption.InterruptionType == WHvX64PendingNmi;
    bool masked = (v[AT_STATE].InterruptState.NmiMasked || nmi) && source != TASK_IRET;
    memset(v, 0, AT_SET * sizeof(*v));
    for (unsigned i = 0; i < 8; i++) {
        v[AT_GPR + i].Reg64 = r->gpr[i];
    }
    for (unsigned i = 0; i < TASK_SEGMENTS; i++) {
        v[AT_SEGMENTS + i].Segment = r->segment[i];
    }
    v[AT_RIP].Reg64 = r->eip;
    v[AT_RFLAGS].Reg64 = r->eflags;
    v[AT_LDTR].Segment = r->ldtr;
    v[AT_TR].Segment = r->tr;
    v[AT_CR0].Reg64 = r->cr0;
    v[AT_CR3].Reg64 = r->cr3;
    v[AT_DR7].Reg64 = r->dr7;
    v[AT_STATE].InterruptState.NmiMasked = masked;
}

static struct task_event event_of(const struct machine_vp *vp, const WHV_REGISTER_VALUE *v)
{
    const WHV_X64_PENDING_INTERRUPTION_REGISTER *p = &v[AT_PENDING].PendingInterruption;
    uint64_t qualification = vp->record.UnsupportedFeature.FeatureParameter;
    struct task_event e = {.source = (enum task_source)(qualification >> SOURCE_SHIFT & 3u),
                           .selector = (uint16_t)qualification};
    uint32_t length = vp->record.VpContext.InstructionLength;
    if (e.source == TASK_GATE && p->InterruptionPending) {
        bool software = p->InterruptionType >= FIRST_SOFTWARE;
        length = software ? p->InstructionLength : 0;
        e.external = !software;
        e.has_error = p->DeliverErrorCode;
        e.error = p->ErrorCode;
    }
    e.next_eip = v[AT_RIP].Reg32 + length;
    return e;
}

static void give_exception(struct machine_vp *vp, uint32_t vector, const struct task_fault *fault)
{
    const WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    value.ExceptionEvent.EventPending = 1;
    value.ExceptionEvent.EventType = WHvX64PendingEventException;
    value.ExceptionEvent.Vector = (uint16_t)vector;
    if (fault != NULL) {
        value.ExceptionEvent.DeliverErrorCode = 1;
        value.ExceptionEvent.ErrorCode = fault->error & ERROR_CODE;
        value.ExceptionEvent.ExceptionParameter = fault->address;
    }
    set(vp, &name, &value, 1);
}

void vp_task_switch(struct machine_vp *vp)
{
    const struct task_memory memory = {vp, on_read, on_write, on_cr3};
    WHV_REGISTER_VALUE values[AT_COUNT];
    struct task_registers r;
    struct task_fault fault;
    bool trap;
    if (!get(vp, values)) {
        return;
    }
    to_task(&r, values);
    struct task_event event = event_of(vp, values);
    if (task_switch(&r, &event, &memory, &fault, &trap)) {
        from_task(&r, values, event.source);
        set(vp, names, values, AT_SET);
    }
    if (fault.raised) {
        give_exception(vp, fault.vector, &fault);
    } else if (trap) {
        values[AT_DR6].Reg64 |= DR6_BT;
        set(vp, &names[AT_DR6], &values[AT_DR6], 1);
        give_exception(vp, VECTOR_DB, NULL);
    }
}
