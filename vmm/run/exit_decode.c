/* SPDX-License-Identifier: MIT */
/* Meaning of the fields: WHP's documentation and the TLFS; formats of VMX: SDM vol. 3C, chapters 25, 28 and appendix C.
 */
#include "vmm/run/exit_decode.h"

#include <stddef.h>

#include "arch/cpu/cpu.h"
#include "arch/cpu/nospec.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmx.h"

/* Places in exit_snapshot.gpr: WHV_REGISTER_NAME order. */
enum {
    RAX,
    RCX,
    RDX,
    RBX,
    RSI = 6,
    RDI = 7,
};

/* 28.2.1, tables 28-5 and 28-7: exit qualifications */
#define IO_SIZE 7u /* bytes minus 1 */
#define IO_IN (1u << 3)
#define IO_STRING (1u << 4)
#define IO_REP (1u << 5)
#define IO_PORT_SHIFT 16u
#define EPT_DATA_WRITE (1u << 1)
#define EPT_FETCH (1u << 2)
#define EPT_ENTRY_RIGHTS (7u << 3) /* what the translation permits: zero if it does not exist */
#define EPT_LINEAR_VALID (1u << 7)
#define EPT_FINAL_ACCESS (1u << 8) /* clear: the access was to a paging structure of the guest */

#define ACCESS_DPL_SHIFT 5u
#define ACCESS_PRESENT (1u << 7)
#define ACCESS_ATTRIBUTES 0xf0ffu
#define DR7_ENABLES 0xffu /* L0 to G3 */

/* WHV_X64_VP_EXECUTION_STATE */
#define STATE_CR0_PE (1u << 2)
#define STATE_CR0_AM (1u << 3)
#define STATE_EFER_LMA (1u << 4)
#define STATE_DEBUG_ACTIVE (1u << 5)
#define STATE_INTERRUPTION_PENDING (1u << 6)
#define STATE_INTERRUPT_SHADOW (1u << 12)

/* WHV_MEMORY_ACCESS_INFO, WHV_X64_IO_PORT_ACCESS_INFO, WHV_VP_EXCEPTION_INFO */
#define MEMORY_GPA_UNMAPPED (1u << 2)
#define MEMORY_GVA_VALID (1u << 3)
#define PORT_WRITE (1u << 0)
#define PORT_SIZE_SHIFT 1u
#define PORT_STRING (1u << 4)
#define PORT_REP (1u << 5)
#define EXCEPTION_ERROR_CODE (1u << 0)
#define EXCEPTION_SOFTWARE (1u << 1)

typedef void (*fill_fn)(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r);

struct exit_row {
    uint32_t reads;
    WHV_RUN_VP_EXIT_REASON reason;
    fill_fn fill; /* the reason's own context; NULL: it has none */
};

uint16_t exit_segment_attributes(uint32_t access_rights)
{
    uint32_t attributes = access_rights & ACCESS_ATTRIBUTES;
    if ((access_rights & ACCESS_UNUSABLE) != 0) {
        attributes &= ~ACCESS_PRESENT;
    }
    return (uint16_t)attributes;
}

static WHV_X64_SEGMENT_REGISTER segment_register(const struct exit_segment *s)
{
    WHV_X64_SEGMENT_REGISTER r = {.Base = s->base, .Limit = s->limit, .Selector = s->selector};
    r.Attributes = exit_segment_attributes(s->access_rights);
    return r;
}

/* SS.DPL is the CPL in protected mode (25.4.1); CS.DPL is not, in a conforming segment. */
static uint32_t current_privilege(const struct exit_snapshot *s)
{
    if ((s->cr0 & CR0_PE) == 0) {
        return 0;
    }
    return (s->rflags & RFLAGS_VM) != 0 ? 3 : (s->ss_access_rights >> ACCESS_DPL_SHIFT) & 3u;
}

static uint16_t execution_state(const struct exit_snapshot *s)
{
    uint32_t state = current_privilege(s);
    state |= (s->cr0 & CR0_PE) != 0 ? STATE_CR0_PE : 0;
    state |= (s->cr0 & CR0_AM) != 0 ? STATE_CR0_AM : 0;
    state |= (s->entry_controls & ENTRY_IA32E) != 0 ? STATE_EFER_LMA : 0;
    state |= (s->dr7 & DR7_ENABLES) != 0 ? STATE_DEBUG_ACTIVE : 0;
    state |= (s->idt_vectoring_info & INTERRUPTION_VALID) != 0 ? STATE_INTERRUPTION_PENDING : 0;
    state |= (s->interruptibility & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) != 0 ? STATE_INTERRUPT_SHADOW : 0;
    return (uint16_t)state;
}

