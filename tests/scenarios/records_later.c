/* SPDX-License-Identifier: MIT */
/* Records of later WHP sets: RDTSC and hypercalls; and the partition's time. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(rdtsc64);
DECLARE_PAYLOAD(vmcall64_regs);
DECLARE_AT(rdtsc64_p);
DECLARE_AT(vmcall64_regs_after);

#define RDTSC_EXIT 8ull
#define HYPERCALL_EXIT 32ull

static void rdtsc_record(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, RDTSC_EXIT);
    records_start(&g, GUEST_LONG, payload_rdtsc64, payload_rdtsc64_end);
    guest_set(&g, 0, WHvX64RegisterTscAux, 0x1234);
    guest_set(&g, 0, WHvX64RegisterTsc, 1ull << 40);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Rdtsc);
    records_check_context(&g, &r, PAYLOAD_AT, 2, 0, 0);
    uint64_t after = guest_get(&g, 0, WHvX64RegisterTsc);
    CHECK(r.ReadTsc.Tsc >= 1ull << 40 && r.ReadTsc.Tsc < after);
    CHECK_EQ(0x1234, r.ReadTsc.TscAux);
    CHECK_EQ(0, r.ReadTsc.RdtscInfo.AsUINT64);
    CHECK(r.ReadTsc.ReferenceTime > 0);
    uint64_t reference = r.ReadTsc.ReferenceTime, offset = r.ReadTsc.VirtualOffset;
    check_zero_tail(&r, 48 + 40);
    guest_skip(&g, 0, &r);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Rdtsc);
    records_check_context(&g, &r, RIP_OF(rdtsc64, rdtsc64_p), 3, 0, 0);
    CHECK_EQ(1, r.ReadTsc.RdtscInfo.AsUINT64);
    CHECK(r.ReadTsc.Tsc > after);
    CHECK(r.ReadTsc.ReferenceTime >= reference);
    CHECK_EQ(offset, r.ReadTsc.VirtualOffset);
    guest_skip(&g, 0, &r);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

static void hypercall_record(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    const WHV_REGISTER_NAME names[] = {WHvX64RegisterRax, WHvX64RegisterRbx, WHvX64RegisterRcx, WHvX64RegisterRdx,
                                       WHvX64RegisterR8,  WHvX64RegisterRsi, WHvX64RegisterRdi};
    guest_create(&g, 1, HYPERCALL_EXIT);
    records_start(&g, GUEST_LONG, payload_vmcall64_regs, payload_vmcall64_regs_end);
    for (unsigned i = 0; i < 7; i++) {
        guest_set(&g, 0, names[i], 0x1111111111111111ull * (i + 1));
    }
    for (uint32_t i = 0; i < 16; i++) {
        const WHV_REGISTER_NAME name = (WHV_REGISTER_NAME)(WHvX64RegisterXmm0 + i);
        WHV_REGISTER_VALUE v = {0};
        v.Reg128.Low64 = 0xa0 + i;
        v.Reg128.High64 = 0xb0 + i;
        CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
    }
    guest_run(&g, 0, &r, WHvRunVpExitReasonHypercall);
    records_check_context(&g, &r, PAYLOAD_AT, 3, 0, 0);
    const uint64_t *regs[] = {&r.Hypercall.Rax, &r.Hypercall.Rbx, &r.Hypercall.Rcx, &r.Hypercall.Rdx,
                              &r.Hypercall.R8,  &r.Hypercall.Rsi, &r.Hypercall.Rdi};
    for (unsigned i = 0; i < 7; i++) {
        CHECK_EQ(0x1111111111111111ull * (i + 1), *regs[i]);
    }
    CHECK_EQ(0, r.Hypercall.Reserved0);
    for (unsigned i = 0; i < 6; i++) {
        CHECK_EQ(0xa0 + i, r.Hypercall.XmmRegisters[i].Low64);
        CHECK_EQ(0xb0 + i, r.Hypercall.XmmRegisters[i].High64);
    }
    check_zero_tail(&r, 48 + 64 + 96);
    guest_skip(&g, 0, &r);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

const struct scenario scenarios_records_later[] = {
    {"record/rdtsc", 1, rdtsc_record},
    {"record/hypercall", 1, hypercall_record},
    {0},
};
