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

/* GPA_MAP of one extent, in as many calls as it takes. What was mapped, `*mapped` bytes, stays if a later one fails. */
static inline enum whb_status whb_map_counted(uint64_t partition, const void *memory, uint64_t gpa, uint64_t size,
                                              uint64_t flags, uint64_t *mapped)
{
    for (*mapped = 0;;) {
        struct whb_extent e = {gpa + *mapped, (uintptr_t)memory + *mapped, size - *mapped, flags};
        uint64_t bytes;
        enum whb_status status = whb_call(WHB_CALL_GPA_MAP, partition, (uintptr_t)&e, 1, 0, 0, &bytes);
        *mapped += bytes;
        if (status != WHB_OK || *mapped == size) {
            return status;
        }
    }
}

static inline enum whb_status whb_map(uint64_t partition, const void *memory, uint64_t gpa, uint64_t size,
                                      uint64_t flags)
{
    uint64_t mapped;
    return whb_map_counted(partition, memory, gpa, size, flags, &mapped);
}

/* VP_RUN, without the moves for arguments that it does not have. */
static inline enum whb_status whb_call_run(uint64_t partition, uint64_t index)
{
    uint64_t rax = WHB_CALL(WHB_CALL_VP_RUN), rdx;
    __asm__ volatile("vmcall" : "+a"(rax), "=d"(rdx) : "D"(partition), "S"(index) : "memory", "cc");
    return (enum whb_status)rax;
}
