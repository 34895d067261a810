/* SPDX-License-Identifier: MIT */
/* What is due behind an instruction that the processor did not finish itself, and in what state it can be entered.
 * Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Pending debug exceptions (SDM vol. 3C, 25.4.2). */
#define PENDING_DEBUG_ENABLED (1ull << 12) /* one of the breakpoints is enabled */
#define PENDING_DEBUG_BS (1ull << 14)
#define PENDING_DEBUG_VALID (PENDING_DEBUG_ENABLED | PENDING_DEBUG_BS)

#define DEBUGCTL_BTF (1ull << 1)

/* Whether the end of an instruction that is no branch is a single step (SDM vol. 3B, 18.3.1.4 and 18.4.3). */
bool completion_steps(uint64_t rflags, uint64_t debugctl);

/* Whether RIP went from an instruction of `length` bytes (0: not known) to the one behind it. */
bool completion_is_past(uint64_t from, uint64_t to, uint32_t length);

/* Whether an event, in the VMCS's format, pushes RFLAGS with RF set whatever RF is (SDM vol. 3B, 18.3.1.1). */
bool completion_is_fault(uint32_t interruption_info);

/* What the root can set of a VP piece by piece, as the entry will find it. */
struct completion_state {
    uint64_t rflags, debugctl, dr7;
    uint64_t pending;  /* debug exceptions */
    uint32_t blocking; /* interruptibility */
    bool event;        /* the entry injects one */
};

/*
 * Makes of the shadow, the single step and the pending debug exceptions what an entry takes (SDM vol. 3C, 27.3.1.5) and
 * what they mean together: a shadow lasts one instruction, and a step that is not due yet is due behind the next one.
 */
void completion_make_enterable(struct completion_state *state);
