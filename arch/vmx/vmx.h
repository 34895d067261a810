/* SPDX-License-Identifier: MIT */
/* VMX: control bits, capabilities and instructions (SDM vol. 3C, chapters 24 to 30, and appendix A). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/cpu/count.h"

/* 25.6.1: pin-based VM-execution controls */
#define PIN_EXTERNAL_INTERRUPT (1u << 0)
#define PIN_NMI (1u << 3)
#define PIN_VIRTUAL_NMI (1u << 5)
#define PIN_PREEMPTION_TIMER (1u << 6)

/* 25.6.2: primary processor-based VM-execution controls */
#define CPU_INTERRUPT_WINDOW (1u << 2)
#define CPU_TSC_OFFSETTING (1u << 3)
#define CPU_HLT (1u << 7)
#define CPU_MWAIT (1u << 10)
#define CPU_RDPMC (1u << 11)
#define CPU_RDTSC (1u << 12)
#define CPU_CR3_LOAD (1u << 15)
#define CPU_CR3_STORE (1u << 16)
#define CPU_CR8_LOAD (1u << 19)
#define CPU_CR8_STORE (1u << 20)
#define CPU_TPR_SHADOW (1u << 21)
#define CPU_NMI_WINDOW (1u << 22)
#define CPU_MOV_DR (1u << 23)
#define CPU_UNCONDITIONAL_IO (1u << 24)
#define CPU_IO_BITMAPS (1u << 25)
#define CPU_MSR_BITMAPS (1u << 28)
#define CPU_MONITOR (1u << 29)
#define CPU_PAUSE (1u << 30)
#define CPU_SECONDARY (1u << 31)

/* 25.6.2: secondary processor-based VM-execution controls */
#define CPU2_EPT (1u << 1)
#define CPU2_RDTSCP (1u << 3)
#define CPU2_VIRTUALIZE_X2APIC (1u << 4)
#define CPU2_VPID (1u << 5)
#define CPU2_WBINVD (1u << 6)
#define CPU2_UNRESTRICTED (1u << 7)
#define CPU2_APIC_REGISTERS (1u << 8)
#define CPU2_VIRTUAL_INTERRUPTS (1u << 9)
#define CPU2_INVPCID (1u << 12)

/* 25.6.4: each of the I/O bitmaps A and B */
#define VMX_IO_BITMAP_BYTES 4096u

/* 25.7.1: VM-exit controls */
#define EXIT_SAVE_DEBUG (1u << 2)
#define EXIT_HOST_64 (1u << 9)
#define EXIT_SAVE_PAT (1u << 18)
#define EXIT_LOAD_PAT (1u << 19)
#define EXIT_SAVE_EFER (1u << 20)
#define EXIT_LOAD_EFER (1u << 21)

/* 25.8.1: VM-entry controls */
#define ENTRY_LOAD_DEBUG (1u << 2)
#define ENTRY_IA32E (1u << 9)
#define ENTRY_LOAD_PAT (1u << 14)
#define ENTRY_LOAD_EFER (1u << 15)

/* 25.8.3, 25.9.2, 25.9.3: interruption information; the type values are those of WHV_X64_PENDING_INTERRUPTION_TYPE */
#define INTERRUPTION_VECTOR 0xffu
#define INTERRUPTION_TYPE_SHIFT 8u
#define INTERRUPTION_TYPE (7u << 8)
#define INTERRUPTION_ERROR_CODE (1u << 11)
#define INTERRUPTION_NMI_UNBLOCKING (1u << 12)
#define INTERRUPTION_VALID (1u << 31)
enum interruption_type {
    INTERRUPTION_EXTERNAL = 0,
    INTERRUPTION_NMI = 2,
    INTERRUPTION_HARDWARE_EXCEPTION = 3,
    INTERRUPTION_SOFTWARE_INTERRUPT = 4,
    INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION = 5,
    INTERRUPTION_SOFTWARE_EXCEPTION = 6,
};

/* 25.4.2: guest interruptibility and activity */
#define BLOCKING_BY_STI (1u << 0)
#define BLOCKING_BY_MOV_SS (1u << 1)
#define BLOCKING_BY_NMI (1u << 3)
#define ACTIVITY_ACTIVE 0u
#define ACTIVITY_HLT 1u
#define ACTIVITY_WAIT_FOR_SIPI 3u

