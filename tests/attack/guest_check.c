/* SPDX-License-Identifier: MIT */
/* What must hold for every exit record, whatever the guest did. */
#include "tests/attack/guests.h"

static const struct {
    uint32_t reason;
    uint32_t size; /* of the reason's own context */
    const char *name;
} reasons[] = {
    {0, 0, "none"},
    {WHvRunVpExitReasonMemoryAccess, sizeof(WHV_MEMORY_ACCESS_CONTEXT), "MemoryAccess"},
    {WHvRunVpExitReasonX64IoPortAccess, sizeof(WHV_X64_IO_PORT_ACCESS_CONTEXT), "X64IoPortAccess"},
    {WHvRunVpExitReasonUnrecoverableException, 0, "UnrecoverableException"},
    {WHvRunVpExitReasonInvalidVpRegisterValue, 0, "InvalidVpRegisterValue"},
    {WHvRunVpExitReasonUnsupportedFeature, sizeof(WHV_X64_UNSUPPORTED_FEATURE_CONTEXT), "UnsupportedFeature"},
    {WHvRunVpExitReasonX64InterruptWindow, sizeof(WHV_X64_INTERRUPTION_DELIVERABLE_CONTEXT), "X64InterruptWindow"},
    {WHvRunVpExitReasonX64Halt, 0, "X64Halt"},
    {WHvRunVpExitReasonX64ApicEoi, sizeof(WHV_X64_APIC_EOI_CONTEXT), "X64ApicEoi"},
    {WHvRunVpExitReasonX64ApicSmiTrap, sizeof(WHV_X64_APIC_SMI_CONTEXT), "X64ApicSmiTrap"},
    {WHvRunVpExitReasonX64ApicInitSipiTrap, sizeof(WHV_X64_APIC_INIT_SIPI_CONTEXT), "X64ApicInitSipiTrap"},
    {WHvRunVpExitReasonX64ApicWriteTrap, sizeof(WHV_X64_APIC_WRITE_CONTEXT), "X64ApicWriteTrap"},
    {WHvRunVpExitReasonX64MsrAccess, sizeof(WHV_X64_MSR_ACCESS_CONTEXT), "X64MsrAccess"},
    {WHvRunVpExitReasonX64Cpuid, sizeof(WHV_X64_CPUID_ACCESS_CONTEXT), "X64Cpuid"},
    {WHvRunVpExitReasonException, sizeof(WHV_VP_EXCEPTION_CONTEXT), "Exception"},
    {WHvRunVpExitReasonX64Rdtsc, sizeof(WHV_X64_RDTSC_CONTEXT), "X64Rdtsc"},
    {WHvRunVpExitReasonHypercall, sizeof(WHV_HYPERCALL_CONTEXT), "Hypercall"},
    {WHvRunVpExitReasonCanceled, sizeof(WHV_RUN_VP_CANCELED_CONTEXT), "Canceled"},
};

#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

_Static_assert(REASONS <= sizeof(((struct attacker *)0)->exits) / sizeof(uint32_t), "counters for all");

uint32_t guest_exit_kind(uint32_t reason)
{
    for (uint32_t i = 1; i < REASONS; i++) {
        if (reasons[i].reason == reason) {
            return i;
        }
    }
    return 0;
}

/* Those of the local APIC need what the guest did before and one property out of several. */
uint32_t guest_exit_wanted(uint32_t kind, uint64_t work)
{
    switch (reasons[kind].reason) {
    case WHvRunVpExitReasonX64ApicEoi:
    case WHvRunVpExitReasonX64ApicSmiTrap:
    case WHvRunVpExitReasonX64ApicInitSipiTrap:
        return (uint32_t)(work / 50000);
    default:
        return (uint32_t)(work / 20000) + 1;
    }
}

const char *guest_exit_name(uint32_t kind)
{
    return kind < REASONS ? reasons[kind].name : NULL;
}

static void check(const struct guest *g, const char *what, uint64_t expected, uint64_t came)
{
    if (expected != came) {
        attack_fail(g->a, what, expected, came);
    }
}

