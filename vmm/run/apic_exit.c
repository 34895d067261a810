/* SPDX-License-Identifier: MIT */
/* A guest's accesses to its own local APIC: the page, the MSRs, and what a write leads to; its timer's exits. */
#include "vmm/run/apic_exit.h"

#include "abi/whv.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/hardware_model.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"
#include "vmm/vp/completion.h"
#include "vmm/vp/mov_decode.h"

#define APIC_PAGE 0xfee00000ull
#define MISC_TIMER_RATE 0x1fu /* IA32_VMX_MISC: the timer counts when this bit of the TSC changes */
#define MSR_X2APIC_FIRST 0x800u
#define MSR_X2APIC_LAST 0x8ffu

/* Members of WHV_PROCESSOR_APIC_COUNTERS. */
enum {
    COUNT_MMIO,
    COUNT_EOI,
    COUNT_TPR,
    COUNT_SENT_IPI,
    COUNT_SELF_IPI,
};

static WHV_EXTENDED_VM_EXITS extended_exits(const struct vp *vp)
{
    return (WHV_EXTENDED_VM_EXITS){.AsUINT64 = vp->partition->policy->extended_exits};
}

/* Whether the root wants to hear of a write to this register. */
static bool traps_write(const struct vp *vp, uint32_t offset)
{
    WHV_EXTENDED_VM_EXITS exits = extended_exits(vp);
    switch (offset) {
    case APIC_LVT_LINT0:
        return exits.X64ApicWriteLint0ExitTrap != 0;
    case APIC_LVT_LINT1:
        return exits.X64ApicWriteLint1ExitTrap != 0;
    case APIC_SVR:
        return exits.X64ApicWriteSvrExitTrap != 0;
    case APIC_LDR:
        return exits.X64ApicWriteLdrExitTrap != 0;
    case APIC_DFR:
        return exits.X64ApicWriteDfrExitTrap != 0;
    default:
        return false;
    }
}

static enum exit_action send_ipi(struct vp *vp, uint64_t icr)
{
    struct apic_ipi ipi = apic_decode_icr(icr, vp->apic.mode);
    WHV_EXTENDED_VM_EXITS exits = extended_exits(vp);
    bool startup = ipi.delivery == APIC_INIT || ipi.delivery == APIC_SIPI;
    bool deassert = ipi.delivery == APIC_INIT && ipi.level_triggered && !ipi.level_assert;
    vp->apic_counters[ipi.shorthand == 1 ? COUNT_SELF_IPI : COUNT_SENT_IPI]++;
    if (startup && exits.X64ApicInitSipiExitTrap != 0) {
        exit_record_apic(vp, WHvRunVpExitReasonX64ApicInitSipiTrap, 0, icr);
        return EXIT_RECORDED;
    }
    if (ipi.delivery == APIC_SMI && exits.X64ApicSmiExitTrap != 0) {
        exit_record_apic(vp, WHvRunVpExitReasonX64ApicSmiTrap, 0, icr);
        return EXIT_RECORDED;
    }
    if (!deassert) { /* INIT level de-assert does nothing on processors of today (SDM vol. 3A, 11.6.1) */
        apic_send(vp->partition, vp, &ipi, vp->apic.mode);
    }
    return EXIT_RESUME;
}

/* After the write, with RIP past the instruction. */
static enum exit_action after_write(struct vp *vp, uint32_t offset, uint64_t value, const struct apic_write *w)
{
    vp_pend(vp, PENDING_APIC);
    apic_publish(vp);
    if (w->effect == APIC_ENDED) {
        vp->apic_counters[COUNT_EOI]++;
        if (w->level) {
            exit_record_apic(vp, WHvRunVpExitReasonX64ApicEoi, 0, w->vector);
            return EXIT_RECORDED;
        }
    }
    if (w->effect == APIC_SEND) {
        return send_ipi(vp, w->icr);
    }
    if (traps_write(vp, offset)) {
        exit_record_apic(vp, WHvRunVpExitReasonX64ApicWriteTrap, offset, value);
        return EXIT_RECORDED;
    }
    return EXIT_RESUME;
}

/*
 * 30.4.3.2 and 30.5: the processor has stored what the guest wrote, RIP is past the WRMSR. In x2APIC mode that is the
 * self-IPI with a vector below 16, which it leaves to software.
 */
enum exit_action apic_write_exit(struct vp *vp)
{
    uint32_t offset = (uint32_t)vmcs_readnw(VMCS_EXIT_QUALIFICATION) & 0xff0u;
    uint32_t value = __atomic_load_n(&vp->apic.page[offset / 4], __ATOMIC_RELAXED);
    struct apic_write w = apic_write(&vp->apic, offset, value, apic_now(vp));
    return after_write(vp, offset, value, &w);
}

bool apic_owns_page(const struct vp *vp, uint64_t gpa)
{
    return vp->apic_on && gpa >> 12 == APIC_PAGE >> 12 && vp->apic.mode == APIC_XAPIC;
}

static uint64_t register_value(const struct vp *vp, unsigned number)
{
    return number == 4 ? vmcs_readnw(VMCS_GUEST_RSP) : ((const volatile uint64_t *)vp->gpr)[number];
}

static void load_register(struct vp *vp, unsigned number, uint32_t value)
{
    if (number == 4) {
        vmcs_writenw(VMCS_GUEST_RSP, value);
    } else {
        vp->gpr[number] = value;
    }
}

uint32_t apic_page_read(struct vp *vp, uint32_t offset)
{
    uint32_t value;
    vp->apic_counters[COUNT_MMIO]++;
    vp->apic_counters[COUNT_TPR] += offset == APIC_TPR ? 1 : 0;
    (void)apic_read(&vp->apic, offset, apic_now(vp), &value);
    return value;
}

