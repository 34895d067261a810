/* SPDX-License-Identifier: MIT */
/* Debug registers of guests: every MOV DR exits and works on the VP's own copy. */
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/run/guest_exit.h"
#include "vmm/vp/switch.h"

#define DR7_ENABLES 0xffull
#define DR6_BD (1ull << 13)

static uint64_t read_register(const struct vp *vp, unsigned dr)
{
    switch (dr) {
    case 0 ... 3:
        return vp->dr[dr];
    case 6:
        return vp->dr6;
    default:
        return vmcs_readnw(VMCS_GUEST_DR7);
    }
}

/* False: the value makes MOV DR fault. */
static bool write_register(struct vp *vp, unsigned dr, uint64_t value)
{
    if (dr >= 6 && value >> 32 != 0) {
        return false;
    }
    switch (dr) {
    case 0 ... 3:
        vp->dr[dr] = value;
        break;
    case 6:
        vp->dr6 = (value & DR6_WRITABLE) | DR6_FIXED;
        break;
    default:
        vmcs_writenw(VMCS_GUEST_DR7, (value & DR7_WRITABLE) | DR7_FIXED);
        vp_pend_while(vp, PENDING_BREAKPOINTS, (value & DR7_ENABLES) != 0);
    }
    if (vp_pending(vp, PENDING_BREAKPOINTS) != 0) {
        switch_breakpoints_load(this_cpu(), vp);
    }
    return true;
}

void exit_general_detect(struct vp *vp)
{
    vp->dr6 |= DR6_BD;
    (void)event_set_resume_flag(); /* of all debug exceptions this one alone is a fault that sets it */
    event_inject(vp, VECTOR_DB, 0);
}

enum exit_action exit_guest_mov_dr(struct vp *vp)
{
    uint64_t q = vmcs_readnw(VMCS_EXIT_QUALIFICATION); /* SDM vol. 3C, table 28-4 */
    unsigned dr = q & 7u, reg = (q >> 8) & 15u;
    bool from_dr = (q & 16u) != 0, long_mode = instruction_code64();
    if (dr == 4 || dr == 5) {
        dr += 2; /* CR4.DE is clear, or the instruction had raised #UD */
    }
    if (from_dr) {
        uint64_t value = read_register(vp, dr);
        value = long_mode ? value : (uint32_t)value;
        if (reg == 4) {
            vmcs_writenw(VMCS_GUEST_RSP, value);
        } else {
            vp->gpr[reg] = value;
        }
    } else {
        uint64_t value = reg == 4 ? vmcs_readnw(VMCS_GUEST_RSP) : ((volatile uint64_t *)vp->gpr)[reg];
        if (!write_register(vp, dr, long_mode ? value : (uint32_t)value)) {
            event_inject(vp, VECTOR_GP, 0);
            return EXIT_RESUME;
        }
    }
    advance_rip();
    return EXIT_RESUME;
}
