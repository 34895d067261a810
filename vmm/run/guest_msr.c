/* SPDX-License-Identifier: MIT */
/*
 * MSRs of guests that exit: those the hypervisor keeps for the guest, in a table; the others go to the root if it asked
 * for MSR exits, else they fault. docs/msrs.md lists them; run-VP semantics as WHP's (TLFS, appendix D, "MSRs").
 */
#include "abi/whv.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/nospec.h"
#include "arch/vmx/vmcs.h"
#include "vmm/apic/apic.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/msr_actions.h"
#include "vmm/partition/partition.h"
#include "vmm/registers/vp_registers.h"
#include "vmm/run/apic_exit.h"
#include "vmm/run/guest_exit.h"
#include "vmm/vp/switch.h"
#include "vmm/vp/vp_time.h"

enum msr_outcome {
    MSR_DONE,
    MSR_FAULT,
    MSR_UNHANDLED,
};

#define MTRR_DEF_WRITABLE 0xcffull
#define MISC_ENABLE_DEFAULT ((1ull << 0) | (1ull << 11) | (1ull << 12)) /* fast strings; no BTS, no PEBS */

static bool is_mtrr_type(uint64_t type)
{
    return type == 0 || type == 1 || type == 4 || type == 5 || type == 6;
}

/* Where an MTRR of the VP is kept; NULL: not one. */
static uint64_t *find_mtrr(struct vp *vp, uint32_t msr)
{
    unsigned variable = vp->is_root ? vmm.mtrrs.variable_count : GUEST_MTRR_VARIABLE;
    static const uint32_t fixed_msrs[GUEST_MTRR_FIXED] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                                          0x26b, 0x26c, 0x26d, 0x26e, 0x26f};
    for (unsigned i = 0; msr >= 0x250 && msr <= 0x26f && i < GUEST_MTRR_FIXED; i++) {
        if (fixed_msrs[i] == msr) {
            return &vp->mtrrs.fixed[i];
        }
    }
    if (msr >= MSR_IA32_MTRR_PHYSBASE0 && msr < MSR_IA32_MTRR_PHYSBASE0 + 2 * variable) {
        return &vp->mtrrs.variable[index_nospec(msr - MSR_IA32_MTRR_PHYSBASE0, 2 * variable)];
    }
    return msr == MSR_IA32_MTRR_DEF_TYPE ? &vp->mtrrs.def_type : NULL;
}

static bool mtrr_valid(uint32_t msr, uint64_t value)
{
    if (msr == MSR_IA32_MTRR_DEF_TYPE) {
        return (value & ~MTRR_DEF_WRITABLE) == 0 && is_mtrr_type(value & 0xff);
    }
    for (unsigned i = 0; msr >= MSR_IA32_MTRR_FIX64K_00000 && i < 64; i += 8) {
        if (!is_mtrr_type((value >> i) & 0xff)) {
            return false;
        }
    }
    if (msr >= MSR_IA32_MTRR_FIX64K_00000) {
        return true;
    }
    uint64_t beyond = ~((1ull << vmm.physical_bits) - 1);
    bool is_mask = (msr & 1u) != 0;
    uint64_t reserved = is_mask ? 0x7ffull : 0xf00ull;
    return (value & (beyond | reserved)) == 0 && (is_mask || is_mtrr_type(value & 0xff));
}

bool exit_read_mtrr(struct vp *vp, uint32_t msr, uint64_t *value)
{
    const uint64_t *place = find_mtrr(vp, msr);
    *value = place != NULL ? *place : 0;
    return place != NULL;
}

bool exit_write_mtrr(struct vp *vp, uint32_t msr, uint64_t value)
{
    uint64_t *place = find_mtrr(vp, msr);
    if (place == NULL || !mtrr_valid(msr, value)) {
        return false;
    }
    *place = value;
    return true;
}

/* The MSR goes with its CPUID bit, which the client can hide. */
static bool has_tsc_adjust(const struct vp *vp)
{
    const WHV_PROCESSOR_FEATURES1 hidden = {.AsUINT64 = vp->partition->policy->hidden.set[FEATURES_BANK1]};
    return hidden.TscAdjustSupport == 0;
}

