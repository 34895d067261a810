/* SPDX-License-Identifier: MIT */
/*
 * Which speculative leaks this processor has and what is done about each (docs/mitigations.md). The decision is pure,
 * from the bits by which the processor names its weaknesses and its means.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* CPUID.(7,0):EDX and (7,2):EDX, IA32_ARCH_CAPABILITIES, IA32_SPEC_CTRL, IA32_FLUSH_CMD (SDM vol. 2A, CPUID; vol. 4).
 */
#define LEAF_7_EBX_RTM (1u << 11)
#define LEAF_7_EDX_RTM_ALWAYS_ABORT (1u << 11)
#define LEAF_7_EDX_MD_CLEAR (1u << 10)
#define LEAF_7_EDX_IBRS_IBPB (1u << 26)
#define LEAF_7_EDX_L1D_FLUSH (1u << 28)
#define LEAF_7_EDX_ARCH_CAPABILITIES (1u << 29)
#define LEAF_7_2_EDX_BHI_CTRL (1u << 4)
#define ARCH_CAP_RDCL_NO (1ull << 0)
#define ARCH_CAP_IBRS_ALL (1ull << 1)
#define ARCH_CAP_SKIP_L1DFL_VMENTRY (1ull << 3)
#define ARCH_CAP_MDS_NO (1ull << 5)
#define ARCH_CAP_TAA_NO (1ull << 8)
#define ARCH_CAP_SBDR_SSDP_NO (1ull << 13)
#define ARCH_CAP_FBSDP_NO (1ull << 14)
#define ARCH_CAP_PSDP_NO (1ull << 15)
#define ARCH_CAP_FB_CLEAR (1ull << 17)
#define ARCH_CAP_BHI_NO (1ull << 20)
#define ARCH_CAP_PBRSB_NO (1ull << 24)
#define ARCH_CAP_RFDS_NO (1ull << 27)
#define ARCH_CAP_RFDS_CLEAR (1ull << 28)
#define SPEC_CTRL_IBRS (1ull << 0)
#define SPEC_CTRL_BHI_DIS_S (1ull << 10)

/* What one CPU says of itself; `arch_capabilities` is 0 where the MSR does not exist. */
struct speculation_bits {
    uint32_t leaf_7_ebx, leaf_7_edx, leaf_7_2_edx;
    uint64_t arch_capabilities;
};

enum mitigation {
    MITIGATE_IBPB,    /* barrier between partitions, so that none trains another's indirect branches */
    MITIGATE_IBRS,    /* the hypervisor's indirect branches do not follow a guest's training */
    MITIGATE_BHI,     /* nor a guest's branch history */
    MITIGATE_RETURNS, /* the hypervisor's returns do not follow a guest's calls */
    MITIGATE_BUFFERS, /* VERW empties the buffers that MDS, TAA, MMIO stale data and RFDS read */
    MITIGATE_L1D,     /* the L1 data cache is emptied before a guest that could read it by L1TF */
    MITIGATION_COUNT,
};

enum return_filling {
    RETURNS_KEEP,
    RETURNS_ONE,  /* one call that is not returned from, then LFENCE */
    RETURNS_FILL, /* 32 calls: the whole return stack buffer */
};

struct mitigations {
    struct mitigation_choice {
        bool on;
        const char *why; /* of either; a constant */
    } choice[MITIGATION_COUNT];
    enum return_filling returns;
    bool ibrs_at_exit;  /* IBRS holds only for what was predicted before it was set: set it after each exit */
    uint64_t spec_ctrl; /* bits that IA32_SPEC_CTRL has while guests and the hypervisor's part of their run execute */
};

/* `wanted`: mitigations=auto. */
void mitigations_decide(const struct speculation_bits *cpu, bool wanted, struct mitigations *out);

/* Every one, as the dearest processor would have it: for measurements (arch/cpu/mitigation.h). */
void mitigations_force(struct mitigations *out);

/* Whether anything is to be done before entries of guests. */
bool mitigations_any(const struct mitigations *m);

/* Names for the log, in the order of enum mitigation. */
const char *mitigation_name(enum mitigation which);
