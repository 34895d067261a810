/* SPDX-License-Identifier: MIT */
/* What the kernel may call of the virtual machine monitor. */
#pragma once

#include "arch/cpu/percpu.h"

struct boot_info;
struct boot_options;

/*
 * Once, on the boot CPU, after memory, console and descriptor tables are up and before the other CPUs are started:
 * checks the processor's VMX features (halts the machine with a sentence for what is missing), builds the root
 * partition and loads the root program.
 */
void vmm_boot(const struct boot_info *info, const struct boot_options *options);

/* On every CPU, the boot CPU last: enters VMX operation and runs this CPU's root VP for ever. */
_Noreturn void vmm_start(struct cpu *cpu);
