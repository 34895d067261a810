/* SPDX-License-Identifier: MIT */
#include "vmm/run_straight.h"

#include "arch/cpu.h"
#include "arch/vmcs.h"
#include "kernel/string.h"
#include "vmm/diagnostics.h"
#include "vmm/exit_fast.h"
#include "vmm/exit_skip.h"
#include "vmm/exit_trace.h"
#include "vmm/guest_exit.h"
#include "vmm/partition.h"
#include "vmm/partition_slots.h"
#include "vmm/switch_quickly.h"
#include "vmm/vmm_state.h"

#define IO_SIZE 7u /* SDM vol. 3C, table 28-5 */
#define IO_IN (1u << 3)
#define IO_STRING (1u << 4)
#define IO_PORT_SHIFT 16u

#define PLAIN_DIRTY (WHB_RUN_ALL & ~(WHB_RUN_RSP | WHB_RUN_RFLAGS))

/* Back to where nothing has happened. */
static __attribute__((cold, noinline)) uint64_t *give_up(struct vp *vp)
{
    guest_memory_unpin();
    vp_release(vp);
    partition_put(vp->partition);
    return NULL;
}

/* The VP is this CPU's and its partition pinned: whether an entry needs nothing but its VMCS. */
static bool is_plain(const struct cpu *cpu, const struct vp *vp)
{
    const struct partition *p = vp->partition;
    return vp->loaded_on == cpu && vp->launched && vp->attention == 0 && (vp->event.info & INTERRUPTION_VALID) == 0 &&
           (cpu->fpu_owner == vp || vp->fpu_trapped) && !vmm.nmi_blocked_once &&
           __atomic_load_n(&vp->cancel, __ATOMIC_SEQ_CST) == 0 &&
           vp->policy_generation == __atomic_load_n(&p->policy->generation, __ATOMIC_ACQUIRE) &&
           __atomic_load_n(&p->suspended, __ATOMIC_SEQ_CST) == 0 &&
           vp->paused_seen == __atomic_load_n(&p->paused_ticks, __ATOMIC_RELAXED);
}

static uint64_t *enter(struct cpu *cpu, struct vp *vp, uint32_t dirty, uint64_t rip)
{
    vp->run_began = rdtsc();
    exit_trace_returned(cpu, TRACED, vp->run_began);
    switch_quickly(cpu, cpu->root_vp, vp);
    if ((dirty & WHB_RUN_RIP) != 0) {
        vmcs_writenw(VMCS_GUEST_RIP, rip);
    }
    cpu->straight = vp;
    vp->fast_given = FAST_EXITS;
    vp->fast_left = FAST_EXITS;
    exit_trace_entered(cpu, TRACED);
    return vp->gpr;
}

