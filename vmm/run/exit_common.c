/* SPDX-License-Identifier: MIT */
/* Exits that root and guest VPs share, and the helpers of all handlers. */
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "kernel/core/kick.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "vmm/cpu/quirks_bochs.h"
#include "vmm/run/completion.h"
#include "vmm/run/guest_exit.h"
#include "vmm/run/instruction_check.h"
#include "vmm/vp/guest_cpuid.h"
#include "vmm/vp/switch.h"

#define DR6_TRIGGERED 0x600full /* B0 to B3, BD, BS as in the exit qualification */
#define DR6_RTM (1ull << 16)

bool exit_code64(void)
{
    return (vmcs_read32(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E) != 0 &&
           (vmcs_read32(VMCS_GUEST_CS_ACCESS) & ACCESS_LONG) != 0;
}

void exit_skip_instruction(void)
{
    exit_skip_bytes(vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH));
}

void exit_skip_bytes(uint32_t length)
{
    uint64_t rip = vmcs_readnw(VMCS_GUEST_RIP);
    uint64_t next = rip + length;
    if (next >> 32 != 0 && rip >> 32 == 0 && !exit_code64()) {
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

void exit_block_nmi(void)
{
    quirk_note_nmi();
    vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) | BLOCKING_BY_NMI);
}

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
        exit_inject(vp, VECTOR_UD, 0);
        return false;
    case INSTRUCTION_GP:
        exit_inject(vp, VECTOR_GP, 0);
        return false;
    case INSTRUCTION_DETECT:
        exit_general_detect(vp);
        return false;
    }
    return false;
}

static bool has_error_code(enum exception_vector vector)
{
    const uint32_t with_error = (1u << 8) | (0x1fu << 10) | (1u << 17);
    return ((with_error >> vector) & 1u) != 0;
}

void exit_inject(struct vp *vp, enum exception_vector vector, uint32_t error)
{
    uint32_t info =
        (uint32_t)vector | (INTERRUPTION_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT) | INTERRUPTION_VALID;
    /* Real mode pushes no error code, and the entry would refuse one. */
    if (has_error_code(vector) && (vmcs_readnw(VMCS_GUEST_CR0) & CR0_PE) != 0) {
        info |= INTERRUPTION_ERROR_CODE;
    }
    vp->event = (struct pending_event){.info = info, .error_code = error};
}

