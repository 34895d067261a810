/* SPDX-License-Identifier: MIT */
/*
 * What belongs to one CPU. Reached by %gs in host context: IA32_GS_BASE (and HOST_GS_BASE of each VMCS) is the address
 * of this CPU's struct cpu. Other CPUs may only touch the members marked shared, with atomic operations.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CPUS 64u

struct vp;
struct trace_raw;
struct partition;

enum cpu_vmx_state {
    CPU_VMX_PENDING,
    CPU_VMX_ON,      /* in VMX operation, with a root VP */
    CPU_VMX_REFUSED, /* left out */
};

/* A ring of trace_ring.h. */
struct exit_trace {
    struct trace_raw *current; /* the newest entry; before the first one, the ring's last. NULL: off */
    uint64_t written;          /* entries since the start */
    struct trace_raw *first;
    uint32_t count; /* of entries in the ring */
};

struct cpu {
    struct cpu *self; /* first member: this_cpu() reads %gs:0 */
    uint32_t kick;    /* shared: another CPU wants this one out of its guest; world_switch.S tests it */
    uint32_t index;   /* 0 is the boot CPU */
    uint32_t apic_id;
    uint32_t kick_nmis;    /* shared: kick NMIs sent to this CPU and not yet seen by it */
    uint32_t waits;        /* calls of spin_wait_hook */
    uint32_t nmi_for_root; /* NMIs that were not kicks, to be injected into the root VP */
    uint32_t online;       /* shared: 1 once this CPU runs C code */
    uint32_t parked;       /* shared: enum cpu_parked */
    uint32_t sipi;         /* shared: start-up page for a CPU that is parked in the hypervisor, plus CPU_SIPI */
    uint32_t init_wanted;  /* shared: another root CPU sent INIT; comes with a kick */
    uint32_t vmx_state;    /* shared: enum cpu_vmx_state */

    /* Owned by vmm/. */
    struct vp *root_vp;
    struct vp *current;        /* whose VMCS is current */
    struct vp *fpu_owner;      /* whose extended state is in the registers; NULL: nobody's */
    struct partition *running; /* shared: partition whose guest VP this CPU has entered or is about to enter */
    uint64_t flush_ack;        /* shared: partition's EPT generation this CPU has honoured for `running` */
    uint64_t root_map_flushed; /* shared: what vmm/root/root_memory.c unlinked so many times is not cached here */
    struct vp *recall;         /* shared: VP whose VMCS and extended state another CPU wants back; NULL: none */
    uint64_t xcr0;             /* value in XCR0 */
    uint64_t msr_shadow[5];    /* values in the MSRs of enum switched_msr (vmm/vp/switch.c) */
    struct exit_trace trace;   /* vmm/run/exit_trace.h */
    uint64_t content;          /* of XCR0 and these: vp->content of who has the same */
    uint32_t root_away;        /* what of the root's is not in the registers: AWAY_ bits */
    uint32_t exit_spec_ctrl;   /* for IA32_SPEC_CTRL after each exit, where that is written (world_switch.S) */
    uint32_t root_spec_ctrl;   /* if AWAY_MITIGATED */
    uint64_t root_tpr;         /* if AWAY_TPR */
    uint64_t last_partition;   /* serial of the partition whose guest ran here last, for IBPB */
    void *vmxon_region;
    void *call_scratch; /* of the hypercall in progress here (vmm/hypercall/hypercall_call.h) */
    void *evmcs;        /* the current enlightened VMCS, and the page that names it (arch/vmx/evmcs.h) */
    void *vp_assist;

    /* Owned by arch/: descriptor tables and stacks. */
    void *arch;
    uint64_t stack_top; /* top of the C stack, on which every exit arrives */
};

#define CPU_SIPI 0x100u

#define AWAY_BREAKPOINTS 1u /* DR0 to DR3 are a guest's; root_vp->dr has the root's */
#define AWAY_TPR 2u         /* vmm/cpu/quirks_bochs.h */
#define AWAY_FPU 8u         /* the root has to be entered with CR0.TS: vmm/vp/switch.c */
#define AWAY_MITIGATED 4u   /* a guest was entered since the root ran: vmm/cpu/mitigate.c */

/* Where a root VP waits for SIPI. */
enum cpu_parked {
    CPU_RUNNING,
    CPU_PARKED_HARDWARE, /* in the VMX activity state: takes no NMI, only a real SIPI */
    CPU_PARKED_SOFTWARE, /* in vmm/root/root_ipi.c: looks at `sipi` */
};

extern struct cpu *cpus[MAX_CPUS];
extern uint32_t cpu_count;

#if !__STDC_HOSTED__
static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;
    __asm__("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}
#endif