uint64_t *run_straight_begin(struct cpu *cpu, struct vp *root)
{
    uint64_t index = root->gpr[6];
    struct partition *p = partition_take(root->gpr[7]);
    if (p == NULL) {
        return NULL;
    }
    struct vp *vp = index < WHB_MAX_VPS ? __atomic_load_n(&p->vps[index], __ATOMIC_ACQUIRE) : NULL;
    uint32_t free = VP_OWNER_NONE;
    if (vp == NULL ||
        !__atomic_compare_exchange_n(&vp->owner, &free, cpu->index + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        partition_give(p);
        return NULL;
    }
    /* As guest_memory_pin. */
    __atomic_store_n(&cpu->flush_ack, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&cpu->running, p, __ATOMIC_SEQ_CST);
    uint64_t generation = __atomic_load_n(&p->ept_generation, __ATOMIC_SEQ_CST);
    if (!is_plain(cpu, vp) || p->cpu_generation[cpu->index] != generation) {
        return give_up(vp);
    }
    volatile struct whb_run_page *run = vp->run;
    uint32_t dirty = run->dirty;
    uint64_t rip = 0;
    if (dirty != 0) {
        /* Cleared before the value is read: vp_take_run_page. */
        __atomic_fetch_and(&vp->run->dirty, ~dirty, __ATOMIC_SEQ_CST);
        rip = run->rip;
        if ((dirty & ~PLAIN_DIRTY) != 0 || ((dirty & WHB_RUN_RIP) != 0 && diagnostics_suspects(rip, RFLAGS_FIXED))) {
            __atomic_fetch_or(&vp->run->dirty, dirty, __ATOMIC_SEQ_CST);
            return give_up(vp);
        }
    }
    __atomic_store_n(&cpu->flush_ack, generation, __ATOMIC_RELEASE);
    root->launched = true;
    root->event.info = 0;
    return enter(cpu, vp, dirty, rip);
}

/* Back to the root, whose call is done. */
static uint64_t *finish(struct cpu *cpu, struct vp *vp)
{
    struct vp *root = cpu->root_vp;
    cpu->straight = NULL;
    __atomic_store_n(&cpu->running, NULL, __ATOMIC_RELEASE);
    switch_quickly(cpu, vp, root);
    uint64_t now = rdtsc();
    exit_trace_left(cpu, TRACED, now);
    vp->counters.run_ticks += now - vp->run_began;
    struct partition *p = vp->partition; /* gone perhaps once the VP is free, but for the reference */
    __atomic_store_n(&vp->owner, VP_OWNER_NONE, __ATOMIC_RELEASE);
    partition_give(p);
    root->gpr[0] = WHB_OK;
    root->gpr[2] = 0;
    if (!skip_plain_instruction(true)) {
        exit_skip_instruction();
    }
    return root->gpr;
}

/* The run page but for the record. */
static void publish(struct vp *vp, uint64_t rip, uint64_t rflags)
{
    struct whb_run_page *run = vp->run;
    run->rip = rip;
    run->rflags = rflags;
    run->valid = WHB_RUN_ALL & ~WHB_RUN_RSP;
    if (__builtin_expect((__atomic_load_n(&run->wanted, __ATOMIC_RELAXED) & WHB_RUN_RSP) != 0, 0)) {
        vp->gpr[4] = vmcs_readnw(VMCS_GUEST_RSP);
        run->valid = WHB_RUN_ALL;
    }
    run->sequence++;
}

/* Protected mode, and a code segment whose DPL is the CPL: the usual case. */
static bool is_plain_mode(uint64_t cr0, uint64_t rflags, uint32_t cs_access)
{
    return (cr0 & CR0_PE) != 0 && (rflags & RFLAGS_VM) == 0 && (cs_access & ACCESS_CONFORMING) == 0;
}

#define STATE_CR0_PE (1u << 2)
#define STATE_INTERRUPT_SHADOW (1u << 12)

/* The first word of the context: execution state, length of the instruction, CR8. No breakpoint is on, no event due. */
static uint32_t context_word(const struct vp *vp, uint64_t cr0, uint32_t cs_access)
{
    uint32_t word = STATE_CR0_PE | (cs_access >> 5 & 3u) | ((uint32_t)cr0 >> 15 & 8u);
    word |= vmcs_read32(VMCS_ENTRY_CONTROLS) >> 5 & 0x10u;
    if ((vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) != 0) {
        word |= STATE_INTERRUPT_SHADOW;
    }
    word |= (vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH) & 15u) << 16;
    return word | (uint32_t)(*((const uint8_t *)vp->virtual_apic + 0x80) & 0xf0u) << 16;
}

static uint64_t *record_io(struct cpu *cpu, struct vp *vp)
{
    exit_trace_arrived(cpu, TRACED);
    uint32_t q = (uint32_t)vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    uint64_t cr0 = vmcs_readnw(VMCS_GUEST_CR0), rflags = vmcs_readnw(VMCS_GUEST_RFLAGS);
    uint32_t cs_access = vmcs_read32(VMCS_GUEST_CS_ACCESS);
    if ((q & IO_STRING) != 0 || !is_plain_mode(cr0, rflags, cs_access)) {
        return NULL;
    }
    exit_trace_taken(cpu, TRACED, vp, VMX_EXIT_IO, q);
    WHV_RUN_VP_EXIT_CONTEXT *r = (void *)vp->run->record;
    if (vp->record_kind != RECORD_IO) {
        memset(r, 0, sizeof(*r));
        r->ExitReason = WHvRunVpExitReasonX64IoPortAccess;
        vp->record_kind = RECORD_IO;
    }
    uint64_t rip = vmcs_readnw(VMCS_GUEST_RIP);
    *(uint32_t *)(void *)&r->VpContext = context_word(vp, cr0, cs_access);
    r->VpContext.Cs.Base = vmcs_readnw(VMCS_GUEST_CS_BASE);
    r->VpContext.Cs.Limit = vmcs_read32(VMCS_GUEST_CS_LIMIT);
    r->VpContext.Cs.Selector = vmcs_read16(VMCS_GUEST_CS_SELECTOR);
    r->VpContext.Cs.Attributes = (uint16_t)(cs_access & 0xf0ffu);
    r->VpContext.Rip = rip;
    r->VpContext.Rflags = rflags;
    r->IoPortAccess.AccessInfo.AsUINT32 = (((q & IO_SIZE) + 1) << 1) | ((q & IO_IN) == 0);
    r->IoPortAccess.PortNumber = (uint16_t)(q >> IO_PORT_SHIFT);
    r->IoPortAccess.Rax = vp->gpr[0];
    publish(vp, rip, rflags);
    vp->counters.exits[INTERCEPT_IO]++;
    return finish(cpu, vp);
}

uint64_t *run_straight_exit(struct cpu *cpu, uint32_t reason)
{
    struct vp *vp = cpu->straight;
    if (reason == VMX_EXIT_IO && __atomic_load_n(&vp->partition->doorbells, __ATOMIC_ACQUIRE) == NULL) {
        return record_io(cpu, vp);
    }
    return NULL;
}