void exit_set_resume_flag(void)
{
    vmcs_writenw(VMCS_GUEST_RFLAGS, vmcs_readnw(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
}

/*
 * What the delivery of #DB does to DR7 and DEBUGCTL, which the processor leaves to us when we inject it (SDM vol. 3C,
 * 27.6.1.1). In the shadow of STI or MOV SS with TF set the entry demands a pending single step (27.3.1.5), which the
 * injection drops.
 */
static void deliver_debug(void)
{
    const uint32_t shadow = BLOCKING_BY_STI | BLOCKING_BY_MOV_SS;
    uint64_t dr7 = vmcs_readnw(VMCS_GUEST_DR7), debugctl = vmcs_read64(VMCS_GUEST_DEBUGCTL);
    if ((dr7 & DR7_GD) != 0) {
        vmcs_writenw(VMCS_GUEST_DR7, dr7 & ~DR7_GD);
    }
    if ((debugctl & DEBUGCTL_BTF) != 0) {
        vmcs_write64(VMCS_GUEST_DEBUGCTL, debugctl & ~DEBUGCTL_BTF);
    }
    if ((vmcs_readnw(VMCS_GUEST_RFLAGS) & RFLAGS_TF) != 0 && (vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & shadow) != 0) {
        vmcs_writenw(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
    }
}

static bool is_debug_exception(uint32_t info)
{
    uint32_t type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    return (info & INTERRUPTION_VECTOR) == VECTOR_DB &&
           (type == INTERRUPTION_HARDWARE_EXCEPTION || type == INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION);
}

void exit_load_event(const struct vp *vp)
{
    vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, vp->event.info);
    if ((vp->event.info & INTERRUPTION_VECTOR) == VECTOR_NMI) {
        quirk_note_nmi();
    }
    if (completion_is_fault(vp->event.info)) {
        exit_set_resume_flag(); /* in the image it pushes, so that the instruction's breakpoint does not hit again */
    }
    if (is_debug_exception(vp->event.info)) {
        deliver_debug();
    }
    if ((vp->event.info & INTERRUPTION_ERROR_CODE) != 0) {
        vmcs_write32(VMCS_ENTRY_EXCEPTION_ERROR, vp->event.error_code);
    }
    if (((vp->event.info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT) >= INTERRUPTION_SOFTWARE_INTERRUPT) {
        vmcs_write32(VMCS_ENTRY_INSTRUCTION_LENGTH, vp->event.instruction_length);
    }
}

void exit_keep_event(struct vp *vp)
{
    uint32_t info = vmcs_read32(VMCS_IDT_VECTORING_INFO);
    if ((info & INTERRUPTION_VALID) == 0) {
        return;
    }
    if ((info & INTERRUPTION_ERROR_CODE) != 0 && (vmcs_readnw(VMCS_GUEST_CR0) & CR0_PE) == 0) {
        info &= ~INTERRUPTION_ERROR_CODE; /* never so in real mode (25.9.2), but Bochs 2.7 sets it there */
    }
    /* Bit 12 is undefined here and reserved at entry. */
    vp->event.info = info & ~INTERRUPTION_NMI_UNBLOCKING;
    vp->event.error_code = (info & INTERRUPTION_ERROR_CODE) != 0 ? vmcs_read32(VMCS_IDT_VECTORING_ERROR) : 0;
    uint32_t type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    vp->event.instruction_length =
        type >= INTERRUPTION_SOFTWARE_INTERRUPT ? vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH) : 0;
    if (type == INTERRUPTION_NMI) {
        /* Its delivery had begun to block NMIs; it is delivered anew (27.2.1: no NMI may be injected while blocked). */
        uint32_t blocking = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~BLOCKING_BY_NMI);
    }
}

uint64_t exit_register(const struct vp *vp, unsigned number)
{
    return number == 4 ? vmcs_readnw(VMCS_GUEST_RSP) : ((const volatile uint64_t *)vp->gpr)[number & 15];
}

enum exit_action exit_xsetbv(struct cpu *cpu, struct vp *vp)
{
    uint64_t value = ((uint64_t)(uint32_t)exit_register(vp, 2) << 32) | (uint32_t)exit_register(vp, 0);
    if ((uint32_t)exit_register(vp, 1) != 0 || !switch_xcr0_valid(value, guest_cpuid_xcr0(vp))) {
        exit_inject(vp, VECTOR_GP, 0);
        return EXIT_RESUME;
    }
    switch_xcr0_write(cpu, vp, value);
    exit_skip_instruction();
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
    exit_inject(vp, VECTOR_DB, 0);
}

/* An IRET that faulted had already unblocked NMIs; it will be executed again (SDM vol. 3C, 28.2.3). */
static void restore_nmi_blocking(uint32_t info)
{
    if ((info & INTERRUPTION_NMI_UNBLOCKING) != 0 && (vmcs_read32(VMCS_IDT_VECTORING_INFO) & INTERRUPTION_VALID) == 0) {
        exit_block_nmi();
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
    exit_inject(vp, (enum exception_vector)(info & INTERRUPTION_VECTOR), vmcs_read32(VMCS_EXIT_INTERRUPTION_ERROR));
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
        exit_keep_event(vp);
        return EXIT_RESTART;
    }
    restore_nmi_blocking(info);
    exit_keep_event(vp);
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
        exit_inject(vp, VECTOR_AC, vmcs_read32(VMCS_EXIT_INTERRUPTION_ERROR));
        return EXIT_RESUME;
    case VECTOR_MC:
        exit_machine_check(cpu);
        return EXIT_RESTART;
    default:
        reflect(vp, info);
        return EXIT_RESUME;
    }
}
