/* SPDX-License-Identifier: MIT */
/* The root VP's part of the event loop. The root runs almost all the time without exits; its interrupts are its own. */
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

/* Makes the root VP ready for its next entry. */
static uint64_t *enter(struct cpu *cpu, struct vp *root)
{
    if (__atomic_load_n(&cpu->init_wanted, __ATOMIC_ACQUIRE) != 0) {
        root_ipi_init(cpu, root);
    }
    if (cpu->parked == CPU_PARKED_SOFTWARE) {
        root_ipi_wait(cpu, root);
    }
    switch_fpu_before_entry(cpu, root);
    if (cpu->nmi_for_root != 0 || root->nmi_pending) {
        give_nmi(cpu, root);
    }
    if ((root->event.info & INTERRUPTION_VALID) != 0) {
        event_inject_pending(root);
    }
    root->may_block_nmi = quirk_may_block_nmi(root);
    lock_check_wait("an exit of its root VP", "");
    return root->gpr;
}

static uint64_t *exit(struct cpu *cpu, struct vp *root)
{
    quirk_correct_nmi(root->may_block_nmi);
    uint32_t reason = vmcs_read32(VMCS_EXIT_REASON);
    if ((reason & VMX_EXIT_ENTRY_FAILURE) == 0) {
        root->event.info = 0;
    }
    struct vp *run = root_exit(cpu, root, reason);
    return run != NULL ? run_begin(cpu, run) : enter(cpu, root);
}

static uint64_t *run_ended(struct cpu *cpu, struct vp *root, enum run_result result)
{
    root_run_ended(cpu, root, result);
    return enter(cpu, root);
}

void root_run(struct cpu *cpu)
{
    vmx_start(enter(cpu, cpu->root_vp));
}

const struct run_client root_client = {
    .exit = exit,
    .enter = enter,
    .run_ended = run_ended,
    .refused = root_entry_refused,
};