static enum msr_outcome read_msr(struct vp *vp, uint32_t msr, uint64_t *value)
{
    if (msr >> 8 == 2 && exit_read_mtrr(vp, msr, value)) { /* all MTRRs are from 200H to 2FFH */
        return MSR_DONE;
    }
    switch (msr) {
    case MSR_IA32_TSC:
        *value = partition_time_tsc(vp);
        return MSR_DONE;
    case MSR_IA32_TSC_ADJUST:
        *value = vp->tsc_adjust;
        return has_tsc_adjust(vp) ? MSR_DONE : MSR_UNHANDLED;
    case MSR_IA32_APIC_BASE:
        *value = vp->apic_base;
        return MSR_DONE;
    case MSR_IA32_MTRRCAP:
        *value = GUEST_MTRR_CAP;
        return MSR_DONE;
    case MSR_IA32_EFER:
        *value = vmcs_read64(VMCS_GUEST_EFER);
        return MSR_DONE;
    case MSR_IA32_PAT:
        *value = vmcs_read64(VMCS_GUEST_PAT);
        return MSR_DONE;
    case MSR_IA32_DEBUGCTL:
        *value = vmcs_read64(VMCS_GUEST_DEBUGCTL);
        return MSR_DONE;
    case MSR_IA32_MISC_ENABLE:
        *value = MISC_ENABLE_DEFAULT;
        return MSR_DONE;
    case MSR_IA32_BIOS_SIGN_ID:
        *value = 0xffffffffull << 32; /* a revision above any that software asks for */
        return MSR_DONE;
    case MSR_IA32_PLATFORM_ID:
    case MSR_IA32_MCG_CAP:
    case MSR_IA32_MCG_STATUS:
        *value = 0;
        return MSR_DONE;
    default:
        return MSR_UNHANDLED;
    }
}

static enum msr_outcome write_efer(uint64_t value)
{
    uint64_t old = vmcs_read64(VMCS_GUEST_EFER);
    bool nx = (cpuid(0x80000001, 0).edx & (1u << 20)) != 0;
    uint64_t allowed = EFER_SCE | EFER_LME | EFER_LMA | (nx ? EFER_NXE : 0);
    bool paging = (vmcs_readnw(VMCS_GUEST_CR0) & CR0_PG) != 0;
    if ((value & ~allowed) != 0 || (paging && ((old ^ value) & EFER_LME) != 0)) {
        return MSR_FAULT;
    }
    vmcs_write64(VMCS_GUEST_EFER, (value & ~EFER_LMA) | (old & EFER_LMA)); /* LMA is the processor's */
    return MSR_DONE;
}

static enum msr_outcome write_pat(uint64_t value)
{
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t type = (value >> i) & 0xff;
        if (!is_mtrr_type(type) && type != 7) {
            return MSR_FAULT;
        }
    }
    vmcs_write64(VMCS_GUEST_PAT, value);
    return MSR_DONE;
}

/*
 * No local APIC is emulated: base and modes are the client's, who has the write as an exit if it is to count, and read
 * back unchanged. The guest can neither enter x2APIC mode nor, but by disabling the APIC, leave it.
 */
static enum msr_outcome write_apic_base(const struct vp *vp, uint64_t value)
{
    const uint64_t modes = APIC_BASE_X2APIC | APIC_BASE_ENABLE;
    uint64_t beyond = ~((1ull << vmm.physical_bits) - 1);
    bool is = (vp->apic_base & APIC_BASE_X2APIC) != 0;
    bool possible = is ? (value & modes) == modes || (value & modes) == 0 : (value & APIC_BASE_X2APIC) == 0;
    return possible && (value & beyond) == 0 ? MSR_DONE : MSR_FAULT;
}

