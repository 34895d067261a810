/* SPDX-License-Identifier: MIT */
/* Carrying out what vmm/cpu/mitigations.h decides. */
#pragma once

#include <stdbool.h>

#include "arch/cpu/percpu.h"

struct vp;

/* Decides for the boot CPU and says so in the log. */
void mitigate_init(bool wanted);

/* The same for the calling CPU: false if it came out otherwise than on the boot CPU. */
bool mitigate_init_cpu(struct cpu *cpu);

/* Before each entry of a guest, if cpu->mitigate. */
void mitigate_before_entry(struct cpu *cpu, const struct vp *vp);

/* Gives the root its IA32_SPEC_CTRL back. */
void mitigate_return_root(const struct cpu *cpu);

/* Where guests' exits arrive. */
const char *mitigate_exit_point(void);
