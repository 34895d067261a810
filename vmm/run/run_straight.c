/* SPDX-License-Identifier: MIT */
#include "vmm/run/run_straight.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "vmm/apic/apic.h"
#include "vmm/cpu/mitigate.h"
#include "vmm/cpu/quirks_bochs.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"
#include "vmm/partition/partition_slots.h"
#include "vmm/run/apic_exit.h"
#include "vmm/run/exit_fast.h"
#include "vmm/run/exit_skip.h"
#include "vmm/run/exit_trace.h"
#include "vmm/run/fetch_plain.h"
#include "vmm/run/guest_exit.h"
#include "vmm/run/guest_write.h"
#include "vmm/run/record.h"
#include "vmm/run/run.h"
#include "vmm/vp/completion_decide.h"
#include "vmm/vp/switch_quickly.h"

#define IO_SIZE 7u /* SDM vol. 3C, table 28-5 */
#define IO_IN (1u << 3)
#define IO_STRING (1u << 4)
#define IO_PORT_SHIFT 16u

#define EPT_WRITE (1ull << 1) /* 28.2.1, table 28-7 */
#define EPT_FETCH (1ull << 2)
#define EPT_ENTRY_RIGHTS (7ull << 3)
#define EPT_GVA ((1ull << 7) | (1ull << 8)) /* a linear address, and it was not the walk that failed */
#define EPT_NMI_UNBLOCKING (1ull << 12)
#define MEMORY_GPA_UNMAPPED (1u << 2)
#define MEMORY_GVA_VALID (1u << 3)

#define EXCEPTION_ERROR_CODE (1u << 0)

#define PLAIN_DIRTY (WHB_RUN_ALL & ~(WHB_RUN_RSP | WHB_RUN_RFLAGS))

/* More is pending than the fast path does: the rare path begins the run. */
static __attribute__((cold, noinline)) uint64_t *begin_rare(struct cpu *cpu, struct vp *vp)
{
    guest_memory_unpin();
    cpu->root_vp->event.info = 0; /* delivered, since an instruction was executed after it */
    lock_check_take(HELD_VP);
    return run_begin(cpu, vp);
}

/* The VP is this CPU's and its partition pinned: whether an entry needs nothing but its VMCS. */
static bool is_plain(const struct cpu *cpu, const struct vp *vp)
{
    return vp->loaded_on == cpu && vp_pending(vp, ~PENDING_FAST) == 0 && (vp->event.info & INTERRUPTION_VALID) == 0 &&
           cpu->fpu_owner == vp;
}

/* Compiled twice with this file, but only one is called. */
#if !TRACED
bool run_fast_prepare(struct vp *vp, uint32_t pending)
{
    if (pending != PENDING_MITIGATE) {
        if ((pending & ~PENDING_FAST) != 0 || ((pending & PENDING_TIMER) != 0 && !apic_arm_timer(vp)) ||
            ((pending & PENDING_QUIRK) != 0 && !quirk_mask_interrupts(this_cpu()))) {
            return false;
        }
        if ((pending & PENDING_MITIGATE) == 0) {
            return true;
        }
    }
    mitigate_before_entry(this_cpu(), vp->partition->handle);
    return true;
}
#endif

static uint64_t *enter(struct cpu *cpu, struct vp *vp, uint32_t dirty, uint64_t rip)
{
    exit_trace_returned_now(cpu, TRACED);
    switch_quickly(cpu, cpu->root_vp, vp);
    if ((dirty & WHB_RUN_RIP) != 0) {
        vmcs_writenw(VMCS_GUEST_RIP, rip);
    }
    vp->exits_left = RUN_EXITS;
    if (!run_fast_may_enter(vp)) {
        return run_resume(cpu, vp);
    }
    exit_trace_entered(cpu, TRACED);
    return vp->run->gpr;
}

