/* SPDX-License-Identifier: MIT */
/* The root VP's loop on each CPU. The root runs almost all the time without exits; its interrupts are its own. */
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "kernel/core/kick.h"
#include "kernel/core/lock_check.h"
#include "vmm/cpu/quirks_bochs.h"
#include "vmm/root/root_ipi.h"
#include "vmm/root/root_vp.h"
#include "vmm/run/guest_exit.h"
#include "vmm/vp/switch.h"

void root_nmi_window(struct vp *root, bool on)
{
    if (root->nmi_window != on) {
        root->nmi_window = on;
        root->controls.cpu = on ? root->controls.cpu | CPU_NMI_WINDOW : root->controls.cpu & ~CPU_NMI_WINDOW;
        vmcs_write32(VMCS_CPU_CONTROLS, root->controls.cpu);
    }
}

/* NMIs that are not kicks go to the root, as soon as it takes NMIs; several merge into one, as in a processor. */
static void give_nmi(struct cpu *cpu, struct vp *root)
{
    if (cpu->nmi_for_root != 0) {
        cpu->nmi_for_root = 0;
        /* One that the processor kept while it waited for SIPI comes before the first instruction: it is gone too. */
        root->nmi_pending |= !(root->fresh_sipi && vmcs_readnw(VMCS_GUEST_RIP) == 0);
    }
    if (!root->nmi_pending || vmcs_read32(VMCS_GUEST_ACTIVITY) == ACTIVITY_WAIT_FOR_SIPI) {
        root_nmi_window(root, false);
        return;
    }
    uint32_t blocking = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
    bool blocked = (blocking & (BLOCKING_BY_NMI | BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) != 0;
    if (!blocked && (root->event.info & INTERRUPTION_VALID) == 0) {
        root->event = (struct pending_event){.info = VECTOR_NMI | (INTERRUPTION_NMI << INTERRUPTION_TYPE_SHIFT) |
                                                     INTERRUPTION_VALID};
        root->nmi_pending = false;
    }
    root_nmi_window(root, root->nmi_pending);
}

static void root_turn(struct cpu *cpu, struct vp *root)
{
    if (__builtin_expect(__atomic_load_n(&cpu->init_wanted, __ATOMIC_ACQUIRE) != 0, 0)) {
        root_ipi_init(cpu, root);
    }
    if (__builtin_expect(cpu->parked == CPU_PARKED_SOFTWARE, 0)) {
        root_ipi_wait(cpu, root);
    }
    switch_fpu_before_entry(cpu, root);
    if (__builtin_expect(cpu->nmi_for_root != 0 || root->nmi_pending, 0)) {
        give_nmi(cpu, root);
    }
    if ((root->event.info & INTERRUPTION_VALID) != 0) {
        event_inject_pending(root);
    }
    bool may_block_nmi = quirk_may_block_nmi(root);
    lock_check_wait("an exit of its root VP", "");
    enum vmx_entry_result entry = vmx_enter(root->gpr, root->launched);
    if (cpu->straight != NULL) {
        root_exit_straight(cpu, root, entry);
        return;
    }
    if (__builtin_expect(entry != VMX_ENTRY_EXITED, 0)) {
        if (entry == VMX_ENTRY_FAILED) {
            root_entry_refused(root);
        }
        vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
        kick_serve(cpu);
        return;
    }
    quirk_correct_nmi(may_block_nmi);
    uint32_t reason = vmcs_read32(VMCS_EXIT_REASON);
    if ((reason & VMX_EXIT_ENTRY_FAILURE) == 0) {
        root->launched = true;
        root->event.info = 0;
    }
    root_exit(cpu, root, reason);
}

void root_run(struct cpu *cpu)
{
    for (;;) {
        root_turn(cpu, cpu->root_vp);
    }
}
