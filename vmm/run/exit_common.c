/* SPDX-License-Identifier: MIT */
/* Exits that root and guest VPs share, and the helpers of all handlers. */
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "kernel/core/kick.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "vmm/cpu/quirks_bochs.h"
#include "vmm/run/guest_exit.h"
#include "vmm/run/instruction_check.h"
#include "vmm/vp/completion.h"
#include "vmm/vp/guest_cpuid.h"
#include "vmm/vp/switch.h"

#define DR6_TRIGGERED 0x600full /* B0 to B3, BD, BS as in the exit qualification */
#define DR6_RTM (1ull << 16)

/* CR4 as the VP sees it in what the check looks at: neither mask takes these bits. */
bool exit_check_instruction(struct vp *vp, uint32_t reason)
{
    struct instruction_mode mode = {
        .cr0 = vmcs_readnw(VMCS_GUEST_CR0),
        .cr4 = vmcs_readnw(VMCS_GUEST_CR4),
        .rflags = vmcs_readnw(VMCS_GUEST_RFLAGS),
        .dr7 = vmcs_readnw(VMCS_GUEST_DR7),
        .ss_access = vmcs_read32(VMCS_GUEST_SS_ACCESS),
    };
    switch (instruction_check(reason, vmcs_readnw(VMCS_EXIT_QUALIFICATION), &mode)) {
    case INSTRUCTION_LEGAL:
        return true;
    case INSTRUCTION_UD:
        event_inject(vp, VECTOR_UD, 0);
        return false;
    case INSTRUCTION_GP:
        event_inject(vp, VECTOR_GP, 0);
        return false;
    case INSTRUCTION_DETECT:
        exit_general_detect(vp);
        return false;
    }
    return false;
}

enum exit_action exit_xsetbv(struct cpu *cpu, struct vp *vp)
{
    uint64_t value = ((uint64_t)(uint32_t)instruction_register(vp, 2) << 32) | (uint32_t)instruction_register(vp, 0);
    if ((uint32_t)instruction_register(vp, 1) != 0 || !switch_xcr0_valid(value, guest_cpuid_xcr0(vp))) {
        event_inject(vp, VECTOR_GP, 0);
        return EXIT_RESUME;
    }
    switch_xcr0_write(cpu, vp, value);
    advance_rip();
    return EXIT_RESUME;
}

/* INT1 has no cause that DR6 would name: it stays as it is. */
static void reflect_int1(struct vp *vp)
{
    const uint32_t type = INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT;
    vp->event.info = VECTOR_DB | type | INTERRUPTION_VALID;
    vp->event.instruction_length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
}

/* #DB goes back to the VP, whose DR6 takes the causes; the CPU leaves DR6 and DR7 to us on such exits (28.1). */
static void reflect_debug(struct vp *vp)
{
    if ((vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO) & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT ==
        INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION) {
        reflect_int1(vp);
        return;
    }
    uint64_t causes = vmcs_readnw(VMCS_EXIT_QUALIFICATION) & DR6_TRIGGERED;
    uint64_t dr6 = vp->is_root ? read_dr6() : vp->dr6;
    dr6 = (dr6 & ~0xfull) | causes | DR6_RTM;
    if (vp->is_root) {
        write_dr6(dr6);
    } else {
        vp->dr6 = dr6;
    }
    event_inject(vp, VECTOR_DB, 0);
}

/* An IRET that faulted had already unblocked NMIs; it will be executed again (SDM vol. 3C, 28.2.3). */
static void restore_nmi_blocking(uint32_t info)
{
    if ((info & INTERRUPTION_NMI_UNBLOCKING) != 0 && (vmcs_read32(VMCS_IDT_VECTORING_INFO) & INTERRUPTION_VALID) == 0) {
        event_block_nmi();
    }
}

/* Whether the root asked for this exception of a guest. */
static bool client_wants(struct vp *vp, uint32_t info)
{
    uint32_t vector = info & INTERRUPTION_VECTOR;
    if ((vp->client_exceptions >> (vector & 31u) & 1u) == 0) {
        return false;
    }
    uint32_t type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    vp->software.info = 0;
    if (type == INTERRUPTION_SOFTWARE_EXCEPTION || type == INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION) {
        vp->software.rip = vmcs_readnw(VMCS_GUEST_RIP);
        vp->software.info = (info & (INTERRUPTION_VECTOR | INTERRUPTION_TYPE)) | INTERRUPTION_VALID;
        vp->software.length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
    }
    return true;
}

void exit_machine_check(struct cpu *cpu)
{
    log_error("CPU %u: machine check while a VP ran; it is the root's", cpu->index);
    cpu->root_vp->event = (struct pending_event){
        .info = VECTOR_MC | (INTERRUPTION_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT) | INTERRUPTION_VALID,
    };
}

/* As the processor would have delivered it: nobody asked for this exit. */
static void reflect(struct vp *vp, uint32_t info)
{
    uint32_t type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    event_inject(vp, (enum exception_vector)(info & INTERRUPTION_VECTOR), vmcs_read32(VMCS_EXIT_INTERRUPTION_ERROR));
    if (type == INTERRUPTION_SOFTWARE_EXCEPTION || type == INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION) {
        vp->event.info = info & (INTERRUPTION_VALID | INTERRUPTION_TYPE | INTERRUPTION_VECTOR);
        vp->event.instruction_length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
    }
    if ((info & INTERRUPTION_VECTOR) == VECTOR_PF) {
        write_cr2(vmcs_readnw(VMCS_EXIT_QUALIFICATION)); /* the exit has left it alone */
    }
}

enum exit_action exit_exception(struct cpu *cpu, struct vp *vp)
{
    uint32_t info = vmcs_read32(VMCS_EXIT_INTERRUPTION_INFO);
    if ((info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT == INTERRUPTION_NMI) {
        if (__atomic_load_n(&panicking, __ATOMIC_ACQUIRE) != 0) {
            panic_halt_this_cpu();
        }
        kick_note_nmi(cpu);
        kick_unblock_nmi();
        event_requeue(vp);
        return EXIT_RESTART;
    }
    restore_nmi_blocking(info);
    event_requeue(vp);
    if ((info & INTERRUPTION_VECTOR) == VECTOR_DB) {
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, 0); /* as processors do (28.3.4); what was pending is this exit */
    }
    if (client_wants(vp, info)) {
        return EXIT_DELIVER;
    }
    switch (info & INTERRUPTION_VECTOR) {
    case VECTOR_NM:
        switch_fpu_take(cpu, vp);
        return EXIT_RESUME;
    case VECTOR_DB:
        reflect_debug(vp);
        return EXIT_RESUME;
    case VECTOR_AC:
        event_inject(vp, VECTOR_AC, vmcs_read32(VMCS_EXIT_INTERRUPTION_ERROR));
        return EXIT_RESUME;
    case VECTOR_MC:
        exit_machine_check(cpu);
        return EXIT_RESTART;
    default:
        reflect(vp, info);
        return EXIT_RESUME;
    }
}
