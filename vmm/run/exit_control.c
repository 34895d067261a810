/* SPDX-License-Identifier: MIT */
/*
 * Exits for writes to CR0 and CR4. The instruction is finished here: executed again after a change of the read shadow
 * it could fault, or be interrupted, with half of it done.
 */
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"
#include "vmm/run/guest_exit.h"
#include "vmm/vp/control_check.h"

#define PDPTES 4u

enum cr_access { /* SDM vol. 3C, table 28-3, bits 5:4 */
                 CR_MOV_TO,
                 CR_MOV_FROM,
                 CR_CLTS,
                 CR_LMSW,
};

static uint64_t read_masked(struct vmcsnw real, struct vmcsnw shadow, uint64_t mask)
{
    return (vmcs_readnw(real) & ~mask) | (vmcs_readnw(shadow) & mask);
}

/* Outside the mask the VP's own bits are in the real register, inside it in the shadow. */
static void write_masked(struct vmcsnw real, struct vmcsnw shadow, uint64_t mask, uint64_t value)
{
    vmcs_writenw(real, (value & ~mask) | (vmcs_readnw(real) & mask));
    vmcs_writenw(shadow, (vmcs_readnw(shadow) & ~mask) | (value & mask));
}

static struct control_state read_state(const struct vp *vp)
{
    const uint64_t cr0_mask = vmcs_readnw(VMCS_CR0_MASK), cr4_mask = vmcs_readnw(VMCS_CR4_MASK);
    /* A guest's mask has all bits that it is not given; MCE is one whose real value is the hypervisor's. */
    const uint64_t given = vp->is_root ? ~cr4_mask : ~cr4_mask | CR4_MCE;
    return (struct control_state){
        .cr0 = read_masked(VMCS_GUEST_CR0, VMCS_CR0_SHADOW, cr0_mask),
        .cr3 = vmcs_readnw(VMCS_GUEST_CR3),
        .cr4 = read_masked(VMCS_GUEST_CR4, VMCS_CR4_SHADOW, cr4_mask),
        .efer = vmcs_read64(VMCS_GUEST_EFER),
        .cr4_allowed = given & vmm.caps.cr4_fixed1,
        .cs_access = vmcs_read32(vmcs_access_field(VMCS_SEG_CS)),
        .tr_access = vmcs_read32(vmcs_access_field(VMCS_SEG_TR)),
        .physical_bits = (uint8_t)vmm.physical_bits,
    };
}

static void write_pdptes(const uint64_t pdptes[PDPTES])
{
    const struct vmcs64 fields[PDPTES] = {VMCS_GUEST_PDPTE0, VMCS_GUEST_PDPTE1, VMCS_GUEST_PDPTE2, VMCS_GUEST_PDPTE3};
    for (unsigned i = 0; i < PDPTES; i++) {
        vmcs_write64(fields[i], pdptes[i]);
    }
}

/* What is read and written of the state is the same for all of these, and a cached translation may depend on any. */
static enum exit_action finish(struct vp *vp, const struct control_next *next)
{
    write_masked(VMCS_GUEST_CR0, VMCS_CR0_SHADOW, vmcs_readnw(VMCS_CR0_MASK), next->cr0);
    write_masked(VMCS_GUEST_CR4, VMCS_CR4_SHADOW, vmcs_readnw(VMCS_CR4_MASK), next->cr4);
    if (next->efer != vmcs_read64(VMCS_GUEST_EFER)) {
        uint32_t entry = vmcs_read32(VMCS_ENTRY_CONTROLS) & ~ENTRY_IA32E;
        vmcs_write32(VMCS_ENTRY_CONTROLS, entry | ((next->efer & EFER_LMA) != 0 ? ENTRY_IA32E : 0));
        vmcs_write64(VMCS_GUEST_EFER, next->efer);
    }
    vmx_flush_vpid(vp->vpid);
    advance_rip();
    return EXIT_RESUME;
}

static enum exit_action fault(struct vp *vp)
{
    event_inject(vp, VECTOR_GP, 0);
    return EXIT_RESUME;
}

/*
 * PDPTEs that cannot be read here, the root's and those that the root has not mapped, are left to the processor: it
 * executes the instruction again, which then does not exit, and finds what is to be found.
 */
static enum exit_action load_pdptes_and_finish(struct vp *vp, const struct control_state *s,
                                               const struct control_next *next)
{
    uint64_t pdptes[PDPTES], table = s->cr3 & 0xffffffe0u;
    if (vp->is_root || guest_memory_read(vp->partition, table, pdptes, sizeof(pdptes)) != sizeof(pdptes)) {
        uint64_t mask = vmcs_readnw(VMCS_CR0_MASK);
        vmcs_writenw(VMCS_CR0_SHADOW, (vmcs_readnw(VMCS_CR0_SHADOW) & ~mask) | (next->cr0 & mask));
        mask = vmcs_readnw(VMCS_CR4_MASK);
        vmcs_writenw(VMCS_CR4_SHADOW, (vmcs_readnw(VMCS_CR4_SHADOW) & ~mask) | (next->cr4 & mask));
        (void)event_set_resume_flag();
        return EXIT_RESUME;
    }
    for (unsigned i = 0; i < PDPTES; i++) {
        if (!control_pdpte_valid(pdptes[i], s->physical_bits)) {
            return fault(vp);
        }
    }
    write_pdptes(pdptes);
    return finish(vp, next);
}

static enum exit_action mov_to(struct vp *vp, unsigned cr, uint64_t value)
{
    struct control_state s = read_state(vp);
    struct control_next next;
    if (!(cr == 0 ? control_check_cr0(&s, value, &next) : control_check_cr4(&s, value, &next))) {
        return fault(vp);
    }
    return next.loads_pdptes ? load_pdptes_and_finish(vp, &s, &next) : finish(vp, &next);
}

enum exit_action exit_cr_access(struct vp *vp)
{
    uint64_t q = vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    unsigned cr = q & 15u;
    struct control_state s = read_state(vp);
    struct control_next next = {.cr0 = s.cr0, .cr4 = s.cr4, .efer = s.efer};
    switch ((enum cr_access)(q >> 4 & 3u)) {
    case CR_MOV_TO:
        return cr == 0 || cr == 4 ? mov_to(vp, cr, instruction_register(vp, (unsigned)(q >> 8) & 15u)) : EXIT_DELIVER;
    case CR_CLTS:
        next.cr0 = control_clts(s.cr0);
        return finish(vp, &next);
    case CR_LMSW:
        next.cr0 = control_lmsw(s.cr0, (uint16_t)(q >> 16));
        return finish(vp, &next);
    case CR_MOV_FROM:
    default:
        return EXIT_DELIVER;
    }
}
