/* SPDX-License-Identifier: MIT */
/*
 * The counter build (`make bench-counters`, COUNT_INSTRUCTIONS): the wrappers of instructions that a processor charges
 * for count themselves, per CPU. In every other build count_instruction is nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* In the order of struct whb_instruction_counts. */
enum counted_instruction {
    COUNTED_VMREAD,
    COUNTED_VMWRITE,
    COUNTED_VMPTRLD,
    COUNTED_VMCLEAR,
    COUNTED_RDMSR,
    COUNTED_WRMSR,
    COUNTED_XSAVE, /* XSAVE, XRSTOR, FXSAVE, FXRSTOR */
    COUNTED_XSETBV,
    COUNTED_SERIALISING, /* the others of SDM vol. 3A, 9.3: CPUID, MOV to CR and DR, INVEPT, INVVPID, WBINVD, ... */
    COUNTED_INSTRUCTIONS,
};

#ifdef COUNT_INSTRUCTIONS
extern bool count_on; /* from when on GS_BASE of every CPU is its struct cpu's address */
void count_one(enum counted_instruction which);

static inline void count_instruction(enum counted_instruction which)
{
    if (count_on) {
        count_one(which);
    }
}
#else
static inline void count_instruction(enum counted_instruction which)
{
    (void)which;
}
#endif

/* The calling CPU's counts so far, COUNTED_INSTRUCTIONS of them. False: this build does not count. */
bool count_read(uint64_t *to);
/* Begins to count, in a build that does. Once, when all CPUs have their per-CPU data. */
void count_start(void);