uint64_t *run_straight_begin(struct cpu *cpu, struct vp *root)
{
    uint64_t index = root->gpr[6];
    struct partition *p = partition_take(root->gpr[7]);
    if (p == NULL) {
        return NULL;
    }
    struct vp *vp = partition_vp(p, index);
    uint64_t free = VP_OWNER_NONE;
    uint64_t cpu_index = cpu->index;
    if (vp == NULL || !__atomic_compare_exchange_n(&vp->owner_and_cancel, &free, cpu_index + 1ull, false,
                                                   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        partition_give(p);
        return NULL;
    }
    /* As guest_memory_pin. */
    __atomic_store_n(&cpu->flush_ack, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&cpu->running, p, __ATOMIC_SEQ_CST);
    uint64_t generation = __atomic_load_n(&p->ept_generation, __ATOMIC_SEQ_CST);
    if (!is_plain(cpu, vp) || p->cpu_generation[cpu_index] != generation) {
        return begin_rare(cpu, vp);
    }
    volatile struct whb_run_page *run = vp->run;
    uint32_t dirty = run->dirty;
    uint64_t rip = 0;
    if (dirty != 0) {
        /* Cleared before the value is read: vp_take_run_page. */
        __atomic_fetch_and(&vp->run->dirty, ~dirty, __ATOMIC_SEQ_CST);
        rip = run->rip;
        if ((dirty & ~PLAIN_DIRTY) != 0) {
            __atomic_fetch_or(&vp->run->dirty, dirty, __ATOMIC_SEQ_CST);
            return begin_rare(cpu, vp);
        }
    }
    __atomic_store_n(&cpu->flush_ack, generation, __ATOMIC_RELEASE);
    root->event.info = 0;
    return enter(cpu, vp, dirty, rip);
}

/* Back to the root, whose call is done. */
ALWAYS_INLINE uint64_t *finish(struct cpu *cpu, struct vp *vp)
{
    struct vp *root = cpu->root_vp;
    if (__builtin_expect(cpu->root_away != 0, 0)) {
        if ((cpu->root_away & AWAY_FPU) != 0) {
            return run_end(cpu, vp, RUN_RECORD);
        }
        switch_root_back(cpu);
    }
    __atomic_store_n(&cpu->running, NULL, __ATOMIC_RELEASE);
    switch_quickly(cpu, vp, root);
    exit_trace_left_now(cpu, TRACED);
    struct partition *p = vp->partition; /* read while the VP is still ours */
    __atomic_store_n(&vp->owner, VP_OWNER_NONE, __ATOMIC_RELEASE);
    partition_give(p);
    uint64_t *gpr = root->gpr;
    gpr[0] = WHB_OK;
    gpr[2] = 0;
    if (!skip_plain_instruction(true)) {
        advance_rip();
    }
    return gpr;
}

/* There is no shadow. `length` 0: the VP is past the instruction, or it has none that is known. */
ALWAYS_INLINE uint64_t *deliver_at(struct cpu *cpu, struct vp *vp, struct whb_run_page *run, const struct mode *m,
                                   uint64_t rip, uint32_t length, enum intercept_class counted, struct trace_raw *entry)
{
    exit_trace_taken(cpu, TRACED, entry, vp);
    WHV_RUN_VP_EXIT_CONTEXT *r = (void *)run->record;
    uint8_t *length_and_cr8 = (uint8_t *)&r->VpContext + 2;
    *length_and_cr8 = (uint8_t)((*((const uint8_t *)vp->virtual_apic + 0x80) & 0xf0u) | length);
    r->VpContext.ExecutionState.AsUINT16 = execution_state(m);
    r->VpContext.Cs.Base = vmcs_readnw(VMCS_GUEST_CS_BASE);
    r->VpContext.Cs.Limit = vmcs_read32(VMCS_GUEST_CS_LIMIT);
    r->VpContext.Cs.Selector = vmcs_read16(VMCS_GUEST_CS_SELECTOR);
    r->VpContext.Cs.Attributes = (uint16_t)(m->cs_access & 0xf0ffu);
    r->VpContext.Rip = rip;
    r->VpContext.Rflags = m->rflags;
    publish(vp, run, rip, m->rflags);
    vp->counters.exits[counted]++;
    return finish(cpu, vp);
}

ALWAYS_INLINE uint64_t *deliver(struct cpu *cpu, struct vp *vp, struct whb_run_page *run, const struct mode *m,
                                uint64_t rip, uint32_t length, enum intercept_class counted, struct trace_raw *entry)
{
    return in_shadow() ? NULL : deliver_at(cpu, vp, run, m, rip, length, counted, entry);
}

/* For exits with instructions that have a length. */
ALWAYS_INLINE uint64_t *deliver_instruction_here(struct cpu *cpu, struct vp *vp, struct whb_run_page *run,
                                                 const struct mode *m, enum intercept_class counted,
                                                 struct trace_raw *entry)
{
    uint32_t length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH); /* 1 to 15 */
    return deliver(cpu, vp, run, m, vmcs_readnw(VMCS_GUEST_RIP), length, counted, entry);
}