static const uint32_t names[] = {
    WHvX64RegisterRip,         WHvX64RegisterRflags, WHvX64RegisterCr0,
    WHvX64RegisterCr8,         WHvX64RegisterCs,     WHvX64RegisterSs,
    WHvX64RegisterDr7,         WHvX64RegisterEfer,   WHvRegisterPendingInterruption,
    WHvRegisterInterruptState,
};

enum { RIP, RFLAGS, CR0, CR8, CS, SS, DR7, EFER, EVENT, STATE, COUNT };

_Static_assert(COUNT == sizeof(names) / sizeof(names[0]), "one place for each name");

static void check_state(const struct guest *g, const WHV_VP_EXIT_CONTEXT *vp, const WHV_REGISTER_VALUE *v)
{
    WHV_X64_VP_EXECUTION_STATE state = vp->ExecutionState;
    bool protected = (v[CR0].Reg64 & 1) != 0, virtual = (v[RFLAGS].Reg64 & 0x20000) != 0;
    check(g, "Cr0Pe", protected, state.Cr0Pe);
    check(g, "Cr0Am", v[CR0].Reg64 >> 18 & 1, state.Cr0Am);
    check(g, "EferLma", v[EFER].Reg64 >> 10 & 1, state.EferLma);
    check(g, "DebugActive", (v[DR7].Reg64 & 0xff) != 0, state.DebugActive);
    check(g, "InterruptionPending", v[EVENT].Reg64 & 1, state.InterruptionPending);
    check(g, "InterruptShadow", v[STATE].Reg64 & 1, state.InterruptShadow);
    check(g, "reserved bits of the state", 0, state.Reserved0 | state.Reserved1);
    check(g, "Cpl", !protected ? 0 : virtual ? 3 : v[SS].Segment.Attributes >> 5 & 3u, state.Cpl);
}

static void check_registers(const struct guest *g, const WHV_VP_EXIT_CONTEXT *vp)
{
    uint8_t *buffer = g->a->buffers + 2 * ATTACK_BUFFER;
    const WHV_REGISTER_VALUE *v = (const WHV_REGISTER_VALUE *)(const void *)(buffer + 1024);
    memcpy(buffer, names, sizeof(names));
    check(g, "reading the registers", WHB_OK,
          attack_do(g->a, WHB_CALL_VP_GET_REGISTERS, g->partition, g->vp, (uintptr_t)buffer, (uintptr_t)v, COUNT));
    check(g, "Rip", v[RIP].Reg64, vp->Rip);
    check(g, "Rflags", v[RFLAGS].Reg64, vp->Rflags);
    check(g, "Cr8", v[CR8].Reg64, vp->Cr8);
    check(g, "Cs", 0, (uint64_t)memcmp(&v[CS].Segment, &vp->Cs, sizeof(vp->Cs)));
    check_state(g, vp, v);
}

static void check_memory_access(const struct guest *g, const WHV_MEMORY_ACCESS_CONTEXT *m)
{
    check(g, "InstructionByteCount", 1, m->InstructionByteCount <= 16);
    check(g, "AccessType", 1, m->AccessInfo.AccessType <= WHvMemoryAccessExecute);
    check(g, "reserved AccessInfo", 0, m->AccessInfo.Reserved);
    check(g, "Gva without GvaValid", 0, m->AccessInfo.GvaValid == 0 ? m->Gva : 0);
}

void guest_check_record(struct guest *g, const WHV_RUN_VP_EXIT_CONTEXT *record)
{
    uint32_t kind = guest_exit_kind((uint32_t)record->ExitReason);
    const uint8_t *bytes = (const uint8_t *)record;
    check(g, "known ExitReason", 1, kind != 0);
    check(g, "Reserved", 0, record->Reserved | record->VpContext.Reserved | record->VpContext.Reserved2);
    check(g, "sequence", ++g->sequences[g->vp], g->runs[g->vp]->sequence);
    for (uint32_t i = 48 + reasons[kind].size; i < sizeof(*record); i++) {
        check(g, "a byte outside the reason's context", 0, bytes[i]);
    }
    if (record->ExitReason == WHvRunVpExitReasonMemoryAccess) {
        check_memory_access(g, &record->MemoryAccess);
    }
    check_registers(g, &record->VpContext);
    g->a->exits[kind]++;
}