static uint64_t next_rip(const struct exit_snapshot *s)
{
    uint64_t next = s->rip + s->instruction_length;
    bool code64 = (s->entry_controls & ENTRY_IA32E) != 0 && (s->cs.access_rights & ACCESS_LONG) != 0;
    return code64 ? next : (uint32_t)next;
}

/* WHP promises the length for these alone; for the others no client uses it, and it reads as 0. */
static bool has_length(WHV_RUN_VP_EXIT_REASON reason)
{
    return reason == WHvRunVpExitReasonX64Cpuid || reason == WHvRunVpExitReasonX64IoPortAccess ||
           reason == WHvRunVpExitReasonX64MsrAccess || reason == WHvRunVpExitReasonX64Rdtsc ||
           reason == WHvRunVpExitReasonHypercall;
}

static void begin_record(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_REASON reason, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    memset(r, 0, sizeof(*r));
    r->ExitReason = reason;
    r->VpContext.ExecutionState.AsUINT16 = execution_state(s);
    r->VpContext.InstructionLength = has_length(reason) ? s->instruction_length & 15u : 0;
    r->VpContext.Cr8 = s->cr8 & 15u;
    r->VpContext.Cs = segment_register(&s->cs);
    r->VpContext.Rip = s->rip;
    r->VpContext.Rflags = s->rflags;
    if (reason == WHvRunVpExitReasonX64Halt) {
        /* The one record that shows the state after its instruction; a shadow of STI covered that instruction. */
        r->VpContext.Rip = next_rip(s);
        r->VpContext.ExecutionState.AsUINT16 = execution_state(s) & (uint16_t)~STATE_INTERRUPT_SHADOW;
    }
}

static uint8_t copy_bytes(const struct exit_snapshot *s, uint8_t *to)
{
    if (!exit_wants_bytes(s)) {
        return 0;
    }
    uint8_t count = s->instruction_byte_count;
    count = count < EXIT_INSTRUCTION_BYTES ? count : EXIT_INSTRUCTION_BYTES;
    memcpy(to, s->instruction_bytes, count);
    return count;
}

static WHV_MEMORY_ACCESS_TYPE memory_access_type(uint64_t qualification)
{
    if ((qualification & EPT_DATA_WRITE) != 0) {
        return WHvMemoryAccessWrite; /* a read-modify-write sets the read bit too */
    }
    return (qualification & EPT_FETCH) != 0 ? WHvMemoryAccessExecute : WHvMemoryAccessRead;
}

static void fill_memory(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    const uint64_t gva_bits = EPT_LINEAR_VALID | EPT_FINAL_ACCESS;
    bool gva_valid = (s->qualification & gva_bits) == gva_bits;
    uint32_t info = (uint32_t)memory_access_type(s->qualification);
    info |= (s->qualification & EPT_ENTRY_RIGHTS) == 0 ? MEMORY_GPA_UNMAPPED : 0;
    info |= gva_valid ? MEMORY_GVA_VALID : 0;
    WHV_MEMORY_ACCESS_CONTEXT *m = &r->MemoryAccess;
    m->InstructionByteCount = copy_bytes(s, m->InstructionBytes);
    m->AccessInfo.AsUINT32 = info;
    m->Gpa = s->guest_physical;
    m->Gva = gva_valid ? s->guest_linear : 0;
}

/*
 * The fields that only string instructions use stay zero for IN and OUT, as in Hyper-V's own message: the segments
 * would cost eight VMREADs on the hottest exit.
 */
static void fill_io(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    uint32_t q = (uint32_t)s->qualification;
    WHV_X64_IO_PORT_ACCESS_CONTEXT *io = &r->IoPortAccess;
    uint32_t info = ((q & IO_SIZE) + 1) << PORT_SIZE_SHIFT;
    info |= (q & IO_IN) == 0 ? PORT_WRITE : 0;
    if ((q & IO_STRING) != 0) {
        info |= PORT_STRING | ((q & IO_REP) != 0 ? PORT_REP : 0);
        io->InstructionByteCount = copy_bytes(s, io->InstructionBytes);
        io->Rcx = s->gpr[RCX];
        io->Rsi = s->gpr[RSI];
        io->Rdi = s->gpr[RDI];
        io->Ds = segment_register(&s->ds);
        io->Es = segment_register(&s->es);
    }
    io->AccessInfo.AsUINT32 = info;
    io->PortNumber = (uint16_t)(q >> IO_PORT_SHIFT);
    io->Rax = s->gpr[RAX];
}