enum exit_action apic_page_write(struct vp *vp, uint32_t offset, uint32_t value)
{
    vp->apic_counters[COUNT_MMIO]++;
    vp->apic_counters[COUNT_TPR] += offset == APIC_TPR ? 1 : 0;
    struct apic_write w = apic_write(&vp->apic, offset, value, apic_now(vp));
    return after_write(vp, offset, value, &w);
}

/* MOV of 32 bits is what systems use, and all that is decoded here: the root emulates the rest, by APIC_ACCESS. */
enum exit_action apic_page_access(struct vp *vp, uint64_t gpa, struct exit_snapshot *snapshot)
{
    struct exit_snapshot s;
    struct mov_store mov;
    uint32_t offset = (uint32_t)gpa & 0xfffu;
    exit_fetch_instruction(vp, &s);
    bool known = offset % 16 == 0 &&
                 mov_decode_any(s.instruction_bytes, s.instruction_byte_count, exit_mov_mode(&s), &mov) &&
                 mov.size == 4;
    if (!known) {
        exit_record(vp, snapshot);
        return EXIT_EMULATE;
    }
    if (vp_pending(vp, PENDING_BREAKPOINTS) != 0) {
        completion_watch(vp, mov.is_load ? BREAKPOINT_READ : BREAKPOINT_WRITE, vmcs_readnw(VMCS_GUEST_LINEAR_ADDRESS),
                         mov.size);
    }
    advance_rip_by(mov.length);
    if (mov.is_load) {
        load_register(vp, mov.source & 15u, apic_page_read(vp, offset));
        return EXIT_RESUME;
    }
    return apic_page_write(vp, offset,
                           (uint32_t)(mov.is_immediate ? mov.immediate : register_value(vp, mov.source & 15u)));
}

bool apic_owns_msr(const struct vp *vp, uint32_t msr)
{
    return vp->apic_on && (msr == MSR_IA32_APIC_BASE || msr == MSR_IA32_TSC_DEADLINE ||
                           (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST));
}

static enum exit_action fault(struct vp *vp)
{
    event_inject(vp, VECTOR_GP, 0);
    return EXIT_RESUME;
}

static bool read_x2apic(struct vp *vp, uint32_t msr, uint64_t *value)
{
    uint32_t offset = (msr - MSR_X2APIC_FIRST) * 16, low;
    if (vp->apic.mode != APIC_X2APIC || offset == APIC_EOI || offset == APIC_SELF_IPI ||
        !apic_read(&vp->apic, offset, apic_now(vp), &low)) {
        return false;
    }
    *value = offset == APIC_ICR ? low | (uint64_t)vp->apic.page[APIC_ICR_HIGH / 4] << 32 : low;
    return true;
}

enum exit_action apic_rdmsr(struct vp *vp, uint32_t msr)
{
    uint64_t value = 0;
    if (msr == MSR_IA32_APIC_BASE) {
        value = apic_base_value(vp);
    } else if (msr == MSR_IA32_TSC_DEADLINE) {
        apic_take_timer(vp);
        value = apic_read_deadline(&vp->apic);
    } else if (!read_x2apic(vp, msr, &value)) {
        return fault(vp);
    }
    vp->gpr[0] = (uint32_t)value;
    vp->gpr[2] = value >> 32;
    advance_rip();
    return EXIT_RESUME;
}

static enum exit_action write_x2apic(struct vp *vp, uint32_t msr, uint64_t value)
{
    uint32_t offset = (msr - MSR_X2APIC_FIRST) * 16;
    if (vp->apic.mode != APIC_X2APIC) {
        return fault(vp);
    }
    struct apic_write w = apic_write(&vp->apic, offset, value, apic_now(vp));
    if (w.effect == APIC_REFUSED) {
        return fault(vp);
    }
    vp->apic_counters[COUNT_TPR] += offset == APIC_TPR ? 1 : 0;
    advance_rip();
    return after_write(vp, offset, value, &w);
}

enum exit_action apic_wrmsr(struct vp *vp, uint32_t msr, uint64_t value)
{
    if (msr == MSR_IA32_APIC_BASE) {
        if (!apic_base_set(vp, value)) {
            return fault(vp);
        }
    } else if (msr == MSR_IA32_TSC_DEADLINE) {
        apic_write_deadline(&vp->apic, value, apic_now(vp));
        vp_pend(vp, PENDING_APIC);
    } else {
        return write_x2apic(vp, msr, value);
    }
    advance_rip();
    return EXIT_RESUME;
}

/* With slices the root must get its turn, also while a guest's timer expires more often than that. */
enum exit_action apic_timer_exit(struct vp *vp)
{
    event_requeue(vp);
    if (vmm.slice == 0 || hardware_model_quiet()) {
        return EXIT_RESUME;
    }
    uint64_t slice = (uint64_t)vmm.slice << (vmm.caps.misc & MISC_TIMER_RATE);
    return rdtsc() - vp->run_began >= slice ? EXIT_RESTART : EXIT_RESUME;
}

enum exit_action apic_halt(struct vp *vp)
{
    advance_rip();
    vp->suspend |= SUSPEND_HALT;
    vp_pend(vp, PENDING_APIC);
    return EXIT_RESUME;
}

/* 30.1.4: the service has ended already, RIP is past the write. */
enum exit_action apicv_eoi_exit(struct vp *vp)
{
    uint8_t vector = (uint8_t)vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    vp->apic_counters[COUNT_EOI]++;
    exit_record_apic(vp, WHvRunVpExitReasonX64ApicEoi, 0, vector);
    return EXIT_RECORDED;
}
