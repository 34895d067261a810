/* SPDX-License-Identifier: MIT */
#include "vmm/run/completion_note.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/vp/completion.h"

#define SHADOW (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)

/* Exit qualifications: SDM vol. 3C, tables 28-5 and 28-7. */
#define IO_SIZE 7u
#define IO_PORT_SHIFT 16u
#define VIOLATION_WRITE (1u << 1)
#define VIOLATION_FETCH (1u << 2)
#define VIOLATION_DATA ((1u << 7) | (1u << 8)) /* a linear address, and it was not the walk that failed */

/* Of an access to memory the first byte is known, and a client that knows more says so (PendingDebugException). */
static uint64_t hits_of_exit(const struct vp *vp, const struct exit_snapshot *s)
{
    const uint32_t q = (uint32_t)s->qualification;
    if (s->reason == VMX_EXIT_IO) {
        return completion_hits(vp, BREAKPOINT_PORT, q >> IO_PORT_SHIFT & 0xffffu, (q & IO_SIZE) + 1);
    }
    if (s->reason == VMX_EXIT_EPT_VIOLATION && (q & VIOLATION_DATA) == VIOLATION_DATA && (q & VIOLATION_FETCH) == 0) {
        enum breakpoint_access access = (q & VIOLATION_WRITE) != 0 ? BREAKPOINT_WRITE : BREAKPOINT_READ;
        return completion_hits(vp, access, s->guest_linear, 1);
    }
    return 0;
}

/* Whether the record shows an instruction that has not been executed, with RIP at it. */
static bool is_unfinished(const struct exit_snapshot *s)
{
    if ((s->idt_vectoring_info & INTERRUPTION_VALID) != 0) {
        return false;
    }
    switch ((enum vmx_exit_reason)s->reason) {
    case VMX_EXIT_EXCEPTION_NMI:
        return (s->interruption_info & INTERRUPTION_VECTOR) != VECTOR_DB;
    case VMX_EXIT_TRIPLE_FAULT:
    case VMX_EXIT_EXTERNAL_INTERRUPT:
    case VMX_EXIT_INTERRUPT_WINDOW:
    case VMX_EXIT_NMI_WINDOW:
    case VMX_EXIT_TPR_BELOW_THRESHOLD:
    case VMX_EXIT_TASK_SWITCH:
    case VMX_EXIT_HLT: /* it is complete: exit_record */
    case VMX_EXIT_INVALID_GUEST_STATE:
        return false;
    default:
        return true;
    }
}

void completion_note(struct vp *vp, struct exit_snapshot *s)
{
    bool special =
        (s->rflags & RFLAGS_TF) != 0 || (s->interruptibility & SHADOW) != 0 || vp_pending(vp, PENDING_BREAKPOINTS) != 0;
    bool unfinished = is_unfinished(s);
    vp->unfinished.armed = special && unfinished;
    if (special) {
        vp_pend(vp, PENDING_SETTLE);
    }
    if (unfinished && !special && (s->rflags & RFLAGS_RF) != 0) {
        /* Processors set it with exits that faults and EPT violations cause (28.3.3). No breakpoint is on that it could
         * be for, and the VP's next entry stays plain. */
        s->rflags &= ~RFLAGS_RF;
        vmcs_writenw(VMCS_GUEST_RFLAGS, s->rflags);
    }
    if (!vp->unfinished.armed) {
        return;
    }
    vp->unfinished.rip = s->rip;
    vp->unfinished.length =
        (exit_reads(s->reason) & EXIT_READ_LENGTH) != 0 ? (uint8_t)(s->instruction_length & 15u) : 0;
    vp->unfinished.hits = vp_pending(vp, PENDING_BREAKPOINTS) != 0 ? (uint32_t)hits_of_exit(vp, s) : 0;
    if ((s->interruptibility & BLOCKING_BY_MOV_SS) == 0) {
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, 0); /* as processors do (SDM vol. 3C, 28.3.4), and Bochs does not */
    }
}