static void fill_cpuid(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    r->CpuidAccess = (WHV_X64_CPUID_ACCESS_CONTEXT){
        .Rax = s->gpr[RAX],
        .Rcx = s->gpr[RCX],
        .Rdx = s->gpr[RDX],
        .Rbx = s->gpr[RBX],
        .DefaultResultRax = s->cpuid_default.rax,
        .DefaultResultRcx = s->cpuid_default.rcx,
        .DefaultResultRdx = s->cpuid_default.rdx,
        .DefaultResultRbx = s->cpuid_default.rbx,
    };
}

static void fill_msr(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    r->MsrAccess.AccessInfo.AsUINT32 = s->reason == VMX_EXIT_WRMSR ? 1 : 0;
    r->MsrAccess.MsrNumber = (uint32_t)s->gpr[RCX];
    r->MsrAccess.Rax = s->gpr[RAX];
    r->MsrAccess.Rdx = s->gpr[RDX];
}

static void fill_rdtsc(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    r->ReadTsc.TscAux = s->rdtsc.tsc_aux;
    r->ReadTsc.VirtualOffset = s->rdtsc.offset;
    r->ReadTsc.Tsc = s->rdtsc.tsc;
    r->ReadTsc.ReferenceTime = s->rdtsc.reference;
    r->ReadTsc.RdtscInfo.AsUINT64 = s->reason == VMX_EXIT_RDTSCP ? 1 : 0;
}

static void fill_hypercall(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    WHV_HYPERCALL_CONTEXT *h = &r->Hypercall;
    h->Rax = s->gpr[RAX];
    h->Rbx = s->gpr[RBX];
    h->Rcx = s->gpr[RCX];
    h->Rdx = s->gpr[RDX];
    h->R8 = s->gpr[8];
    h->Rsi = s->gpr[RSI];
    h->Rdi = s->gpr[RDI];
    memcpy(h->XmmRegisters, s->xmm, sizeof(h->XmmRegisters));
}

