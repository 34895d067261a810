/* SPDX-License-Identifier: MIT */
/* Past an instruction that exited, in the usual case. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"

/*
 * Where the instruction behind it is. False: something is due that advance_rip does, for a single step, a
 * shadow of STI or MOV SS, or RIP across 4 GiB. `code64`: the VP is known to be in 64-bit mode, where the last needs no
 * care.
 */
static inline bool plain_next_instruction(bool code64, uint64_t *next)
{
    uint64_t special = vmcs_readnw(VMCS_GUEST_RFLAGS) & (RFLAGS_RF | RFLAGS_TF);
    if ((special | vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY)) != 0) {
        return false;
    }
    uint64_t rip = vmcs_readnw(VMCS_GUEST_RIP);
    *next = rip + vmcs_raw_read(VMCS_EXIT_INSTRUCTION_LENGTH.encoding);
    return code64 || (rip ^ *next) >> 32 == 0;
}

/* The same, and goes there. */
static inline bool skip_plain_instruction(bool code64)
{
    uint64_t next;
    if (!plain_next_instruction(code64, &next)) {
        return false;
    }
    vmcs_writenw(VMCS_GUEST_RIP, next);
    return true;
}
