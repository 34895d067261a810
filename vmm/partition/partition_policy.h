/* SPDX-License-Identifier: MIT */
/*
 * What a partition's properties say about its VPs' exits and answers. Kept in a page of its own beside the partition.
 * Changed by property_set alone, under the partition's lock; read by exit handlers without it: those members that may
 * change after setup are single words, or a list any mixture of whose old and new entries does no harm.
 */
#pragma once

#include <stdint.h>

#include "abi/whv.h"
#include "vmm/partition/processor_features.h"

#define CPUID_LIST_MAX 64u
#define MSR_ACTION_MAX 64u

struct partition_policy {
    uint64_t extended_exits;    /* WHV_EXTENDED_VM_EXITS */
    uint64_t exception_exits;   /* bit n: exception n exits, if ExtendedVmExits.ExceptionExit */
    uint64_t msr_exits;         /* WHV_X64_MSR_EXIT_BITMAP */
    uint32_t unimplemented_msr; /* WHV_MSR_ACTION */
    uint32_t apic_mode;         /* WHV_X64_LOCAL_APIC_EMULATION_MODE */
    uint8_t clflush_units;      /* size of a cache line in units of 8 bytes; 0: the processor's */
    uint32_t cpuid_exit_count;
    uint32_t cpuid_override_count;
    uint32_t msr_action_count;
    struct processor_features hidden; /* features that its VPs' CPUID does not show */
    uint32_t cpuid_exit_leaves[CPUID_LIST_MAX];
    WHV_X64_CPUID_RESULT2 cpuid_overrides[CPUID_LIST_MAX]; /* CpuidResultList's entries too, with full masks */
    WHV_MSR_ACTION_ENTRY msr_actions[MSR_ACTION_MAX];
};

_Static_assert(sizeof(struct partition_policy) <= 4096, "a partition's policy is one page");