static enum msr_outcome write_msr(struct cpu *cpu, struct vp *vp, uint32_t msr, uint64_t value)
{
    enum switched_msr which;
    if (find_mtrr(vp, msr) != NULL) {
        return exit_write_mtrr(vp, msr, value) ? MSR_DONE : MSR_FAULT;
    }
    if (switch_msr_find(msr, &which)) {
        if (!switch_msr_valid(which, value)) {
            return MSR_FAULT;
        }
        switch_msr_write(cpu, vp, which, value);
        return MSR_DONE;
    }
    switch (msr) {
    case MSR_IA32_TSC:
        apic_take_timer(vp);
        partition_time_write_tsc(vp, value);
        return MSR_DONE;
    case MSR_IA32_TSC_ADJUST:
        if (!has_tsc_adjust(vp)) {
            return MSR_UNHANDLED;
        }
        apic_take_timer(vp);
        partition_time_write_adjust(vp, value);
        return MSR_DONE;
    case MSR_IA32_APIC_BASE:
        return write_apic_base(vp, value);
    case MSR_IA32_EFER:
        return write_efer(value);
    case MSR_IA32_PAT:
        return write_pat(value);
    case MSR_IA32_DEBUGCTL:
        if ((value & ~3ull) != 0) {
            return MSR_FAULT;
        }
        vmcs_write64(VMCS_GUEST_DEBUGCTL, value & 2); /* LBR recording is not offered, its bit is dropped */
        return MSR_DONE;
    case MSR_IA32_MCG_STATUS:
        return value == 0 ? MSR_DONE : MSR_FAULT;
    case MSR_IA32_PLATFORM_ID:
    case MSR_IA32_BIOS_UPDT_TRIG:
    case MSR_IA32_BIOS_SIGN_ID:
    case MSR_IA32_MISC_ENABLE:
        return MSR_DONE; /* dropped */
    case MSR_IA32_MTRRCAP:
    case MSR_IA32_MCG_CAP:
        return MSR_FAULT; /* read only */
    default:
        return MSR_UNHANDLED;
    }
}

static enum exit_action finish(struct vp *vp, bool done)
{
    if (done) {
        advance_rip();
    } else {
        event_inject(vp, VECTOR_GP, 0);
    }
    return EXIT_RESUME;
}

static void load_value(struct vp *vp, uint64_t value)
{
    vp->gpr[0] = (uint32_t)value;
    vp->gpr[2] = value >> 32;
}

static enum exit_action ignore(struct vp *vp, bool write)
{
    if (!write) {
        load_value(vp, 0);
    }
    return finish(vp, true);
}

static enum exit_action unhandled(struct vp *vp, bool write)
{
    switch (msr_action_unhandled(vp->partition->policy)) {
    case WHvMsrActionExit:
        return EXIT_DELIVER;
    case WHvMsrActionIgnoreWriteReadZero:
        return ignore(vp, write);
    default:
        return finish(vp, false);
    }
}

static enum exit_action handle_read(struct vp *vp, uint32_t msr)
{
    uint64_t value;
    if (apic_owns_msr(vp, msr)) {
        return apic_rdmsr(vp, msr);
    }
    enum msr_outcome outcome = read_msr(vp, msr, &value);
    if (outcome == MSR_DONE) {
        load_value(vp, value);
    }
    return outcome == MSR_UNHANDLED ? unhandled(vp, false) : finish(vp, outcome == MSR_DONE);
}

static enum exit_action handle_write(struct cpu *cpu, struct vp *vp, uint32_t msr, uint64_t value)
{
    if (apic_owns_msr(vp, msr)) {
        return apic_wrmsr(vp, msr, value);
    }
    enum msr_outcome outcome = write_msr(cpu, vp, msr, value);
    return outcome == MSR_UNHANDLED ? unhandled(vp, true) : finish(vp, outcome == MSR_DONE);
}

enum exit_action exit_guest_rdmsr(struct cpu *cpu, struct vp *vp)
{
    (void)cpu;
    uint32_t msr = (uint32_t)((const volatile uint64_t *)vp->gpr)[1];
    switch (msr_action(vp->partition->policy, msr, false)) {
    case WHvMsrActionExit:
        return EXIT_DELIVER;
    case WHvMsrActionIgnoreWriteReadZero:
        return ignore(vp, false);
    default:
        return handle_read(vp, msr);
    }
}

enum exit_action exit_guest_wrmsr(struct cpu *cpu, struct vp *vp)
{
    const volatile uint64_t *gpr = vp->gpr;
    uint32_t msr = (uint32_t)gpr[1];
    uint64_t value = ((uint64_t)(uint32_t)gpr[2] << 32) | (uint32_t)gpr[0];
    switch (msr_action(vp->partition->policy, msr, true)) {
    case WHvMsrActionExit:
        return EXIT_DELIVER;
    case WHvMsrActionIgnoreWriteReadZero:
        return ignore(vp, true);
    default:
        return handle_write(cpu, vp, msr, value);
    }
}