/* VMX format of segment access rights, 25.4.1 */
#define ACCESS_UNUSABLE (1u << 16)
#define ACCESS_CONFORMING (1u << 2) /* of a code segment */
#define ACCESS_DPL (3u << 5)
#define ACCESS_LONG (1u << 13)

/* Appendix C: basic exit reasons */
enum vmx_exit_reason {
    VMX_EXIT_EXCEPTION_NMI = 0,
    VMX_EXIT_EXTERNAL_INTERRUPT = 1,
    VMX_EXIT_TRIPLE_FAULT = 2,
    VMX_EXIT_INIT = 3,
    VMX_EXIT_SIPI = 4,
    VMX_EXIT_IO_SMI = 5,
    VMX_EXIT_SMI = 6,
    VMX_EXIT_INTERRUPT_WINDOW = 7,
    VMX_EXIT_NMI_WINDOW = 8,
    VMX_EXIT_TASK_SWITCH = 9,
    VMX_EXIT_CPUID = 10,
    VMX_EXIT_GETSEC = 11,
    VMX_EXIT_HLT = 12,
    VMX_EXIT_INVD = 13,
    VMX_EXIT_INVLPG = 14,
    VMX_EXIT_RDPMC = 15,
    VMX_EXIT_RDTSC = 16,
    VMX_EXIT_RSM = 17,
    VMX_EXIT_VMCALL = 18,
    VMX_EXIT_VMCLEAR = 19,
    VMX_EXIT_VMXON = 27,
    VMX_EXIT_CR_ACCESS = 28,
    VMX_EXIT_MOV_DR = 29,
    VMX_EXIT_IO = 30,
    VMX_EXIT_RDMSR = 31,
    VMX_EXIT_WRMSR = 32,
    VMX_EXIT_INVALID_GUEST_STATE = 33,
    VMX_EXIT_MSR_LOAD_FAILURE = 34,
    VMX_EXIT_MWAIT = 36,
    VMX_EXIT_MONITOR_TRAP = 37,
    VMX_EXIT_MONITOR = 39,
    VMX_EXIT_PAUSE = 40,
    VMX_EXIT_MACHINE_CHECK_ENTRY = 41,
    VMX_EXIT_TPR_BELOW_THRESHOLD = 43,
    VMX_EXIT_APIC_ACCESS = 44,
    VMX_EXIT_EOI_INDUCED = 45,
    VMX_EXIT_GDTR_IDTR = 46,
    VMX_EXIT_LDTR_TR = 47,
    VMX_EXIT_EPT_VIOLATION = 48,
    VMX_EXIT_EPT_MISCONFIGURATION = 49,
    VMX_EXIT_INVEPT = 50,
    VMX_EXIT_RDTSCP = 51,
    VMX_EXIT_PREEMPTION_TIMER = 52,
    VMX_EXIT_INVVPID = 53,
    VMX_EXIT_WBINVD = 54,
    VMX_EXIT_XSETBV = 55,
    VMX_EXIT_APIC_WRITE = 56,
    VMX_EXIT_INVPCID = 58,
    VMX_EXIT_VMFUNC = 59,
    VMX_EXIT_ENCLS = 60,
    VMX_EXIT_XSAVES = 63,
    VMX_EXIT_XRSTORS = 64,
    VMX_EXIT_PCONFIG = 65,
    VMX_EXIT_UMWAIT = 67,
    VMX_EXIT_TPAUSE = 68,
    VMX_EXIT_LOADIWKEY = 69,
    VMX_EXIT_ENCLV = 70,
    VMX_EXIT_ENQCMD = 72,
    VMX_EXIT_ENQCMDS = 73,
    VMX_EXIT_SEAMCALL = 76, /* these two exit on processors with TDX whatever the controls say */
    VMX_EXIT_TDCALL = 77,
    VMX_EXIT_RDMSRLIST = 78,
    VMX_EXIT_WRMSRLIST = 79,
    VMX_EXIT_URDMSR = 80,
    VMX_EXIT_UWRMSR = 81,
    VMX_EXIT_RDMSR_IMMEDIATE = 84, /* by the MSR bitmaps, like RDMSR */
    VMX_EXIT_WRMSRNS_IMMEDIATE = 85,
};
#define VMX_EXIT_ENTRY_FAILURE (1u << 31)

