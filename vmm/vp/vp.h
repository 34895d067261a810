/* SPDX-License-Identifier: MIT */
/*
 * Virtual processors, the root's and the guests'.
 *
 * A VP is worked on by one CPU at a time, the one named by `owner`; everything below `owner` belongs to that CPU. A
 * guest VP is owned during a run and during register access. A root VP is owned by its CPU for ever.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "abi/run_page.h"
#include "arch/cpu/percpu.h"
#include "arch/vmx/vmx.h"
#include "vmm/apic/model/apic_model.h"
#include "vmm/cpu/switched_msr.h"
#include "vmm/vp/counters.h"
#include "vmm/vp/cpuid_cache.h"

struct partition;

#define GUEST_MTRR_VARIABLE 8u
#define GUEST_MTRR_NAMES 16u /* variable MTRRs with WHV names; the guest has no MSRs for the others */
#define GUEST_MTRR_FIXED 11u

/* The VP's MTRRs, a guest's or the root's: kept for it, without effect on the memory types of its EPT. */
struct virtual_mtrrs {
    uint64_t def_type;
    uint64_t variable[2 * GUEST_MTRR_NAMES]; /* base and mask in turn */
    uint64_t fixed[GUEST_MTRR_FIXED];
};

/* An event to deliver at the next entry, in the VMCS's own format (SDM vol. 3C, 25.8.3). */
struct pending_event {
    uint32_t info; /* INTERRUPTION_VALID clear: none */
    uint32_t error_code;
    uint32_t instruction_length;
};

/* What record the run page holds: of one kind all have the same bytes zero. */
enum record_kind {
    RECORD_ANY,
    RECORD_IO, /* IN or OUT, without a string */
    RECORD_MSR,
    RECORD_CPUID,
    RECORD_MEMORY, /* with 16 bytes of instruction */
    RECORD_HALT,
    RECORD_EXCEPTION, /* with 16 bytes of instruction */
};

/*
 * What the VP's next entry has to see to first: bits of vp->pending. Whoever causes the work, on any CPU, stores what
 * it is about and then sets the bit (vp_pend); the VP's owner clears the bit before it looks (vp_settle_pending). So
 * work that comes meanwhile is either seen, or its bit is set again. An entry tests the whole word once. A CPU that
 * sets a bit of a VP which another CPU may be running kicks that one then: its test may be over.
 */
enum vp_pending {
    /* Done once. */
    PENDING_FLUSH_VPID = 1u << 0, /* drop cached translations */
    PENDING_PDPTES = 1u << 1,     /* load the PDPTEs from CR3 */
    PENDING_SETTLE = 1u << 3,     /* vmm/vp/completion.c must look at what the root did */
    PENDING_WINDOWS = 1u << 4,    /* vmm/run/window.c must look what can be delivered */
    PENDING_INJECTED = 1u << 5,   /* the entry under way injects vp->event */
    PENDING_POLICY = 1u << 6,     /* the partition's properties or its time changed */
    PENDING_APIC = 1u << 7,       /* its local APIC got something, or its registers or clock changed: vmm/apic/apic.c */
    /* States, for as long as they last. */
    PENDING_BREAKPOINTS = 1u << 8, /* DR7 has a breakpoint on: DR0 to DR3 move with the VP */
    PENDING_TIMED = 1u << 9,       /* somebody asked for its counters: those of ticks count */
    PENDING_TIMER = 1u << 10,      /* its APIC's timer runs: the preemption timer is set before each entry */
    PENDING_QUIRK = 1u << 11,      /* the host's interrupts are masked while it runs: vmm/cpu/quirks_bochs.h */
    PENDING_MITIGATE = 1u << 12,   /* vmm/cpu/mitigate.c has something to do before each entry */
    PENDING_RARE_EXIT = 1u << 13,  /* the exit of the entry under way is not for the fast path */
};

/* Those that entries from the fast path serve: run_fast_prepare. */
#define PENDING_FAST ((uint32_t)(PENDING_TIMER | PENDING_QUIRK | PENDING_MITIGATE))

/* With any of these, exits are not for the fast path. */
#define PENDING_NOT_FAST ((uint32_t)(PENDING_INJECTED | PENDING_RARE_EXIT | PENDING_BREAKPOINTS | PENDING_TIMED))

#define RUN_EXITS 256u /* vp->exits_left */

#define TIMER_NEVER UINT64_MAX

