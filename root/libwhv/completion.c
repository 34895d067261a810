/* SPDX-License-Identifier: MIT */
/* How an instruction ends that a client carried out. Pure: what the processor would have done, as registers to set. */
#include "root/lib/string.h"
#include "root/libwhv/whimbrel_ext.h"

#define FLAG_TF 0x100u
#define FLAG_RF 0x10000u
#define LONGEST_INSTRUCTION 15u
#define PENDING_HITS 0xfu /* WHV_X64_PENDING_DEBUG_EXCEPTION_REGISTER */
#define PENDING_STEP 0x10u
#define STATE_SHADOW 1u /* WHV_X64_INTERRUPT_STATE_REGISTER */

struct result {
    WHV_REGISTER_NAME *names;
    WHV_REGISTER_VALUE *values;
    UINT32 count;
};

static void add(struct result *r, WHV_REGISTER_NAME name, UINT64 value)
{
    memset(&r->values[r->count], 0, sizeof(r->values[r->count]));
    r->values[r->count].Reg64 = value;
    r->names[r->count++] = name;
}

static UINT64 cut(const WHV_VP_EXIT_CONTEXT *exit, UINT64 rip)
{
    return exit->ExecutionState.EferLma && exit->Cs.Long ? rip : rip & 0xffffffffu;
}

struct whb_completion whb_plain_completion(const WHV_VP_EXIT_CONTEXT *exit)
{
    return (struct whb_completion){.rip = cut(exit, exit->Rip + exit->InstructionLength), .rflags = exit->Rflags};
}

/* A single step that the hypervisor cannot know of, since RIP does not go to the next instruction. */
static bool steps_unseen(const WHV_VP_EXIT_CONTEXT *exit, const struct whb_completion *how)
{
    bool next = cut(exit, how->rip - exit->Rip) - 1 < LONGEST_INSTRUCTION;
    return (exit->Rflags & FLAG_TF) != 0 && (how->goes_on != 0 || !next);
}

bool whb_completion_is_special(const WHV_VP_EXIT_CONTEXT *exit, const struct whb_completion *how)
{
    return how->hits != 0 || how->begins_shadow != 0 || steps_unseen(exit, how) ||
           (how->goes_on != 0 && exit->ExecutionState.InterruptShadow);
}

UINT32 whb_complete_instruction(const WHV_VP_EXIT_CONTEXT *exit, const struct whb_completion *how,
                                WHV_REGISTER_NAME names[WHB_COMPLETION_REGISTERS],
                                WHV_REGISTER_VALUE values[WHB_COMPLETION_REGISTERS])
{
    struct result r = {.names = names, .values = values};
    const struct whb_completion plain = whb_plain_completion(exit);
    how = how != NULL ? how : &plain;
    UINT64 rflags = (how->rflags & ~(UINT64)FLAG_RF) | (how->goes_on != 0 ? FLAG_RF : 0);
    UINT64 debug = (how->hits & PENDING_HITS) | (steps_unseen(exit, how) ? PENDING_STEP : 0);
    add(&r, WHvX64RegisterRip, cut(exit, how->rip));
    if (rflags != exit->Rflags) {
        add(&r, WHvX64RegisterRflags, rflags);
    }
    if (how->begins_shadow != 0 || (how->goes_on != 0 && exit->ExecutionState.InterruptShadow)) {
        UINT64 others = how->interrupt_state & ~(UINT64)STATE_SHADOW;
        add(&r, WHvRegisterInterruptState, others | (how->begins_shadow != 0 ? STATE_SHADOW : 0));
    }
    if (debug != 0) {
        add(&r, WHvX64RegisterPendingDebugException, how->pending_debug | debug);
    }
    return r.count;
}
