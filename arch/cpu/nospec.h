/* SPDX-License-Identifier: MIT */
/*
 * Against speculation past a check (Spectre variant 1; docs/mitigations.md has the list of places). Where the check of
 * an index is predicted wrongly, the processor goes on for a while with an index out of range; what it reads there can
 * be found out by who gave the index.
 */
#pragma once

#include <stdint.h>

/*
 * `index`, which the caller has checked to be below `size`; in a wrong speculation some index below `size` all the
 * same. No branch, and nothing that the compiler could leave out because of that check.
 */
static inline uint64_t index_nospec(uint64_t index, uint64_t size)
{
    if (__builtin_constant_p(size) && size != 0 && (size & (size - 1)) == 0) {
        __asm__("" : "+r"(index));
        return index & (size - 1);
    }
    uint64_t mask;
    __asm__("cmpq %2, %1\n\tsbbq %0, %0" : "=r"(mask) : "r"(index), "er"(size) : "cc");
    return index & mask;
}

/* Nothing behind it is executed before it is known whether it is reached (SDM vol. 2A, LFENCE). */
static inline void speculation_barrier(void)
{
    __asm__ volatile("lfence" : : : "memory");
}