/* Bits of vp->suspend, as in WHV_INTERNAL_ACTIVITY_REGISTER. */
#define SUSPEND_STARTUP 1u
#define SUSPEND_HALT 2u

#define VP_OWNER_NONE 0u
#define VP_OWNER_ABSENT 0xffffffffu /* the VP is deleted; only its partition's lock holder may create it anew */

struct vp {
    union {
        struct {
            uint32_t owner;  /* atomic: CPU index + 1, or one of VP_OWNER_ */
            uint32_t cancel; /* atomic: 1: the next run, or the one in progress, returns Canceled */
        };
        uint64_t owner_and_cancel; /* atomic: who takes it and finds it 0 has the VP, and nothing to cancel */
    };
    uint32_t index;
    uint16_t vpid;
    bool is_root;
    struct partition *partition; /* NULL for a root VP */

    uint64_t *gpr;            /* in the run page, or root_gpr */
    struct whb_run_page *run; /* NULL for a root VP */
    uint32_t posted_tail;     /* of the ring of posted writes in it (vmm/io_event/posted.h) */
    void *vmcs;
    uint64_t vmcs_pa;
    void *virtual_apic;    /* page with the guest's TPR, which is its CR8 */
    void *extended_state;  /* XSAVE image, valid while no CPU has it in its registers */
    struct cpu *loaded_on; /* CPU that may hold VMCS data or extended state of this VP in its registers and caches */
    uint32_t pending;      /* atomic: enum vp_pending */
    bool apic_on;          /* this VP has a local APIC: vmm/apic/apic.c */
    bool may_block_nmi;    /* its next exit may report that NMIs are blocked: vmm/cpu/quirks_bochs.h */
    bool fpu_trapped;      /* root: CR0.TS and MP are the hypervisor's, #NM exits: the registers hold a guest's state */
    bool nmi_window;       /* NMI-window exiting is on */
    bool fresh_sipi;       /* root: nothing was executed since SIPI */
    bool nmi_pending;      /* an NMI waits until the VP can take it: the root, or a guest with a local APIC */

    bool apicv;            /* the VMCS virtualizes the APIC: vmm/apic/apicv.c */
    bool was_asleep;       /* the VMCS's activity state is HLT by apic_arm */
    uint32_t suspend;      /* SUSPEND_ bits: the VP does not execute */
    uint32_t timer_value;  /* what the VMCS has as preemption timer, if apic_on */
    uint64_t timer_due;    /* host TSC at which the APIC's timer expires, as the last entry found it; or never */
    uint8_t tpr_threshold; /* what the VMCS holds */
    uint32_t exits_left;   /* exits that the hypervisor may still answer before the root gets its turn */

    struct vmx_controls controls; /* what the VMCS holds, but for ENTRY_IA32E, which the CPU changes */
    uint32_t exception_bitmap;
    uint32_t record_kind;       /* enum record_kind */
    uint32_t client_exceptions; /* bits of the exception bitmap that the root wants to see */
    struct pending_event event;
    struct {
        uint64_t rflags, dr7, debugctl, pending_debug;
    } before_event;         /* what giving `event` to an entry changed, if it is one that changes it */
    uint32_t injected_info; /* of the event that the last entry injected; its other fields are still in `event` */
    uint64_t injected_rip;  /* RIP at that entry, if there was an event */
    struct pending_event undelivered; /* WHB_REGISTER_UNDELIVERED */
    uint32_t exception_exits;         /* WHB_REGISTER_EXCEPTION_EXITS */
    uint64_t notifications;           /* WHV_DELIVERABILITY_NOTIFICATIONS_REGISTER */
    uint32_t external; /* external interrupt to inject once it can be delivered: interruption information, or 0 */
    /* The software exception (INT3, INTO, INT1) of the last Exception record, for its injection by the root. */
    struct {
        uint64_t rip;
        uint32_t info, length;
    } software;

    /* The instruction of the last record, if its end is not RIP's alone (vmm/vp/completion.c). */
    struct {
        uint64_t rip;
        uint32_t hits;  /* what its access met: pending debug exceptions once it is finished */
        uint8_t length; /* 0: not known */
        bool armed;     /* the root has not moved RIP yet, nor was the VP entered */
    } unfinished;

