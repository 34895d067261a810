/* SPDX-License-Identifier: MIT */
/* Compiled without frame pointers: these are leaves, and each instruction here is one of the shortest exits. */
#include "vmm/run/exit_fast.h"

#include "abi/hypercall.h"
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/hardware_model.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/run/exit_skip.h"
#include "vmm/run/exit_trace.h"
#include "vmm/run/guest_write.h"
#include "vmm/run/run_straight.h"
#include "vmm/vp/vp.h"

/*
 * As gate_check_mode says it, for a segment that is not conforming: then its DPL is the CPL. A conforming one takes the
 * usual way.
 */
static inline bool is_kernel64(void)
{
    const uint32_t looked_at = ACCESS_CONFORMING | ACCESS_DPL | ACCESS_LONG;
    return (vmcs_read32(VMCS_GUEST_CS_ACCESS) & looked_at) == ACCESS_LONG &&
           (vmcs_read32(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E) != 0;
}

static inline uint64_t *answer_version(struct vp *root, uint64_t *gpr)
{
    if (!skip_plain_instruction(true)) {
        return NULL;
    }
    gpr[0] = WHB_OK;
    gpr[2] = (WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR;
    root->event.info = 0; /* delivered, since an instruction was executed after it */
    return gpr;
}

uint64_t *fast_exit_root(void)
{
    struct cpu *cpu = this_cpu();
    struct vp *root = cpu->current;
    uint64_t *gpr = root->gpr;
    if (vmcs_read32(VMCS_EXIT_REASON) != VMX_EXIT_VMCALL || !is_kernel64() || vmm.nmi_blocked_once) {
        return NULL; /* the last: vmm/cpu/quirks_bochs.h */
    }
    if (__builtin_expect(gpr[0] == WHB_CALL(WHB_CALL_VP_RUN), 1)) {
        return run_straight_begin(cpu, root);
    }
    return gpr[0] == WHB_CALL(WHB_CALL_VERSION) ? answer_version(root, gpr) : NULL;
}

uint64_t *fast_write_port(struct vp *vp, struct trace_raw *entry)
{
    if (vp->exits_left == 0 || !run_fast_may_enter(vp) || !guest_write_port_plain(vp)) {
        return NULL;
    }
    exit_trace_taken(this_cpu(), TRACED, entry, vp);
    vp->exits_left--;
    vp->counters.exits[INTERCEPT_IO]++;
    exit_trace_entered(this_cpu(), TRACED);
    return vp->gpr;
}

uint64_t *fast_exit_guest(void)
{
    struct cpu *cpu = this_cpu();
    struct vp *vp = cpu->current;
    uint32_t reason = vmcs_read32(VMCS_EXIT_REASON);
    hardware_model_exit(reason);
    if (vp_pending(vp, PENDING_NOT_FAST) != 0) {
        return NULL;
    }
    return run_straight_exit(cpu, vp, reason);
}