static __attribute__((noinline)) uint64_t *deliver_instruction(struct cpu *cpu, struct vp *vp, const struct mode *m,
                                                               enum intercept_class counted)
{
    return deliver_instruction_here(cpu, vp, vp->run, m, counted, exit_trace_entry(cpu, TRACED));
}

/* The exit is dealt with: in again, or the usual way does it if something came up. */
static inline uint64_t *again(struct cpu *cpu, struct vp *vp, enum intercept_class counted)
{
    exit_trace_taken(cpu, TRACED, exit_trace_entry(cpu, TRACED), vp);
    vp->counters.exits[counted]++;
    if ((vp->event.info & INTERRUPTION_VALID) != 0 || vp->exits_left == 0 || !run_fast_may_enter(vp)) {
        return run_resume(cpu, vp);
    }
    vp->exits_left--;
    exit_trace_entered(cpu, TRACED);
    return vp->gpr;
}

/* By size and direction, as the qualification has them: the size in bytes above the bit for a write. */
static const uint8_t io_access_info[16] = {
    [0] = 3, [1] = 5, [3] = 9, [IO_IN] = 2, [IO_IN + 1] = 4, [IO_IN + 3] = 8,
};

static inline uint64_t *exit_io(struct cpu *cpu, struct vp *vp, struct trace_raw *entry)
{
    struct mode m;
    uint32_t q = (uint32_t)vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    if (TRACED) {
        entry->qualification = q;
    }
    if (__atomic_load_n(&vp->partition->doorbells, __ATOMIC_ACQUIRE) != NULL) {
        return fast_write_port(vp, entry);
    }
    if ((q & IO_STRING) != 0 || !read_mode(&m, RFLAGS_TF | RFLAGS_RF)) {
        return NULL;
    }
    struct whb_run_page *run = vp->run;
    WHV_RUN_VP_EXIT_CONTEXT *r = open_record(vp, run, RECORD_IO, WHvRunVpExitReasonX64IoPortAccess);
    r->IoPortAccess.AccessInfo.AsUINT32 = io_access_info[q & (IO_SIZE | IO_IN)];
    r->IoPortAccess.PortNumber = (uint16_t)(q >> IO_PORT_SHIFT);
    r->IoPortAccess.Rax = run->gpr[0];
    return deliver_instruction_here(cpu, vp, run, &m, INTERCEPT_IO, entry);
}

static __attribute__((noinline)) uint64_t *exit_msr(struct cpu *cpu, struct vp *vp, bool write)
{
    struct mode m;
    if (!read_mode(&m, RFLAGS_TF | RFLAGS_RF)) {
        return NULL;
    }
    enum exit_action action = write ? exit_guest_wrmsr(cpu, vp) : exit_guest_rdmsr(cpu, vp);
    if (action == EXIT_RECORDED) {
        exit_trace_taken(cpu, TRACED, exit_trace_entry(cpu, TRACED), vp);
        vp->counters.exits[INTERCEPT_MSR]++;
        return finish(cpu, vp);
    }
    if (action != EXIT_DELIVER) {
        return again(cpu, vp, INTERCEPT_MSR);
    }
    WHV_RUN_VP_EXIT_CONTEXT *r = open_record(vp, vp->run, RECORD_MSR, WHvRunVpExitReasonX64MsrAccess);
    r->MsrAccess.AccessInfo.AsUINT32 = write;
    r->MsrAccess.MsrNumber = (uint32_t)vp->gpr[1];
    r->MsrAccess.Rax = vp->gpr[0];
    r->MsrAccess.Rdx = vp->gpr[2];
    return deliver_instruction_here(cpu, vp, vp->run, &m, INTERCEPT_MSR, exit_trace_entry(cpu, TRACED));
}

ALWAYS_INLINE uint64_t *answer_cpuid(struct vp *vp, struct trace_raw *entry)
{
    volatile uint64_t *gpr = vp->gpr;
    const struct cpuid_answer *a = cpuid_cache_find(&vp->cpuid, (uint32_t)gpr[0], (uint32_t)gpr[1]);
    uint64_t next;
    if (a == NULL || a->wanted != 0 || vp->exits_left == 0 || !plain_next_instruction(false, &next) ||
        !run_fast_may_enter(vp)) {
        return NULL;
    }
    vmcs_writenw(VMCS_GUEST_RIP, next);
    exit_trace_qualification(TRACED, entry);
    exit_trace_taken(this_cpu(), TRACED, entry, vp);
    vp->exits_left--;
    vp->counters.exits[INTERCEPT_CPUID]++;
    gpr[0] = a->eax;
    gpr[1] = a->ecx;
    gpr[2] = a->edx;
    gpr[3] = a->ebx;
    exit_trace_entered(this_cpu(), TRACED);
    return vp->gpr;
}

