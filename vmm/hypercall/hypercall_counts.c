/* SPDX-License-Identifier: MIT */
#include "arch/cpu/count.h"
#include "vmm/hypercall/hypercall_call.h"

_Static_assert(sizeof(struct whb_instruction_counts) == COUNTED_INSTRUCTIONS * sizeof(uint64_t), "the order of both");

/* Builds that do not count know the call, and do not offer it. */
enum whb_status call_instruction_counts(struct call *c)
{
    uint64_t counts[COUNTED_INSTRUCTIONS];
    return count_read(counts) ? call_reply(c, c->arg[0], c->arg[1], counts, sizeof(counts)) : WHB_ERROR_NOT_SUPPORTED;
}