    uint64_t content; /* equal for VPs that have the same in `msr` and `xcr0`, and not 0; 0: not compared yet */
    uint64_t msr[SWITCHED_COUNT];
    uint64_t kernel_gs_base;
    uint64_t xcr0;
    uint64_t cr2;
    uint64_t dr[4], dr6;
    uint64_t apic_base;
    uint64_t tsc_offset;
    uint64_t tsc_adjust;  /* IA32_TSC_ADJUST; what it says is in tsc_offset */
    uint64_t paused_seen; /* the partition's paused_ticks that tsc_offset reflects */
    struct virtual_mtrrs mtrrs;
    struct vp_counters counters;
    struct cpuid_cache cpuid;
    struct apic apic;
    uint64_t eoi_exits[4]; /* what the VMCS has as EOI-exit bitmap */
    /* What other CPUs send; all atomic. */
    struct apic_address apic_address;
    uint32_t apic_signals, apic_sipi;
    uint32_t apic_requests[8], apic_levels[8];
    uint64_t run_began;        /* host TSC */
    uint64_t trace_name;       /* in the exit trace: struct whb_trace_entry */
    uint64_t apic_counters[5]; /* members of WHV_PROCESSOR_APIC_COUNTERS */
    uint64_t root_gpr[16];
};

_Static_assert(sizeof(struct vp) <= 4096, "a VP is one page");

static inline uint32_t vp_pending(const struct vp *vp, uint32_t bits)
{
    return __atomic_load_n(&vp->pending, __ATOMIC_RELAXED) & bits;
}

/* Any CPU. */
static inline void vp_pend(struct vp *vp, uint32_t bits)
{
    (void)__atomic_fetch_or(&vp->pending, bits, __ATOMIC_SEQ_CST);
}

/* The same for every VP of a partition. */
void vp_pend_all(struct partition *p, uint32_t bits);

/* The owner. What it clears and what it sets for itself needs no order. */
static inline void vp_settle_pending(struct vp *vp, uint32_t bits)
{
    if (vp_pending(vp, bits) != 0) {
        (void)__atomic_fetch_and(&vp->pending, ~bits, __ATOMIC_SEQ_CST);
    }
}

/* A state's bit. */
static inline void vp_pend_while(struct vp *vp, uint32_t bit, bool on)
{
    if (on) {
        vp_pend(vp, bit);
    } else {
        vp_settle_pending(vp, bit);
    }
}

/*
 * Takes the VP for the calling CPU, its VMCS not yet current. WHB_ERROR_VP_ABSENT or WHB_ERROR_BUSY leave it alone.
 * vp_release gives it back.
 */
enum whb_status vp_acquire(struct partition *p, uint64_t index, struct vp **vp);
void vp_release(struct vp *vp);

/*
 * Gets an owned VP off the CPU that has it loaded, if that is another. Its owner does this before it waits for the
 * partition's lock: a CPU that takes INIT waits under that lock until the owners of the VPs loaded on it have done so.
 */
void vp_take_from_others(struct vp *vp);

/* Brings VMCS and extended state to the calling CPU, from another CPU if need be. The caller owns the VP. */
void vp_bring_here(struct cpu *cpu, struct vp *vp);

/* Writes extended state back to memory and clears the VMCS, on the CPU that has them loaded. */
void vp_flush_here(struct cpu *cpu, struct vp *vp);

/* Whether the exit trace is on, for where the hypervisor chooses between two ways that differ in that alone. */
static inline bool cpu_traced(const struct cpu *cpu)
{
#ifdef NO_EXIT_TRACE /* a build to measure what these tests cost */
    (void)cpu;
    return false;
#else
    return __builtin_expect(cpu->trace.current != NULL, 0);
#endif
}

/* Brings the VMCS in line with the partition's properties as they are now; the VP's VMCS is current. */
void vp_apply_policy(struct vp *vp);

/* Loads what the root changed in the run page; the VP's VMCS is current. False: unknown bits in the dirty mask. */
bool vp_take_run_page(struct vp *vp);

/* VMCS of a new VP (vmm/vp/vmcs_setup.c); the VMCS is current. Host fields are for the calling CPU. */
void vmcs_setup_controls(struct vp *vp, const struct vmx_controls *controls, uint64_t eptp, const void *msr_bitmap);
void vmcs_setup_host(const struct cpu *cpu, const struct vp *vp);
/* The architectural state after INIT (SDM vol. 3A, table 10-1). */
void vmcs_setup_reset(struct vp *vp);
