/* SPDX-License-Identifier: MIT */
#include "vmm/run/instruction_check.h"

#include <stdbool.h>

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmx.h"

#define ACCESS_DPL_SHIFT 5u
#define DR_NUMBER 7u /* of an exit qualification: SDM vol. 3C, table 28-4 */

unsigned instruction_cpl(const struct instruction_mode *m)
{
    if ((m->cr0 & CR0_PE) == 0) {
        return 0;
    }
    return (m->rflags & RFLAGS_VM) != 0 ? 3 : (m->ss_access & ACCESS_DPL) >> ACCESS_DPL_SHIFT;
}

/* No order among the three is written down but that #UD is found while decoding (SDM vol. 3A, table 6-2). */
static enum instruction_fault check_mov_dr(uint64_t qualification, const struct instruction_mode *m)
{
    unsigned dr = qualification & DR_NUMBER;
    if ((dr == 4 || dr == 5) && (m->cr4 & CR4_DE) != 0) {
        return INSTRUCTION_UD;
    }
    if (instruction_cpl(m) != 0) {
        return INSTRUCTION_GP;
    }
    return (m->dr7 & DR7_GD) != 0 ? INSTRUCTION_DETECT : INSTRUCTION_LEGAL;
}

/* CPL 0 alone. */
static enum instruction_fault check_privileged(const struct instruction_mode *m)
{
    return instruction_cpl(m) != 0 ? INSTRUCTION_GP : INSTRUCTION_LEGAL;
}

/* RDTSC, RDTSCP and RDPMC: a bit of CR4 says who may. */
static enum instruction_fault check_counter(const struct instruction_mode *m, bool for_all)
{
    return instruction_cpl(m) != 0 && !for_all ? INSTRUCTION_GP : INSTRUCTION_LEGAL;
}

/* Instructions of features that CPUID hides from every guest. */
static bool is_hidden(uint32_t reason)
{
    switch (reason) {
    case VMX_EXIT_VMCLEAR ... VMX_EXIT_VMXON:
    case VMX_EXIT_INVEPT:
    case VMX_EXIT_INVVPID:
    case VMX_EXIT_VMFUNC:
    case VMX_EXIT_GETSEC:
    case VMX_EXIT_RSM:
    case VMX_EXIT_MWAIT:
    case VMX_EXIT_MONITOR:
    case VMX_EXIT_ENCLS:
    case VMX_EXIT_ENCLV:
    case VMX_EXIT_XSAVES:
    case VMX_EXIT_XRSTORS:
    case VMX_EXIT_PCONFIG:
    case VMX_EXIT_UMWAIT:
    case VMX_EXIT_TPAUSE:
    case VMX_EXIT_LOADIWKEY:
    case VMX_EXIT_ENQCMD:
    case VMX_EXIT_ENQCMDS:
    case VMX_EXIT_SEAMCALL:
    case VMX_EXIT_TDCALL:
    case VMX_EXIT_RDMSRLIST:
    case VMX_EXIT_WRMSRLIST:
    case VMX_EXIT_URDMSR:
    case VMX_EXIT_UWRMSR:
    case VMX_EXIT_RDMSR_IMMEDIATE:
    case VMX_EXIT_WRMSRNS_IMMEDIATE:
        return true;
    default:
        return false;
    }
}

enum instruction_fault instruction_check(uint32_t reason, uint64_t qualification, const struct instruction_mode *m)
{
    switch (reason) {
    case VMX_EXIT_MOV_DR:
        return check_mov_dr(qualification, m);
    case VMX_EXIT_XSETBV:
        return (m->cr4 & CR4_OSXSAVE) == 0 ? INSTRUCTION_UD : check_privileged(m);
    case VMX_EXIT_RDTSC:
    case VMX_EXIT_RDTSCP:
        return check_counter(m, (m->cr4 & CR4_TSD) == 0);
    case VMX_EXIT_RDPMC:
        return check_counter(m, (m->cr4 & CR4_PCE) != 0);
    case VMX_EXIT_HLT:
    case VMX_EXIT_INVD:
    case VMX_EXIT_WBINVD:
    case VMX_EXIT_INVLPG:
    case VMX_EXIT_INVPCID:
    case VMX_EXIT_RDMSR:
    case VMX_EXIT_WRMSR:
    case VMX_EXIT_CR_ACCESS:
        return check_privileged(m);
    case VMX_EXIT_VMCALL:
        /* Hypercalls are for CPL 0 in protected mode, as Hyper-V's. */
        return instruction_cpl(m) != 0 || (m->cr0 & CR0_PE) == 0 ? INSTRUCTION_UD : INSTRUCTION_LEGAL;
    default:
        return is_hidden(reason) ? INSTRUCTION_UD : INSTRUCTION_LEGAL;
    }
}
