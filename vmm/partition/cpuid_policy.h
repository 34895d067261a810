/* SPDX-License-Identifier: MIT */
/*
 * What CPUID tells root and guests. Pure: the processor's own answers come through a callback. A guest gets what a list
 * of known features lets through, so that a future processor's feature is hidden until the hypervisor can carry its
 * state; the root gets what the processor has, less what is the hypervisor's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/cpu.h"
#include "vmm/partition/processor_features.h"

/* Hypervisor leaves of a guest; the root's are in abi/handoff.h. */
#define CPUID_GUEST_BASE 0x40000000u      /* EAX = highest leaf, EBX/ECX/EDX = "Whimbrel", zero padded */
#define CPUID_GUEST_INTERFACE 0x40000001u /* all zero: no interface is offered to guests */

/* The VP that executes CPUID. */
struct cpuid_guest {
    uint32_t vp_index; /* its APIC ID */
    uint32_t vp_count; /* of its partition, at least 1 */
    uint64_t cr4;      /* as the guest reads it */
    uint64_t xcr0;
    bool rdtscp, invpcid;    /* its VMCS lets it execute these instructions */
    bool apic;               /* it has a local APIC in the hypervisor, with TSC-deadline mode */
    bool apic_off;           /* disabled by IA32_APIC_BASE */
    bool x2apic;             /* that has x2APIC mode */
    uint64_t xcr0_supported; /* XCR0 bits it may set; 0: no XSAVE */
    uint8_t clflush_units;   /* size of a cache line in units of 8 bytes; 0: the processor's */
    struct processor_features hidden;
};

/* The processor's CPUID. */
typedef struct cpuid_result (*cpuid_fn)(uint32_t leaf, uint32_t subleaf);

struct cpuid_result cpuid_for_guest(const struct cpuid_guest *guest, cpuid_fn host, uint32_t leaf, uint32_t subleaf);

/*
 * `root_cr4` as the root reads it. Leaf DH's sizes of enabled components follow the processor's XCR0, so the root's
 * must be loaded.
 */
struct cpuid_result cpuid_for_root(uint64_t root_cr4, cpuid_fn host, uint32_t leaf, uint32_t subleaf);