static __attribute__((noinline)) uint64_t *exit_cpuid(struct cpu *cpu, struct vp *vp)
{
    struct mode m;
    const volatile uint64_t *gpr = vp->gpr;
    uint64_t rax = gpr[0], rcx = gpr[1];
    const struct cpuid_answer *a = cpuid_cache_find(&vp->cpuid, (uint32_t)rax, (uint32_t)rcx);
    if (a == NULL || a->wanted == 0 || !read_mode(&m, RFLAGS_TF | RFLAGS_RF)) {
        return NULL;
    }
    WHV_RUN_VP_EXIT_CONTEXT *r = open_record(vp, vp->run, RECORD_CPUID, WHvRunVpExitReasonX64Cpuid);
    r->CpuidAccess = (WHV_X64_CPUID_ACCESS_CONTEXT){
        .Rax = rax,
        .Rcx = rcx,
        .Rdx = gpr[2],
        .Rbx = gpr[3],
        .DefaultResultRax = a->eax,
        .DefaultResultRcx = a->ecx,
        .DefaultResultRdx = a->edx,
        .DefaultResultRbx = a->ebx,
    };
    return deliver_instruction(cpu, vp, &m, INTERCEPT_CPUID);
}

/* A data access while no event was being delivered and no IRET had unblocked NMIs (28.2.1, table 28-7). */
static __attribute__((noinline)) uint64_t *exit_memory(struct cpu *cpu, struct vp *vp)
{
    struct mode m;
    uint64_t q = vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    bool event = (vmcs_read32(VMCS_IDT_VECTORING_INFO) & INTERRUPTION_VALID) != 0;
    if ((q & (EPT_FETCH | EPT_NMI_UNBLOCKING)) != 0 || event || !read_mode(&m, RFLAGS_TF) || !is_code64(&m)) {
        return NULL;
    }
    uint64_t gpa = vmcs_read64(VMCS_GUEST_PHYSICAL_ADDRESS), rip = vmcs_readnw(VMCS_GUEST_RIP);
    if (__builtin_expect(vp->apic_on, 0) && apic_owns_page(vp, gpa)) {
        return NULL;
    }
    uint32_t info = WHvMemoryAccessRead;
    if ((q & EPT_WRITE) != 0) {
        info = WHvMemoryAccessWrite;
        if (guest_memory_write_fault(vp->partition, gpa)) {
            return again(cpu, vp, INTERCEPT_NESTED_PAGE_FAULT);
        }
        if (__atomic_load_n(&vp->partition->doorbells, __ATOMIC_ACQUIRE) != NULL) {
            return guest_write_memory(vp, gpa, q) ? again(cpu, vp, INTERCEPT_NESTED_PAGE_FAULT) : NULL;
        }
    }
    WHV_RUN_VP_EXIT_CONTEXT *r = open_record(vp, vp->run, RECORD_MEMORY, WHvRunVpExitReasonMemoryAccess);
    if (!fetch_plain(vp, rip, m.cs_access >> 5 & 3u, r->MemoryAccess.InstructionBytes)) {
        return NULL; /* the usual way makes the whole record anew */
    }
    bool gva_valid = (q & EPT_GVA) == EPT_GVA;
    drop_resume_flag(&m);
    info |= (q & EPT_ENTRY_RIGHTS) == 0 ? MEMORY_GPA_UNMAPPED : 0;
    r->MemoryAccess.InstructionByteCount = sizeof(r->MemoryAccess.InstructionBytes);
    r->MemoryAccess.AccessInfo.AsUINT32 = info | (gva_valid ? MEMORY_GVA_VALID : 0);
    r->MemoryAccess.Gpa = gpa;
    r->MemoryAccess.Gva = gva_valid ? vmcs_readnw(VMCS_GUEST_LINEAR_ADDRESS) : 0;
    return deliver(cpu, vp, vp->run, &m, rip, 0, INTERCEPT_NESTED_PAGE_FAULT, exit_trace_entry(cpu, TRACED));
}

/* HLT is complete, so the VP is moved past it; in 64-bit code, whose RIP may have any value. A debug exception that is
 * due comes at once and ends it: the usual way's. */
