/* SPDX-License-Identifier: MIT */
#include "root/service/record_text.h"

#include "root/lib/console.h"

const char *record_reason_name(WHV_RUN_VP_EXIT_REASON reason)
{
    switch (reason) {
    case WHvRunVpExitReasonMemoryAccess:
        return "MemoryAccess";
    case WHvRunVpExitReasonX64IoPortAccess:
        return "X64IoPortAccess";
    case WHvRunVpExitReasonUnrecoverableException:
        return "UnrecoverableException";
    case WHvRunVpExitReasonInvalidVpRegisterValue:
        return "InvalidVpRegisterValue";
    case WHvRunVpExitReasonUnsupportedFeature:
        return "UnsupportedFeature";
    case WHvRunVpExitReasonX64Halt:
        return "X64Halt";
    case WHvRunVpExitReasonX64MsrAccess:
        return "X64MsrAccess";
    case WHvRunVpExitReasonX64Cpuid:
        return "X64Cpuid";
    case WHvRunVpExitReasonCanceled:
        return "Canceled";
    default:
        return "(none)";
    }
}

static void print_bytes(const uint8_t *bytes, unsigned count)
{
    root_printf(" InstructionBytes=");
    for (unsigned i = 0; i < count; i++) {
        root_printf("%02x", bytes[i]);
    }
    root_printf(count == 0 ? "none" : "");
}

static void print_segment(const char *name, const WHV_X64_SEGMENT_REGISTER *s)
{
    root_printf(" %s={Base=0x%lx Limit=0x%x Selector=0x%x Attributes=0x%x}", name, s->Base, s->Limit, s->Selector,
                s->Attributes);
}

static void print_memory(const WHV_MEMORY_ACCESS_CONTEXT *m)
{
    static const char *const types[] = {"Read", "Write", "Execute", "?"};
    root_printf("AccessType=%s GpaUnmapped=%u GvaValid=%u Gpa=0x%lx Gva=0x%lx", types[m->AccessInfo.AccessType & 3u],
                (unsigned)m->AccessInfo.GpaUnmapped, (unsigned)m->AccessInfo.GvaValid, m->Gpa, m->Gva);
    print_bytes(m->InstructionBytes, m->InstructionByteCount);
}

static void print_port(const WHV_X64_IO_PORT_ACCESS_CONTEXT *p)
{
    root_printf("PortNumber=0x%x IsWrite=%u AccessSize=%u StringOp=%u RepPrefix=%u Rax=0x%lx", p->PortNumber,
                (unsigned)p->AccessInfo.IsWrite, (unsigned)p->AccessInfo.AccessSize, (unsigned)p->AccessInfo.StringOp,
                (unsigned)p->AccessInfo.RepPrefix, p->Rax);
    if (p->AccessInfo.StringOp) {
        root_printf(" Rcx=0x%lx Rsi=0x%lx Rdi=0x%lx", p->Rcx, p->Rsi, p->Rdi);
        print_segment("Ds", &p->Ds);
        print_segment("Es", &p->Es);
        print_bytes(p->InstructionBytes, p->InstructionByteCount);
    }
}

static void print_own_fields(const WHV_RUN_VP_EXIT_CONTEXT *r)
{
    switch (r->ExitReason) {
    case WHvRunVpExitReasonMemoryAccess:
        print_memory(&r->MemoryAccess);
        break;
    case WHvRunVpExitReasonX64IoPortAccess:
        print_port(&r->IoPortAccess);
        break;
    case WHvRunVpExitReasonX64MsrAccess:
        root_printf("MsrNumber=0x%x IsWrite=%u Rax=0x%lx Rdx=0x%lx", r->MsrAccess.MsrNumber,
                    (unsigned)r->MsrAccess.AccessInfo.IsWrite, r->MsrAccess.Rax, r->MsrAccess.Rdx);
        break;
    case WHvRunVpExitReasonX64Cpuid:
        root_printf("Rax=0x%lx Rcx=0x%lx Rdx=0x%lx Rbx=0x%lx DefaultResult={Rax=0x%lx Rcx=0x%lx Rdx=0x%lx Rbx=0x%lx}",
                    r->CpuidAccess.Rax, r->CpuidAccess.Rcx, r->CpuidAccess.Rdx, r->CpuidAccess.Rbx,
                    r->CpuidAccess.DefaultResultRax, r->CpuidAccess.DefaultResultRcx, r->CpuidAccess.DefaultResultRdx,
                    r->CpuidAccess.DefaultResultRbx);
        break;
    case WHvRunVpExitReasonCanceled:
        root_printf("CancelReason=%u", (unsigned)r->CancelReason.CancelReason);
        break;
    default:
        root_printf("(no fields of its own)");
        break;
    }
}

void record_print(const WHV_RUN_VP_EXIT_CONTEXT *r, unsigned indent)
{
    const WHV_VP_EXIT_CONTEXT *v = &r->VpContext;
    for (unsigned i = 0; i < indent; i++) {
        root_printf(" ");
    }
    root_printf("Cpl=%u Cr0Pe=%u Cr0Am=%u EferLma=%u DebugActive=%u InterruptionPending=%u InterruptShadow=%u Cr8=%u",
                (unsigned)v->ExecutionState.Cpl, (unsigned)v->ExecutionState.Cr0Pe, (unsigned)v->ExecutionState.Cr0Am,
                (unsigned)v->ExecutionState.EferLma, (unsigned)v->ExecutionState.DebugActive,
                (unsigned)v->ExecutionState.InterruptionPending, (unsigned)v->ExecutionState.InterruptShadow,
                (unsigned)v->Cr8);
    root_printf(" Rflags=0x%lx", v->Rflags);
    print_segment("Cs", &v->Cs);
    root_printf("\n");
    for (unsigned i = 0; i < indent; i++) {
        root_printf(" ");
    }
    print_own_fields(r);
    root_printf("\n");
}
