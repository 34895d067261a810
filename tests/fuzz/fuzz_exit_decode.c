/* SPDX-License-Identifier: MIT */
/* sources: vmm/run/exit_decode.c */
#include <string.h>

#include "tests/fuzz/check.h"
#include "vmm/run/exit_decode.h"

/* Everything the guest and the processor can put into a snapshot is the input's. */
struct input {
    struct exit_snapshot snapshot;
    uint64_t gpr[16];
    uint8_t xmm[96];
};

static bool is_zero(const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < size; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

static size_t context_size(const WHV_RUN_VP_EXIT_CONTEXT *r)
{
    switch (r->ExitReason) {
    case WHvRunVpExitReasonMemoryAccess:
        return sizeof(r->MemoryAccess);
    case WHvRunVpExitReasonX64IoPortAccess:
        return sizeof(r->IoPortAccess);
    case WHvRunVpExitReasonX64MsrAccess:
        return sizeof(r->MsrAccess);
    case WHvRunVpExitReasonX64Cpuid:
        return sizeof(r->CpuidAccess);
    case WHvRunVpExitReasonException:
        return sizeof(r->VpException);
    case WHvRunVpExitReasonX64InterruptWindow:
        return sizeof(r->InterruptWindow);
    case WHvRunVpExitReasonUnsupportedFeature:
        return sizeof(r->UnsupportedFeature);
    case WHvRunVpExitReasonX64Rdtsc:
        return sizeof(r->ReadTsc);
    case WHvRunVpExitReasonHypercall:
        return sizeof(r->Hypercall);
    default:
        return 0;
    }
}

static void check_record(const struct exit_snapshot *s, const WHV_RUN_VP_EXIT_CONTEXT *r)
{
    const WHV_VP_EXIT_CONTEXT *vp = &r->VpContext;
    size_t used = offsetof(WHV_RUN_VP_EXIT_CONTEXT, MemoryAccess) + context_size(r);
    CHECK(r->ExitReason != WHvRunVpExitReasonNone);
    CHECK(r->Reserved == 0 && vp->Reserved == 0 && vp->Reserved2 == 0);
    CHECK(vp->ExecutionState.Reserved0 == 0 && vp->ExecutionState.Reserved1 == 0 && vp->Cs.Reserved == 0);
    CHECK(vp->Rflags == s->rflags);
    CHECK(vp->Rip == s->rip || r->ExitReason == WHvRunVpExitReasonX64Halt);
    CHECK(is_zero((const uint8_t *)r + used, sizeof(*r) - used));
}

/* The byte count is at the same place in all three contexts that have one. */
static void check_bytes(const struct exit_snapshot *s, const WHV_RUN_VP_EXIT_CONTEXT *r)
{
    bool has_bytes = r->ExitReason == WHvRunVpExitReasonMemoryAccess ||
                     r->ExitReason == WHvRunVpExitReasonX64IoPortAccess || r->ExitReason == WHvRunVpExitReasonException;
    if (has_bytes) {
        uint8_t count = r->MemoryAccess.InstructionByteCount;
        CHECK(count <= sizeof(r->MemoryAccess.InstructionBytes));
        CHECK(exit_wants_bytes(s) || count == 0);
        CHECK(is_zero(r->MemoryAccess.InstructionBytes + count, sizeof(r->MemoryAccess.InstructionBytes) - count));
        CHECK(is_zero(r->MemoryAccess.Reserved, sizeof(r->MemoryAccess.Reserved)));
    }
    if (r->ExitReason == WHvRunVpExitReasonMemoryAccess) {
        CHECK(r->MemoryAccess.AccessInfo.AccessType <= WHvMemoryAccessExecute);
        CHECK(r->MemoryAccess.AccessInfo.GvaValid != 0 || r->MemoryAccess.Gva == 0);
        CHECK(r->MemoryAccess.AccessInfo.Reserved == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in;
    WHV_RUN_VP_EXIT_CONTEXT record, again;
    memset(&in, 0, sizeof(in));
    memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
    in.snapshot.reason %= 80;
    in.snapshot.gpr = in.gpr;
    in.snapshot.xmm = in.xmm;
    memset(&record, 0xee, sizeof(record));
    memset(&again, 0x11, sizeof(again));
    enum exit_verdict verdict = exit_decode(&in.snapshot, &record);
    CHECK(exit_decode(&in.snapshot, &again) == verdict);
    CHECK(memcmp(&record, &again, sizeof(record)) == 0);
    CHECK((exit_reads(in.snapshot.reason) & EXIT_READ_COMMON) != 0);
    check_record(&in.snapshot, &record);
    check_bytes(&in.snapshot, &record);
    exit_record_canceled(&in.snapshot, &again);
    CHECK(again.ExitReason == WHvRunVpExitReasonCanceled && again.VpContext.Rip == in.snapshot.rip);
    return 0;
}
