/* SPDX-License-Identifier: MIT */
/* From the VMCS of a guest that exited to the exit record in its run page. Only what the record needs is read. */
#include "arch/cpu/cpu.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/memory/gva_walk.h"
#include "vmm/partition/partition.h"
#include "vmm/run/completion_note.h"
#include "vmm/run/guest_exit.h"
#include "vmm/vp/completion.h"
#include "vmm/vp/translate.h"

#define CS_LONG (1u << 13)
#define CS_DEFAULT_32 (1u << 14)

static void read_segment(enum vmcs_segment s, struct exit_segment *out)
{
    out->base = vmcs_readnw(vmcs_base_field(s));
    out->limit = vmcs_read32(vmcs_limit_field(s));
    out->selector = vmcs_read16(vmcs_selector_field(s));
    out->access_rights = vmcs_read32(vmcs_access_field(s));
}

static void read_common(const struct vp *vp, struct exit_snapshot *s)
{
    s->gpr = vp->gpr;
    s->rip = vmcs_readnw(VMCS_GUEST_RIP);
    s->rflags = vmcs_readnw(VMCS_GUEST_RFLAGS);
    s->cr0 = vmcs_readnw(VMCS_GUEST_CR0);
    s->dr7 = vmcs_readnw(VMCS_GUEST_DR7);
    s->entry_controls = vmcs_read32(VMCS_ENTRY_CONTROLS);
    s->interruptibility = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
    s->ss_access_rights = vmcs_read32(VMCS_GUEST_SS_ACCESS);
    s->cr8 = *((const uint8_t *)vp->virtual_apic + 0x80) >> 4;
    read_segment(VMCS_SEG_CS, &s->cs);
    s->instruction_length = 0;
    s->instruction_byte_count = 0;
    s->idt_vectoring_info = vp->event.info;
}

/* Up to 16 bytes at CS:RIP, fewer if the next page cannot be fetched or the segment ends. */
static void fetch_instruction(const struct vp *vp, struct exit_snapshot *s)
{
    struct gva_walk_state walk;
    translate_state(vp, &walk);
    bool long_mode = (s->entry_controls & ENTRY_IA32E) != 0 && (s->cs.access_rights & (1u << 13)) != 0;
    uint64_t linear = long_mode ? s->rip : (uint32_t)(s->cs.base + s->rip);
    uint64_t want = sizeof(s->instruction_bytes);
    if (!long_mode && s->rip + want - 1 > s->cs.limit) {
        want = s->rip > s->cs.limit ? 0 : s->cs.limit - s->rip + 1;
    }
    while (s->instruction_byte_count < want) {
        uint64_t gva = linear + s->instruction_byte_count, gpa;
        uint64_t left = want - s->instruction_byte_count, in_page = 4096 - (gva & 4095);
        uint64_t size = left < in_page ? left : in_page;
        if (gva_walk(&walk, gva, GVA_EXECUTE, &gpa) != GVA_OK) {
            return;
        }
        uint64_t got = guest_memory_read(vp->partition, gpa, s->instruction_bytes + s->instruction_byte_count, size);
        s->instruction_byte_count = (uint8_t)(s->instruction_byte_count + got);
        if (got != size) {
            return;
        }
    }
}

void exit_fetch_instruction(const struct vp *vp, struct exit_snapshot *s)
{
    read_common(vp, s);
    fetch_instruction(vp, s);
}

/* What the exit reason's table row names, and no more. */
static void read_reason_fields(const struct vp *vp, struct exit_snapshot *s)
{
    uint32_t reads = exit_reads(s->reason);
    if ((reads & EXIT_READ_QUALIFICATION) != 0) {
        s->qualification = vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    }
    if ((reads & EXIT_READ_LENGTH) != 0) {
        s->instruction_length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
    }
    if ((reads & EXIT_READ_GUEST_PHYSICAL) != 0) {
        s->guest_physical = vmcs_read64(VMCS_GUEST_PHYSICAL_ADDRESS);
    }
    if ((reads & EXIT_READ_GUEST_LINEAR) != 0) {
        s->guest_linear = vmcs_readnw(VMCS_GUEST_LINEAR_ADDRESS);
    }
    if ((reads & EXIT_READ_INTERRUPTION) != 0) {
        s->interruption_info = vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO);
        s->interruption_error = vmcs_read32(VMCS_EXIT_INTERRUPTION_ERROR);
    }
    if ((reads & EXIT_READ_STRING_IO) != 0 && exit_wants_bytes(s)) {
        read_segment(VMCS_SEG_DS, &s->ds);
        read_segment(VMCS_SEG_ES, &s->es);
    }
    if ((reads & EXIT_READ_BYTES) != 0 && exit_wants_bytes(s)) {
        fetch_instruction(vp, s);
    }
}

static void publish(struct vp *vp, uint64_t rip, uint64_t rflags)
{
    struct whb_run_page *run = vp->run;
    run->rip = rip;
    run->rflags = rflags;
    run->valid = WHB_RUN_ALL & ~WHB_RUN_RSP;
    if ((__atomic_load_n(&run->wanted, __ATOMIC_RELAXED) & WHB_RUN_RSP) != 0) {
        vp->gpr[4] = vmcs_readnw(VMCS_GUEST_RSP);
        run->valid = WHB_RUN_ALL;
    }
    run->sequence++;
}

static WHV_RUN_VP_EXIT_CONTEXT *record_of(struct vp *vp)
{
    vp->record_kind = RECORD_ANY;
    return (WHV_RUN_VP_EXIT_CONTEXT *)(void *)vp->run->record;
}

enum mov_mode exit_mov_mode(const struct exit_snapshot *s)
{
    if ((s->entry_controls & ENTRY_IA32E) != 0 && (s->cs.access_rights & CS_LONG) != 0) {
        return MOV_MODE_64;
    }
    return (s->cs.access_rights & CS_DEFAULT_32) != 0 ? MOV_MODE_32 : MOV_MODE_16;
}

void exit_record(struct vp *vp, struct exit_snapshot *s)
{
    read_common(vp, s);
    read_reason_fields(vp, s);
    uint64_t rip = s->rip;
    if (s->reason == VMX_EXIT_HLT) {
        /* The record shows the state after HLT, so the VP is moved there too. */
        advance_rip();
        rip = vmcs_readnw(VMCS_GUEST_RIP);
        s->rflags = vmcs_readnw(VMCS_GUEST_RFLAGS);
    }
    completion_note(vp, s);
    (void)exit_decode(s, record_of(vp));
    publish(vp, rip, s->rflags);
}

void exit_record_cancel(struct vp *vp)
{
    struct exit_snapshot s;
    read_common(vp, &s);
    s.reason = VMX_EXIT_EXTERNAL_INTERRUPT; /* for completion_note: no instruction */
    completion_note(vp, &s);
    exit_record_canceled(&s, record_of(vp));
    publish(vp, s.rip, s.rflags);
}

void exit_record_invalid(struct vp *vp)
{
    struct exit_snapshot s;
    s.reason = VMX_EXIT_INVALID_GUEST_STATE;
    exit_record(vp, &s);
}

void exit_record_apic(struct vp *vp, WHV_RUN_VP_EXIT_REASON reason, uint32_t type, uint64_t value)
{
    struct exit_snapshot s;
    read_common(vp, &s);
    s.reason = VMX_EXIT_EXTERNAL_INTERRUPT; /* for completion_note: the instruction is complete */
    completion_note(vp, &s);
    exit_record_apic_access(&s, reason, type, value, record_of(vp));
    publish(vp, s.rip, s.rflags);
}
