/* SPDX-License-Identifier: MIT */
/* Carrying out what vmm/cpu/mitigations.h decides. */
#pragma once

#include <stdbool.h>

#include "arch/cpu/mitigation.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/percpu.h"
#include "vmm/cpu/mitigations.h"

/* Decides for the boot CPU and says so in the log. */
void mitigate_init(bool wanted);

/* The same for the calling CPU: false if it came out otherwise than on the boot CPU. */
bool mitigate_init_cpu(void);

/* Whether something is to be done before entries of guests: PENDING_MITIGATE. */
bool mitigate_entries(void);

/* What that is; constant after boot. */
extern struct mitigate_work {
    uint32_t spec_ctrl;
    bool ibpb, l1d, buffers;
} mitigate_work;

/* The root has run on this CPU since the last entry of a guest here. */
static inline void mitigate_first_entry(struct cpu *cpu, uint64_t partition)
{
    cpu->root_away |= AWAY_MITIGATED;
    if (mitigate_work.ibpb && cpu->last_partition != partition) {
        mitigation_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
        cpu->last_partition = partition;
    }
    if (mitigate_work.spec_ctrl != 0) {
        /* The root's value with our bits holds for guests, which have no IA32_SPEC_CTRL of their own. */
        uint32_t roots = (uint32_t)mitigation_rdmsr(MSR_IA32_SPEC_CTRL);
        cpu->root_spec_ctrl = roots;
        cpu->exit_spec_ctrl = roots | mitigate_work.spec_ctrl;
        mitigation_wrmsr(MSR_IA32_SPEC_CTRL, cpu->exit_spec_ctrl);
    }
    if (mitigate_work.l1d) {
        mitigation_wrmsr(MSR_IA32_FLUSH_CMD, FLUSH_CMD_L1D);
    }
}

/* That, before each of them, of a VP of the partition with this handle. */
static inline void mitigate_before_entry(struct cpu *cpu, uint64_t partition)
{
    if ((cpu->root_away & AWAY_MITIGATED) == 0) {
        mitigate_first_entry(cpu, partition);
    }
    if (mitigate_work.buffers) {
        mitigation_verw();
    }
}

/* Before the root is entered, if AWAY_MITIGATED. */
static inline void mitigate_return_root(const struct cpu *cpu)
{
    if (mitigate_work.spec_ctrl != 0) {
        mitigation_wrmsr(MSR_IA32_SPEC_CTRL, cpu->root_spec_ctrl);
    }
}

const struct mitigations *mitigate_choice(void);
