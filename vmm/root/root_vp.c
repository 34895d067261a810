/* SPDX-License-Identifier: MIT */
/* Root VPs: one for each CPU, started as a PC's CPUs are: the first runs, the others wait for SIPI. */
#include "vmm/root/root_vp.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "kernel/debug/panic.h"
#include "kernel/memory/page_alloc.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"
#include "vmm/root/root_ipi.h"
#include "vmm/vp/switch.h"

#define ROOT_VPID_BASE 0x8000u /* guest VPs have 1 to WHB_MAX_PARTITIONS * WHB_MAX_VPS */
#define ACCESS_CODE_64 0xa09bu
#define ACCESS_DATA 0xc093u

_Static_assert(WHB_MAX_PARTITIONS *WHB_MAX_VPS < ROOT_VPID_BASE, "VPIDs of root and guests do not meet");

_Static_assert(MTRR_VARIABLE_MAX <= GUEST_MTRR_NAMES && MTRR_FIXED_COUNT == GUEST_MTRR_FIXED, "the root has them all");

uint64_t root_entry_rip, root_entry_handoff, root_entry_delta, root_entry_cr3;

static void set_flat_segment(enum vmcs_segment s, uint16_t selector, uint32_t access)
{
    vmcs_write16(vmcs_selector_field(s), selector);
    vmcs_writenw(vmcs_base_field(s), 0);
    vmcs_write32(vmcs_limit_field(s), 0xffffffff);
    vmcs_write32(vmcs_access_field(s), access);
}

/* The state that abi/handoff.h promises. */
static void start_in_long_mode(struct vp *root)
{
    set_flat_segment(VMCS_SEG_CS, 0x08, ACCESS_CODE_64);
    for (enum vmcs_segment s = VMCS_SEG_ES; s <= VMCS_SEG_GS; s++) {
        if (s != VMCS_SEG_CS) {
            set_flat_segment(s, 0x10, ACCESS_DATA);
        }
    }
    vmcs_writenw(VMCS_GUEST_CR0, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
    vmcs_writenw(VMCS_CR0_SHADOW, CR0_NE);
    vmcs_writenw(VMCS_GUEST_CR3, root_entry_cr3);
    vmcs_writenw(VMCS_GUEST_CR4, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_VMXE);
    vmcs_write64(VMCS_GUEST_EFER, EFER_LME | EFER_LMA | EFER_NXE);
    vmcs_write32(VMCS_ENTRY_CONTROLS, root->controls.entry | ENTRY_IA32E);
    vmcs_writenw(VMCS_GUEST_RIP, root_entry_rip);
    root->gpr[2] = 0;
    root->gpr[6] = root_entry_delta;
    root->gpr[7] = root_entry_handoff;
}

/* It begins with the machine's, of which the memory types of its EPT were made. */
static void copy_mtrrs(struct virtual_mtrrs *to, const struct mtrr_state *from)
{
    const uint64_t width = (1ull << from->physical_bits) - 1; /* less any KeyID */
    to->def_type = from->def_type;
    for (unsigned i = 0; i < from->variable_count; i++) {
        to->variable[2 * i] = from->base[i] & width;
        to->variable[2 * i + 1] = from->mask[i] & width;
    }
    for (unsigned i = 0; i < GUEST_MTRR_FIXED; i++) {
        to->fixed[i] = from->fixed[i];
    }
}

static struct vp *allocate(void)
{
    struct vp *root = page_alloc(PAGE_USE_VP);
    if (root == NULL) {
        return NULL;
    }
    root->vmcs = page_alloc(PAGE_USE_VP);
    root->extended_state = page_alloc(PAGE_USE_VP);
    bool good = root->vmcs != NULL && root->extended_state != NULL && vmcs_prepare(&vmm.caps, root->vmcs);
    return good ? root : NULL;
}

void root_vp_create(struct cpu *cpu)
{
    struct vp *root = allocate();
    if (root == NULL) {
        kernel_stop("The hypervisor's heap is too small for CPU %u: give it more with heap= on its command line.",
                    cpu->index);
    }
    root->vmcs_pa = virt_to_phys(root->vmcs);
    root->is_root = true;
    root->index = cpu->index;
    root->owner = cpu->index + 1;
    root->vpid = (uint16_t)(ROOT_VPID_BASE + cpu->index);
    root->gpr = root->root_gpr;
    root->xcr0 = XCR0_X87;
    root->loaded_on = cpu;
    copy_mtrrs(&root->mtrrs, &vmm.mtrrs);
    switch_fpu_reset(root);
    cpu->root_vp = root;
    switch_to(cpu, root);
    vmcs_setup_host(cpu, root);
    vmcs_setup_controls(root, &vmm.root_controls, vmm.root_eptp, vmm.root_msr_bitmap);
    vmcs_setup_reset(root);
    vmx_flush_ept(vmm.root_eptp);
    if (cpu->index == 0) {
        start_in_long_mode(root);
    } else {
        root_ipi_park(cpu);
    }
}
