/* SPDX-License-Identifier: MIT */
/* What the fast path's records are made of (vmm/run/run_straight.c); the rare path's are exit_decode.c's. */
#pragma once

#include "abi/whv.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "vmm/vp/vp.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* The run page but for the record. */
ALWAYS_INLINE void publish(const struct vp *vp, struct whb_run_page *run, uint64_t rip, uint64_t rflags)
{
    run->rip = rip;
    run->rflags = rflags;
    run->valid = WHB_RUN_ALL & ~WHB_RUN_RSP;
    if (__builtin_expect((__atomic_load_n(&run->wanted, __ATOMIC_RELAXED) & WHB_RUN_RSP) != 0, 0)) {
        vp->gpr[4] = vmcs_readnw(VMCS_GUEST_RSP);
        run->valid = WHB_RUN_ALL;
    }
    run->sequence++;
}

/* What every record needs first. */
struct mode {
    uint64_t cr0, rflags;
    uint32_t cs_access, entry;
};

/*
 * Protected mode with a code segment whose DPL is the CPL: the usual case. In long mode CR0.PE is 1, RFLAGS.VM 0.
 * `flags`: of RFLAGS, those with which the instruction's end is more than a new RIP (vmm/vp/completion.h).
 */
ALWAYS_INLINE bool read_mode(struct mode *m, uint32_t flags)
{
    m->cr0 = vmcs_readnw(VMCS_GUEST_CR0);
    m->rflags = vmcs_readnw(VMCS_GUEST_RFLAGS);
    m->cs_access = vmcs_read32(VMCS_GUEST_CS_ACCESS);
    m->entry = vmcs_read32(VMCS_ENTRY_CONTROLS);
    if ((m->cs_access & ACCESS_CONFORMING) != 0 || ((uint32_t)m->rflags & flags) != 0) {
        return false;
    }
    return (m->entry & ENTRY_IA32E) != 0 || ((m->cr0 & CR0_PE) != 0 && (m->rflags & RFLAGS_VM) == 0);
}

#define STATE_CR0_PE (1u << 2)

/* No breakpoint is on, no event due, and no shadow. */
ALWAYS_INLINE uint16_t execution_state(const struct mode *m)
{
    uint32_t of_segment_and_entry = ((m->cs_access & (3u << 5)) | (m->entry & ENTRY_IA32E)) >> 5;
    return (uint16_t)(STATE_CR0_PE | of_segment_and_entry | ((uint32_t)m->cr0 >> 15 & 8u));
}

/* The record, with the reason's own context as the last one of this kind left it. */
static inline WHV_RUN_VP_EXIT_CONTEXT *open_record(struct vp *vp, struct whb_run_page *run, uint32_t kind,
                                                   WHV_RUN_VP_EXIT_REASON reason)
{
    WHV_RUN_VP_EXIT_CONTEXT *r = (void *)run->record;
    if (vp->record_kind != kind) {
        memset(r, 0, sizeof(*r));
        r->ExitReason = reason;
        vp->record_kind = kind;
    }
    return r;
}

/* A shadow of STI or MOV SS: the usual way makes the whole record. */
ALWAYS_INLINE bool in_shadow(void)
{
    return __builtin_expect((vmcs_raw_read(VMCS_GUEST_INTERRUPTIBILITY.encoding) & 3u) != 0, 0);
}

static inline bool is_code64(const struct mode *m)
{
    return (m->entry & ENTRY_IA32E) != 0 && (m->cs_access & ACCESS_LONG) != 0;
}

/*
 * Processors set RF with these exits (SDM vol. 3C, 28.3.3), for the instruction that did not end. The root will finish
 * it, most often by RIP alone, and no breakpoint is on that it could meet again.
 */
ALWAYS_INLINE void drop_resume_flag(struct mode *m)
{
    if (((uint32_t)m->rflags & RFLAGS_RF) != 0) {
        m->rflags &= ~RFLAGS_RF;
        vmcs_writenw(VMCS_GUEST_RFLAGS, m->rflags);
    }
}
