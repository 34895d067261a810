/* SPDX-License-Identifier: MIT */
#include "tests/scenarios/records.h"

void records_start(struct guest *g, enum guest_mode mode, const uint8_t *begin, const uint8_t *end)
{
    guest_load(g, 0, begin, end, PAYLOAD_AT);
    guest_enter_mode(g, 0, mode, PAYLOAD_AT);
}

void records_check_context(struct guest *g, const WHV_RUN_VP_EXIT_CONTEXT *r, uint64_t rip, unsigned length,
                           unsigned shadow, unsigned pending)
{
    const WHV_VP_EXIT_CONTEXT *v = &r->VpContext;
    const WHV_REGISTER_NAME names[] = {WHvX64RegisterCs,  WHvX64RegisterCr0,    WHvX64RegisterEfer, WHvX64RegisterCr8,
                                       WHvX64RegisterDr7, WHvX64RegisterRflags, WHvX64RegisterRip};
    WHV_REGISTER_VALUE is[7];
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g->partition, 0, names, 7, is));
    CHECK_EQ(rip, v->Rip);
    CHECK_EQ(is[6].Reg64, v->Rip);
    CHECK_EQ(is[5].Reg64, v->Rflags);
    CHECK_EQ(length, v->InstructionLength);
    CHECK_EQ(is[3].Reg64, v->Cr8);
    CHECK_EQ(is[0].Segment.Base, v->Cs.Base);
    CHECK_EQ(is[0].Segment.Limit, v->Cs.Limit);
    CHECK_EQ(is[0].Segment.Selector, v->Cs.Selector);
    CHECK_EQ(is[0].Segment.Attributes, v->Cs.Attributes);
    CHECK_EQ(0, v->ExecutionState.Cpl);
    CHECK_EQ(is[1].Reg64 & 1, v->ExecutionState.Cr0Pe);
    CHECK_EQ(is[1].Reg64 >> 18 & 1, v->ExecutionState.Cr0Am);
    CHECK_EQ(is[2].Reg64 >> 10 & 1, v->ExecutionState.EferLma);
    CHECK_EQ((is[4].Reg64 & 0xff) != 0, v->ExecutionState.DebugActive);
    CHECK_EQ(pending, v->ExecutionState.InterruptionPending);
    CHECK_EQ(shadow, v->ExecutionState.InterruptShadow);
    CHECK_EQ(0, v->ExecutionState.AsUINT16 & ~0x107fu);
    CHECK_EQ(0, v->Reserved);
    CHECK_EQ(0, v->Reserved2);
}
