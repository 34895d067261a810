/* SPDX-License-Identifier: MIT */
#include "kernel/core/hypercall_gate.h"

#include "arch/cpu/nospec.h"
#include "arch/vmx/vmx.h"

enum whb_status gate_check_call(uint64_t rax, enum whb_call *call)
{
    uint64_t number = rax & 0xffffu, version = (rax >> 16) & 0xffffu;
    if (rax >> 32 != 0) {
        return WHB_ERROR_UNKNOWN_CALL;
    }
    if (version != WHB_ABI_MAJOR) {
        return WHB_ERROR_VERSION;
    }
    if (number >= WHB_CALL_COUNT) {
        return WHB_ERROR_UNKNOWN_CALL;
    }
    *call = (enum whb_call)index_nospec(number, WHB_CALL_COUNT);
    return WHB_OK;
}

bool gate_check_mode(uint32_t ss_access, uint32_t cs_access, uint32_t entry_controls)
{
    return (ss_access & ACCESS_DPL) == 0 && (cs_access & ACCESS_LONG) != 0 && (entry_controls & ENTRY_IA32E) != 0;
}
