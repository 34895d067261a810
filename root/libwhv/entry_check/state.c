/* SPDX-License-Identifier: MIT */
/* From a VP's registers and the machine's capabilities to what entry_check.c looks at. */
#include "root/lib/hypercall.h"
#include "root/libwhv/diagnostics.h"
#include "root/libwhv/entry_check/entry_check.h"
#include "root/libwhv/entry_check/vmx_format.h"

#define BASIC_ANY_ERROR_CODE (1ull << 56)
#define MISC_ZERO_LENGTH (1ull << 30)
#define MISC_ACTIVITY_SHIFT 6u /* HLT, shutdown, wait-for-SIPI */
#define EFER_LMA (1ull << 10)
#define STATE_SHADOW 1u /* WHV_X64_INTERRUPT_STATE_REGISTER */
#define STATE_NMI 2u
#define PENDING_HITS 0xfu /* WHV_X64_PENDING_DEBUG_EXCEPTION_REGISTER */
#define PENDING_STEP 0x10u
#define PENDING_DEBUG_BS (1ull << 14)
#define PAE_TABLE 0xffffffe0u
#define GPA_READ_MOST 16u

static const WHV_REGISTER_NAME names[] = {
    WHvX64RegisterEs,
    WHvX64RegisterCs,
    WHvX64RegisterSs,
    WHvX64RegisterDs,
    WHvX64RegisterFs,
    WHvX64RegisterGs,
    WHvX64RegisterLdtr,
    WHvX64RegisterTr,
    WHvX64RegisterIdtr,
    WHvX64RegisterGdtr,
    WHvX64RegisterCr0,
    WHvX64RegisterCr3,
    WHvX64RegisterCr4,
    WHvX64RegisterEfer,
    WHvX64RegisterDr7,
    WHvX64RegisterPat,
    WHvX64RegisterSysenterEsp,
    WHvX64RegisterSysenterEip,
    WHvX64RegisterRip,
    WHvX64RegisterRflags,
    WHvX64RegisterPendingDebugException,
    WHvRegisterInterruptState,
    WHvRegisterInternalActivityState,
    WHvRegisterPendingInterruption,
};
enum {
    ES,
    IDTR = 8,
    GDTR,
    CR0,
    CR3,
    CR4,
    EFER,
    DR7,
    PAT,
    ESP,
    EIP,
    RIP,
    RFLAGS,
    PENDING_DEBUG,
    SHADOW,
    ACTIVITY,
    EVENT,
    NAMES
};
_Static_assert(sizeof(names) / sizeof(names[0]) == NAMES && ES == (int)ENTRY_SEGMENT_ES, "by their places");

static enum whb_status read_limits(struct entry_limits *l)
{
    struct whb_vmx_capabilities caps = {0};
    enum whb_status status =
        whb_call(WHB_CALL_GET_CAPABILITY, WHB_CAPABILITY_VMX, (uintptr_t)&caps, sizeof(caps), 0, 0, NULL);
    if (status == WHB_OK) {
        *l = (struct entry_limits){
            .cr0_fixed0 = caps.cr0_fixed0,
            .cr0_fixed1 = caps.cr0_fixed1,
            .cr4_fixed0 = caps.cr4_fixed0,
            .cr4_fixed1 = caps.cr4_fixed1,
            .physical_bits = (uint8_t)caps.physical_bits,
            .linear_bits = (uint8_t)caps.linear_bits,
            .activity = (uint8_t)(1u | (caps.misc >> MISC_ACTIVITY_SHIFT & 7u) << 1),
            .any_error_code = (caps.basic & BASIC_ANY_ERROR_CODE) != 0,
            .zero_length = (caps.misc & MISC_ZERO_LENGTH) != 0,
        };
    }
    return status;
}

/* Not present is how WHV says unusable. */
static void set_segment(struct entry_segment *s, const WHV_X64_SEGMENT_REGISTER *v)
{
    *s = (struct entry_segment){
        .base = v->Base,
        .limit = v->Limit,
        .selector = v->Selector,
        .access_rights = v->Attributes | (v->Present != 0 ? 0 : ACCESS_UNUSABLE),
    };
}