static void fill_exception(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    WHV_VP_EXCEPTION_CONTEXT *e = &r->VpException;
    uint32_t type = (s->interruption_info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    uint8_t vector = s->interruption_info & INTERRUPTION_VECTOR;
    bool software = type == INTERRUPTION_SOFTWARE_EXCEPTION || type == INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION;
    uint32_t info = software ? EXCEPTION_SOFTWARE : 0;
    /* In real mode there is none (SDM vol. 3C, 25.9.2), but Bochs 2.7 says so. */
    if ((s->interruption_info & INTERRUPTION_ERROR_CODE) != 0 && (s->cr0 & CR0_PE) != 0) {
        info |= EXCEPTION_ERROR_CODE;
        e->ErrorCode = s->interruption_error;
    }
    e->InstructionByteCount = copy_bytes(s, e->InstructionBytes);
    e->ExceptionInfo.AsUINT32 = info;
    e->ExceptionType = vector;
    if (vector == VECTOR_PF || (vector == VECTOR_DB && !software)) { /* INT1 has no cause */
        e->ExceptionParameter = s->qualification;                    /* what delivery would put into CR2, or into DR6 */
    }
}

static void fill_interrupt_window(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    r->InterruptWindow.DeliverableType = s->reason == VMX_EXIT_NMI_WINDOW ? WHvX64PendingNmi : WHvX64PendingInterrupt;
}

/*
 * WHP names the type of the new TSS as parameter, without saying how it is coded. Here it is the exit qualification:
 * the selector of that TSS in bits 15:0, what asked for the switch in bits 31:30 (SDM vol. 3C, table 28-2).
 */
#define TASK_SOURCE_SHIFT 30u /* SDM vol. 3C, table 28-2 */
#define TASK_SOURCE_GATE 3u

static void fill_task_switch(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    r->UnsupportedFeature.FeatureCode = WHvUnsupportedFeatureTaskSwitchTss;
    r->UnsupportedFeature.FeatureParameter = s->qualification;
    if ((s->qualification >> TASK_SOURCE_SHIFT & 3u) != TASK_SOURCE_GATE) { /* there PendingInterruption has it */
        r->VpContext.InstructionLength = s->instruction_length & 15u;
    }
}

static void fill_unexpected(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    r->UnsupportedFeature.FeatureCode = WHvUnsupportedFeatureIntercept;
    r->UnsupportedFeature.FeatureParameter = s->reason;
}

static const struct exit_row exit_rows[] = {
    [VMX_EXIT_EXCEPTION_NMI] = {EXIT_READ_INTERRUPTION | EXIT_READ_QUALIFICATION | EXIT_READ_BYTES,
                                WHvRunVpExitReasonException, fill_exception},
    [VMX_EXIT_TRIPLE_FAULT] = {0, WHvRunVpExitReasonUnrecoverableException, NULL},
    [VMX_EXIT_INTERRUPT_WINDOW] = {0, WHvRunVpExitReasonX64InterruptWindow, fill_interrupt_window},
    [VMX_EXIT_NMI_WINDOW] = {0, WHvRunVpExitReasonX64InterruptWindow, fill_interrupt_window},
    [VMX_EXIT_TASK_SWITCH] = {EXIT_READ_LENGTH | EXIT_READ_QUALIFICATION, WHvRunVpExitReasonUnsupportedFeature,
                              fill_task_switch},
    [VMX_EXIT_CPUID] = {EXIT_READ_LENGTH, WHvRunVpExitReasonX64Cpuid, fill_cpuid},
    [VMX_EXIT_HLT] = {EXIT_READ_LENGTH, WHvRunVpExitReasonX64Halt, NULL},
    [VMX_EXIT_IO] = {EXIT_READ_LENGTH | EXIT_READ_QUALIFICATION | EXIT_READ_STRING_IO | EXIT_READ_BYTES,
                     WHvRunVpExitReasonX64IoPortAccess, fill_io},
    [VMX_EXIT_RDTSC] = {EXIT_READ_LENGTH, WHvRunVpExitReasonX64Rdtsc, fill_rdtsc},
    [VMX_EXIT_RDTSCP] = {EXIT_READ_LENGTH, WHvRunVpExitReasonX64Rdtsc, fill_rdtsc},
    [VMX_EXIT_VMCALL] = {EXIT_READ_LENGTH, WHvRunVpExitReasonHypercall, fill_hypercall},
    [VMX_EXIT_RDMSR] = {EXIT_READ_LENGTH, WHvRunVpExitReasonX64MsrAccess, fill_msr},
    [VMX_EXIT_WRMSR] = {EXIT_READ_LENGTH, WHvRunVpExitReasonX64MsrAccess, fill_msr},
    [VMX_EXIT_INVALID_GUEST_STATE] = {0, WHvRunVpExitReasonInvalidVpRegisterValue, NULL},
    [VMX_EXIT_EPT_VIOLATION] = {EXIT_READ_QUALIFICATION | EXIT_READ_GUEST_PHYSICAL | EXIT_READ_GUEST_LINEAR |
                                    EXIT_READ_BYTES,
                                WHvRunVpExitReasonMemoryAccess, fill_memory},
};
#define EXIT_ROWS (sizeof(exit_rows) / sizeof(exit_rows[0]))

/* NULL: no record exists for this exit. Rows that are left out have reason 0, which is no record's. */
static const struct exit_row *find_row(uint32_t reason)
{
    if (reason >= EXIT_ROWS || exit_rows[reason].reason == WHvRunVpExitReasonNone) {
        return NULL;
    }
    return &exit_rows[index_nospec(reason, EXIT_ROWS)];
}

uint32_t exit_reads(uint32_t reason)
{
    const struct exit_row *row = find_row(reason);
    return EXIT_READ_COMMON | (row != NULL ? row->reads : 0);
}

bool exit_wants_bytes(const struct exit_snapshot *s)
{
    if ((exit_reads(s->reason) & EXIT_READ_BYTES) == 0 || (s->idt_vectoring_info & INTERRUPTION_VALID) != 0) {
        return false;
    }
    if (s->reason == VMX_EXIT_IO) {
        return (s->qualification & IO_STRING) != 0;
    }
    return s->reason != VMX_EXIT_EPT_VIOLATION || memory_access_type(s->qualification) != WHvMemoryAccessExecute;
}

enum exit_verdict exit_decode(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    const struct exit_row *row = find_row(s->reason);
    if (row == NULL) {
        begin_record(s, WHvRunVpExitReasonUnsupportedFeature, r);
        fill_unexpected(s, r);
        return EXIT_UNEXPECTED;
    }
    begin_record(s, row->reason, r);
    if (row->fill != NULL) {
        row->fill(s, r);
    }
    return EXIT_RECORD_DONE;
}

void exit_record_canceled(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    begin_record(s, WHvRunVpExitReasonCanceled, r);
    r->CancelReason.CancelReason = WHvRunVpCancelReasonUser;
}

void exit_record_apic_access(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_REASON reason, uint32_t type,
                             uint64_t value, WHV_RUN_VP_EXIT_CONTEXT *r)
{
    begin_record(s, reason, r);
    switch (reason) {
    case WHvRunVpExitReasonX64ApicEoi:
        r->ApicEoi.InterruptVector = (uint32_t)value;
        break;
    case WHvRunVpExitReasonX64ApicSmiTrap:
        r->ApicSmi.ApicIcr = value;
        break;
    case WHvRunVpExitReasonX64ApicInitSipiTrap:
        r->ApicInitSipi.ApicIcr = value;
        break;
    default:
        r->ApicWrite.Type = (WHV_X64_APIC_WRITE_TYPE)type;
        r->ApicWrite.WriteValue = value;
    }
}
