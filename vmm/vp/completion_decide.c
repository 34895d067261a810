/* SPDX-License-Identifier: MIT */
#include "vmm/vp/completion_decide.h"

#include "abi/breakpoints.h"
#include "arch/cpu/cpu.h"
#include "arch/vmx/vmx.h"

#define SHADOW (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)
#define LONGEST_INSTRUCTION 15u

bool completion_steps(uint64_t rflags, uint64_t debugctl)
{
    return (rflags & RFLAGS_TF) != 0 && (debugctl & DEBUGCTL_BTF) == 0;
}

bool completion_is_past(uint64_t from, uint64_t to, uint32_t length)
{
    /* Where RIP has 32 bits it may have gone round; no instruction is that long otherwise. */
    uint64_t distance = from >> 32 == 0 && to >> 32 == 0 ? (uint32_t)(to - from) : to - from;
    return length != 0 ? distance == length : distance - 1 < LONGEST_INSTRUCTION;
}

bool completion_is_fault(uint32_t info)
{
    /* #DB is by its cause, #BP and #OF are traps, #DF and #MC are aborts. */
    const uint32_t others = (1u << VECTOR_DB) | (1u << 3) | (1u << 4) | (1u << VECTOR_DF) | (1u << VECTOR_MC);
    uint32_t type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    return type == INTERRUPTION_HARDWARE_EXCEPTION && (others >> (info & 31u) & 1u) == 0;
}

static bool has_enabled_hit(const struct completion_state *s)
{
    for (unsigned i = 0; i < 4; i++) {
        if ((s->pending >> i & 1u) != 0 && (s->dr7 >> (2 * i) & 3u) != 0) {
            return true;
        }
    }
    return false;
}

/*
 * With blocking by MOV SS the processor holds the step back for one instruction. With that by STI it would take it at
 * once, so the one becomes the other. An event that is injected ends the shadow anyway.
 */
static void step_behind_next(struct completion_state *s)
{
    s->pending |= PENDING_DEBUG_BS;
    if (!s->event) {
        s->blocking = (s->blocking & ~SHADOW) | BLOCKING_BY_MOV_SS;
    }
}

void completion_make_enterable(struct completion_state *s)
{
    bool steps = completion_steps(s->rflags, s->debugctl);
    if (has_enabled_hit(s)) {
        s->pending |= PENDING_DEBUG_ENABLED;
    }
    if ((s->blocking & BLOCKING_BY_STI) != 0 && (s->rflags & RFLAGS_IF) == 0) {
        /* STI cannot have been the last instruction; what was meant is that the next one comes without an event. */
        s->blocking = (s->blocking & ~SHADOW) | (s->event ? 0 : BLOCKING_BY_MOV_SS);
    }
    if ((s->blocking & SHADOW) == 0) {
        return;
    }
    if (steps && (s->pending & PENDING_DEBUG_BS) == 0) {
        step_behind_next(s);
    } else if (!steps && (s->pending & PENDING_DEBUG_BS) != 0) {
        s->blocking &= ~SHADOW; /* the step is due now, and its delivery ends the shadow */
    }
}