/* In CR0 and CR4 the hypervisor keeps what VMX demands set, whatever the guest sees. */
static void set_registers(struct entry_state *s, const WHV_REGISTER_VALUE *v)
{
    s->cr0 = v[CR0].Reg64 | (s->limits.cr0_fixed0 & ~(CR0_PE | CR0_PG));
    s->cr3 = v[CR3].Reg64;
    s->cr4 = v[CR4].Reg64 | s->limits.cr4_fixed0;
    s->efer = v[EFER].Reg64;
    s->ia32e = (s->efer & EFER_LMA) != 0;
    s->dr7 = v[DR7].Reg64;
    s->pat = v[PAT].Reg64;
    s->sysenter_esp = v[ESP].Reg64;
    s->sysenter_eip = v[EIP].Reg64;
    s->rip = v[RIP].Reg64;
    s->rflags = v[RFLAGS].Reg64;
    for (unsigned i = ENTRY_SEGMENT_ES; i <= ENTRY_SEGMENT_TR; i++) {
        set_segment(&s->segment[i], &v[ES + i].Segment);
    }
    s->gdtr_base = v[GDTR].Table.Base;
    s->gdtr_limit = v[GDTR].Table.Limit;
    s->idtr_base = v[IDTR].Table.Base;
    s->idtr_limit = v[IDTR].Table.Limit;
}

/* A VP that sleeps keeps its event. */
static void set_events(struct entry_state *s, const WHV_REGISTER_VALUE *v)
{
    const WHV_X64_PENDING_INTERRUPTION_REGISTER e = v[EVENT].PendingInterruption;
    uint64_t debug = v[PENDING_DEBUG].Reg64, shadow = v[SHADOW].Reg64;
    bool asleep = v[ACTIVITY].Reg64 != 0;
    s->activity = asleep ? ACTIVITY_HLT : ACTIVITY_ACTIVE;
    s->pending_debug = (debug & PENDING_HITS) | ((debug & PENDING_STEP) != 0 ? PENDING_DEBUG_BS : 0);
    s->interruptibility =
        ((shadow & STATE_SHADOW) != 0 ? BLOCKING_BY_MOV_SS : 0) | ((shadow & STATE_NMI) != 0 ? BLOCKING_BY_NMI : 0);
    if (e.InterruptionPending != 0 && !asleep) {
        s->event_info = INTERRUPTION_VALID | (uint32_t)e.InterruptionType << INTERRUPTION_TYPE_SHIFT |
                        (uint32_t)e.InterruptionVector | (e.DeliverErrorCode != 0 ? INTERRUPTION_ERROR_CODE : 0);
        s->event_error_code = e.ErrorCode;
        s->event_length = e.InstructionLength;
    }
}

/* From memory, where the hypervisor and the processor take them from when CR3 is loaded. */
static void read_pdptes(const struct vp_of_client *vp, struct entry_state *s)
{
    uint8_t *to = (uint8_t *)s->pdpte;
    for (uint32_t at = 0; at < sizeof(s->pdpte); at += GPA_READ_MOST) {
        enum whb_status status = whb_call(WHB_CALL_GPA_READ, vp->handle, (s->cr3 & PAE_TABLE) + at,
                                          (uintptr_t)(to + at), GPA_READ_MOST, 0, NULL);
        s->pdptes_absent |= status != WHB_OK;
    }
}

/*
 * WHV does not tell blocking by STI from that by MOV SS, and some checks are about one of them. With IF clear the
 * hypervisor makes the one the other before it enters.
 */
static struct entry_verdict check_both_shadows(struct entry_state *s)
{
    struct entry_verdict verdict = entry_check(s);
    if (verdict.check == WHB_CHECK_NONE && (s->interruptibility & BLOCKING_BY_MOV_SS) != 0 &&
        (s->rflags & RFLAGS_IF) != 0) {
        s->interruptibility ^= BLOCKING_BY_MOV_SS | BLOCKING_BY_STI;
        verdict = entry_check(s);
    }
    return verdict;
}

enum whb_status entry_check_vp(const struct vp_of_client *vp, struct entry_verdict *verdict)
{
    WHV_REGISTER_VALUE values[NAMES] = {0};
    struct entry_state s = {0};
    enum whb_status status = read_limits(&s.limits);
    status = status == WHB_OK ? diagnostics_get(vp, names, NAMES, values) : status;
    if (status != WHB_OK) {
        return status;
    }
    set_registers(&s, values);
    set_events(&s, values);
    read_pdptes(vp, &s);
    *verdict = check_both_shadows(&s);
    return WHB_OK;
}
