/* SPDX-License-Identifier: MIT */
#include "vmm/vp/instruction.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "vmm/vp/completion_decide.h"

bool instruction_code64(void)
{
    return (vmcs_read32(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E) != 0 &&
           (vmcs_read32(VMCS_GUEST_CS_ACCESS) & ACCESS_LONG) != 0;
}

void advance_rip(void)
{
    advance_rip_by(vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH));
}

void advance_rip_by(uint32_t length)
{
    uint64_t rip = vmcs_readnw(VMCS_GUEST_RIP);
    uint64_t next = rip + length;
    if (next >> 32 != 0 && rip >> 32 == 0 && !instruction_code64()) {
        next = (uint32_t)next; /* outside 64-bit mode RIP has 32 bits; an entry with more would fail */
    }
    vmcs_writenw(VMCS_GUEST_RIP, next);
    uint32_t blocking = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
    if ((blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) != 0) {
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
    }
    uint64_t rflags = vmcs_readnw(VMCS_GUEST_RFLAGS);
    if ((rflags & RFLAGS_RF) != 0) {
        vmcs_writenw(VMCS_GUEST_RFLAGS, rflags & ~RFLAGS_RF); /* it was for this instruction (SDM vol. 3B, 18.3.1.1) */
    }
    if ((rflags & RFLAGS_TF) != 0 && completion_steps(rflags, vmcs_read64(VMCS_GUEST_DEBUGCTL))) {
        /* The instruction is complete, so its single-step trap is due (SDM vol. 3C, 26.5.1 and 27.7.3). */
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, vmcs_readnw(VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
    }
}

uint64_t instruction_register(const struct vp *vp, unsigned number)
{
    return number == 4 ? vmcs_readnw(VMCS_GUEST_RSP) : ((const volatile uint64_t *)vp->gpr)[number & 15];
}
