/* SPDX-License-Identifier: MIT */
/* What the monitor learnt and built at boot; constant afterwards. */
#pragma once

#include "arch/cpu/cpu.h"
#include "arch/cpu/mtrr.h"
#include "arch/vmx/vmx.h"
#include "vmm/memory/ept.h"

struct vmm_state {
    struct vmx_caps caps;
    struct vmx_controls root_controls, guest_controls;
    struct mtrr_state mtrrs;
    struct mtrr_map memory_types; /* by these */
    struct ept root_ept;
    uint64_t root_eptp;
    void *root_msr_bitmap, *guest_msr_bitmap;
    void *root_io_bitmaps;              /* A and B, vmm/root/root_port.h */
    const char *exit_root, *exit_guest; /* where their exits arrive: HOST_RIP of the VMCSs */
    uint8_t physical_bits;              /* width of physical addresses: arch/cpu/physical_width.h */
    uint32_t slice;                     /* VMX preemption timer for guests, in its own ticks; 0: not used */
    bool correct_nmi;       /* the machine may carry NMI blocking over between VMCSs: vmm/cpu/quirks_bochs.h */
    bool hold_interrupts;   /* the machine may deliver virtual interrupts while IF is 0: vmm/cpu/quirks_bochs.h */
    bool nmi_blocked_once;  /* and some VP was entered with NMIs blocked; the one member that changes */
    bool apicv;             /* guests in x2APIC mode get virtual-interrupt delivery: vmm/apic/apicv.c */
    void *apicv_msr_bitmap; /* guest_msr_bitmap, less what the processor virtualizes then */
    bool huge_2m, huge_1g;  /* EPT leaves the CPU has */
};

extern struct vmm_state vmm;

/* The processor's CPUID, but that KeyIDs are no part of physical addresses. For cpuid_for_root and cpuid_for_guest. */
struct cpuid_result vmm_cpuid(uint32_t leaf, uint32_t subleaf);

/* Memory type of host memory for ept_map, from the MTRRs. */
uint8_t vmm_memory_type(void *context, uint64_t hpa, uint64_t size);
