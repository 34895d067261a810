/* SPDX-License-Identifier: MIT */
/* The VMCALL that abi/hypercall.h describes. */
#pragma once

#include "abi/hypercall.h"

/* `value` may be null. */
static inline enum whb_status whb_call(enum whb_call number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                                       uint64_t a5, uint64_t *value)
{
    register uint64_t r8 __asm__("r8") = a5;
    uint64_t rax = WHB_CALL(number), rdx = a3;
    __asm__ volatile("vmcall" : "+a"(rax), "+d"(rdx) : "D"(a1), "S"(a2), "c"(a4), "r"(r8) : "memory", "cc");
    if (value != NULL) {
        *value = rdx;
    }
    return (enum whb_status)rax;
}

/* VP_RUN, without the moves for arguments that it does not have. */
static inline enum whb_status whb_call_run(uint64_t partition, uint64_t index)
{
    uint64_t rax = WHB_CALL(WHB_CALL_VP_RUN), rdx;
    __asm__ volatile("vmcall" : "+a"(rax), "=d"(rdx) : "D"(partition), "S"(index) : "memory", "cc");
    return (enum whb_status)rax;
}