/* Exception vectors that the hypervisor names. */
enum exception_vector {
    VECTOR_DB = 1,
    VECTOR_NMI = 2,
    VECTOR_BP = 3,
    VECTOR_UD = 6,
    VECTOR_NM = 7,
    VECTOR_DF = 8,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    VECTOR_AC = 17,
    VECTOR_MC = 18,
};

/* Values of one VMCS's control fields. */
struct vmx_controls {
    uint32_t pin, cpu, cpu2, exit, entry;
};

/* What this CPU's VMX offers, from the capability MSRs (appendix A). All CPUs of the machine must have the same. */
struct vmx_caps {
    uint64_t basic, misc, cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1, ept_vpid;
    uint64_t pin, cpu, cpu2, exit, entry; /* low half: must be 1; high half: may be 1 */
    bool true_controls;
};

/* Capability bits of IA32_VMX_EPT_VPID_CAP (A.10) */
#define EPT_CAP_WALK_4 (1ull << 6)
#define EPT_CAP_WB (1ull << 14)
#define EPT_CAP_2M (1ull << 16)
#define EPT_CAP_1G (1ull << 17)
#define EPT_CAP_INVEPT (1ull << 20)
#define EPT_CAP_INVEPT_SINGLE (1ull << 25)
#define EPT_CAP_INVVPID (1ull << 32)
#define EPT_CAP_INVVPID_SINGLE (1ull << 41)

/*
 * Enters VMX operation on the calling CPU; `region` is a zeroed page that the CPU keeps. False: VMXON failed.
 * Sets CR0 and CR4 as the fixed-bit MSRs demand.
 */
bool vmx_on(const struct vmx_caps *caps, void *region);

/* Prepares a zeroed page as a VMCS (revision identifier, VMCLEAR). False: the CPU refused it. */
bool vmcs_prepare(const struct vmx_caps *caps, void *page);

/* Stops the machine if the CPU refuses; `page` is a VMCS from vmcs_prepare. */
void vmcs_clear(void *page);

/* Makes the VMCS at this physical address the current one; stops the machine if the CPU refuses. */
void vmcs_load_failed(uint64_t pa) __attribute__((cold, noreturn));
#ifdef ENLIGHTENED_VMCS
/* Whether the machine's hypervisor has such VMCSs, and with a zeroed page that the CPU keeps, their use from now on. */
bool evmcs_offered(void);
void evmcs_init_cpu(void *assist_page);
void evmcs_load(uint64_t pa);
static inline void vmcs_load_pa(const uint64_t *pa)
{
    count_instruction(COUNTED_VMPTRLD);
    evmcs_load(*pa);
}
#else
static inline void vmcs_load_pa(const uint64_t *pa)
{
    count_instruction(COUNTED_VMPTRLD);
    __asm__ goto("vmptrld %0\n\tjbe %l[failed]" : : "m"(*pa) : "cc", "memory" : failed);
    return;
failed:
    vmcs_load_failed(*pa);
}
#endif

/* Drops this CPU's cached translations of one EPT pointer, or of one VPID (30.3, INVEPT and INVVPID). */
void vmx_flush_ept(uint64_t eptp);
void vmx_flush_vpid(uint16_t vpid);

/*
 * Enters the VP of the current VMCS with the general registers in `gpr` (run page order; the RSP slot is not used), and
 * begins the event loop of vmm/run/world_switch.S: the stack of the caller is given up. HOST_RSP of each VMCS is the
 * end of its VP's block.
 */
_Noreturn void vmx_start(const uint64_t *gpr);

/* First byte and end of the code in which an NMI must not be followed by the entry, and where to continue then.
 */
extern const char vmx_enter_window[], vmx_enter_window_end[], vmx_enter_kicked[];
/* HOST_RIP for root and guest VPs. */
extern const char vmx_exit_root[], vmx_exit_root_traced[], vmx_exit_guest[];
/* Exit points of guests that first fill the return stack buffer: whole, with IA32_SPEC_CTRL; or one entry. */
extern const char vmx_exit_point_filling[], vmx_exit_point_filling_ibrs[], vmx_exit_point_one_call[];