static __attribute__((noinline)) uint64_t *exit_halt(struct cpu *cpu, struct vp *vp)
{
    struct mode m;
    if (vp->apic_on || !read_mode(&m, RFLAGS_TF | RFLAGS_RF) || !is_code64(&m) || in_shadow() ||
        (vmcs_readnw(VMCS_GUEST_PENDING_DEBUG) & PENDING_DEBUG_VALID) != 0) {
        return NULL;
    }
    uint64_t next = vmcs_readnw(VMCS_GUEST_RIP) + vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
    vmcs_writenw(VMCS_GUEST_RIP, next);
    (void)open_record(vp, vp->run, RECORD_HALT, WHvRunVpExitReasonX64Halt);
    return deliver_at(cpu, vp, vp->run, &m, next, 0, INTERCEPT_HALT, exit_trace_entry(cpu, TRACED));
}

/*
 * An exception that the root wants, of an instruction and not of an event's delivery or of IRET (28.2.3). What is more
 * than a record, #DB, #MC and those of INT3 and the like, is the rare path's.
 */
static __attribute__((noinline)) uint64_t *exit_wanted_exception(struct cpu *cpu, struct vp *vp)
{
    struct mode m;
    uint32_t info = vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO), vector = info & INTERRUPTION_VECTOR;
    uint32_t kind = info & (INTERRUPTION_TYPE | INTERRUPTION_NMI_UNBLOCKING);
    uint32_t wanted = vp->client_exceptions & ~(1u << VECTOR_DB | 1u << VECTOR_MC);
    if (kind != INTERRUPTION_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT || (wanted >> (vector & 31u) & 1u) == 0 ||
        (vmcs_read32(VMCS_IDT_VECTORING_INFO) & INTERRUPTION_VALID) != 0 || !read_mode(&m, RFLAGS_TF) ||
        !is_code64(&m)) {
        return NULL;
    }
    uint64_t rip = vmcs_readnw(VMCS_GUEST_RIP);
    WHV_RUN_VP_EXIT_CONTEXT *r = open_record(vp, vp->run, RECORD_EXCEPTION, WHvRunVpExitReasonException);
    if (!fetch_plain(vp, rip, m.cs_access >> 5 & 3u, r->VpException.InstructionBytes)) {
        return NULL;
    }
    drop_resume_flag(&m);
    vp->software.info = 0;
    bool error = (info & INTERRUPTION_ERROR_CODE) != 0;
    r->VpException.InstructionByteCount = sizeof(r->VpException.InstructionBytes);
    r->VpException.ExceptionInfo.AsUINT32 = error ? EXCEPTION_ERROR_CODE : 0;
    r->VpException.ErrorCode = error ? vmcs_read32(VMCS_EXIT_INTERRUPTION_ERROR) : 0;
    r->VpException.ExceptionType = (uint8_t)vector;
    r->VpException.ExceptionParameter = vector == VECTOR_PF ? vmcs_readnw(VMCS_EXIT_QUALIFICATION) : 0;
    enum intercept_class counted = vector == VECTOR_PF ? INTERCEPT_PAGE_FAULT : INTERCEPT_OTHER;
    return deliver(cpu, vp, vp->run, &m, rip, 0, counted, exit_trace_entry(cpu, TRACED));
}

uint64_t *run_straight_exit(struct cpu *cpu, struct vp *vp, uint32_t reason)
{
    struct trace_raw *entry = exit_trace_arrived(cpu, TRACED, reason);
    if (reason == VMX_EXIT_IO) {
        return exit_io(cpu, vp, entry);
    }
    if (reason == VMX_EXIT_CPUID) {
        uint64_t *gpr = answer_cpuid(vp, entry);
        return gpr != NULL ? gpr : exit_cpuid(cpu, vp);
    }
    exit_trace_qualification(TRACED, entry);
    if (reason == VMX_EXIT_EPT_VIOLATION) {
        return exit_memory(cpu, vp);
    }
    if (reason == VMX_EXIT_RDMSR || reason == VMX_EXIT_WRMSR) {
        return exit_msr(cpu, vp, reason == VMX_EXIT_WRMSR);
    }
    if (reason == VMX_EXIT_EXCEPTION_NMI) {
        return exit_wanted_exception(cpu, vp);
    }
    return reason == VMX_EXIT_HLT ? exit_halt(cpu, vp) : NULL;
}
