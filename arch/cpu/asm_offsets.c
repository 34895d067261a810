/* SPDX-License-Identifier: MIT */
/* Offsets that assembly needs, generated from C: scripts/mkoffsets turns the compiler's output into asm_offsets.h. */
#include <stddef.h>

#include "arch/cpu/percpu.h"

#define OFFSET(name, type, member) __asm__ volatile("\n.ascii \"->" #name " %c0\"" : : "i"(offsetof(type, member)))

void asm_offsets(void);

void asm_offsets(void)
{
    OFFSET(CPU_STACK, struct cpu, stack_top);
    OFFSET(CPU_KICK, struct cpu, kick);
    OFFSET(CPU_TRACE, struct cpu, trace.current);
    OFFSET(CPU_EXIT_SPEC_CTRL, struct cpu, exit_spec_ctrl);
}
