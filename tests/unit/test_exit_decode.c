/* SPDX-License-Identifier: MIT */
/* sources: vmm/run/exit_decode.c */
#include <string.h>

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmx.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/run/exit_decode.h"

#define RIP 0xffffffff81001234ull
#define RFLAGS 0x10246ull
#define QUALIFICATION_WRITE (1u << 1)
#define QUALIFICATION_FETCH (1u << 2)
#define QUALIFICATION_READABLE (1u << 3)
#define QUALIFICATION_LINEAR (1u << 7)
#define QUALIFICATION_FINAL (1u << 8)
#define IO_IN (1u << 3)
#define IO_STRING (1u << 4)
#define IO_REP (1u << 5)

static const uint64_t registers[16] = {
    0xaaaa0000deadbeef, 0xcccc0000c0000080, 0xdddd000000000001, 0xbbbb, 0x1111, 0x2222,
    0x5555000000001000, 0x6666000000002000};

/* An exit in 64-bit mode at CPL 3, with bytes fetched and a value in every field that only some reasons use. */
static uint8_t xmm_registers[96];

static struct exit_snapshot make_snapshot(uint32_t reason)
{
    struct exit_snapshot s = {
        .reason = reason,
        .instruction_length = 3,
        .idt_vectoring_info = 0x30d, /* the valid bit is clear */
        .rip = RIP,
        .rflags = RFLAGS,
        .cr0 = CR0_PE | CR0_PG | CR0_AM,
        .entry_controls = ENTRY_IA32E,
        .dr7 = 0x400,
        .ss_access_rights = 0xc0f3,
        .cs = {.base = 0, .limit = 0xffffffff, .selector = 0x33, .access_rights = 0xa0fb},
        .ds = {.base = 0x1000, .limit = 0xfffff, .selector = 0x2b, .access_rights = 0xc0f3},
        .es = {.base = 0x2000, .limit = 0xffff, .selector = 0, .access_rights = 0x1c0f3},
        .cr8 = 9,
        .gpr = registers,
        .xmm = xmm_registers,
        .guest_physical = 0x12345678,
        .guest_linear = 0xffff800000001678,
        .instruction_byte_count = 15,
        .interruption_error = 0x1bad,
        .cpuid_default = {.rax = 1, .rcx = 2, .rdx = 3, .rbx = 4},
    };
    for (unsigned i = 0; i < sizeof(s.instruction_bytes); i++) {
        s.instruction_bytes[i] = (uint8_t)(0xa0 + i);
    }
    return s;
}

/* Decodes into memory that was not clean, and checks what every record has in common. */
static WHV_RUN_VP_EXIT_CONTEXT decode(const struct exit_snapshot *s, WHV_RUN_VP_EXIT_REASON reason)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    memset(&r, 0xee, sizeof(r));
    assert_int_equal(exit_decode(s, &r), EXIT_RECORD_DONE);
    assert_int_equal(r.ExitReason, reason);
    assert_int_equal(r.Reserved, 0);
    assert_int_equal(r.VpContext.Reserved, 0);
    assert_int_equal(r.VpContext.Reserved2, 0);
    assert_int_equal(r.VpContext.Cr8, s->cr8);
    assert_int_equal(r.VpContext.Rflags, s->rflags);
    assert_int_equal(r.VpContext.Cs.Selector, s->cs.selector);
    assert_int_equal(r.VpContext.Cs.Limit, s->cs.limit);
    assert_int_equal(r.VpContext.Cs.Base, s->cs.base);
    assert_int_equal(r.VpContext.Cs.Attributes, s->cs.access_rights & 0xf0ff);
    return r;
}

static void assert_union_zero_from(const WHV_RUN_VP_EXIT_CONTEXT *r, size_t offset)
{
    const uint8_t *bytes = (const uint8_t *)r;
    for (size_t i = 48 + offset; i < sizeof(*r); i++) {
        assert_int_equal(bytes[i], 0);
    }
}

static uint16_t state_of(const struct exit_snapshot *s)
{
    return decode(s, WHvRunVpExitReasonX64Cpuid).VpContext.ExecutionState.AsUINT16;
}

static void test_execution_state(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_CPUID);
    assert_int_equal(state_of(&s), 3 | 1 << 2 | 1 << 3 | 1 << 4);
    s.ss_access_rights = 0x1c093; /* unusable, DPL 0, as after SYSCALL with a null SS */
    s.cs.access_rights = 0xa0ff;  /* conforming, DPL 3 */
    assert_int_equal(state_of(&s) & 3, 0);
    s.cr0 = CR0_PE;
    s.entry_controls = 0;
    assert_int_equal(state_of(&s), 1 << 2);
    s.interruptibility = BLOCKING_BY_NMI;
    s.dr7 = 0x2700; /* conditions, but no breakpoint enabled */
    assert_int_equal(state_of(&s), 1 << 2);
    s.interruptibility = BLOCKING_BY_STI;
    assert_int_equal(state_of(&s), 1 << 2 | 1 << 12);
    s.interruptibility = BLOCKING_BY_MOV_SS;
    assert_int_equal(state_of(&s), 1 << 2 | 1 << 12);
    s.interruptibility = 0;
    s.dr7 = 0x480;
    assert_int_equal(state_of(&s), 1 << 2 | 1 << 5);
    s.dr7 = 0x400;
    s.idt_vectoring_info = 0x80000b0e;
    assert_int_equal(state_of(&s), 1 << 2 | 1 << 6);
}

static void test_privilege_outside_protected_mode(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_CPUID);
    s.entry_controls = 0;
    s.cr0 = 0;
    s.ss_access_rights = 0xf3;
    assert_int_equal(state_of(&s), 0); /* real mode: whatever SS says */
    s.cr0 = CR0_PE;
    s.ss_access_rights = 0x93;
    s.rflags = RFLAGS_VM | RFLAGS_FIXED;
    assert_int_equal(state_of(&s) & 3, 3);
}

static void test_memory_access(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_EPT_VIOLATION);
    s.qualification = 1 | QUALIFICATION_LINEAR | QUALIFICATION_FINAL;
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonMemoryAccess);
    assert_int_equal(r.VpContext.Rip, RIP);
    assert_int_equal(r.VpContext.InstructionLength, 0);
    assert_int_equal(r.MemoryAccess.AccessInfo.AsUINT32, WHvMemoryAccessRead | 1 << 2 | 1 << 3);
    assert_int_equal(r.MemoryAccess.Gpa, 0x12345678);
    assert_int_equal(r.MemoryAccess.Gva, 0xffff800000001678);
    assert_int_equal(r.MemoryAccess.InstructionByteCount, 15);
    assert_memory_equal(r.MemoryAccess.InstructionBytes, s.instruction_bytes, 15);
    assert_int_equal(r.MemoryAccess.InstructionBytes[15], 0);
    assert_union_zero_from(&r, 40);
}

static void test_memory_access_types(void **state)
{
    static const struct {
        uint32_t qualification, info;
    } cases[] = {
        {QUALIFICATION_WRITE, WHvMemoryAccessWrite | 1 << 2},
        {1 | QUALIFICATION_WRITE, WHvMemoryAccessWrite | 1 << 2},
        {QUALIFICATION_FETCH, WHvMemoryAccessExecute | 1 << 2},
        {QUALIFICATION_WRITE | QUALIFICATION_READABLE, WHvMemoryAccessWrite},
        {QUALIFICATION_FETCH | 1u << 4, WHvMemoryAccessExecute},
        {1 | 1u << 5, WHvMemoryAccessRead},
        {1 | QUALIFICATION_LINEAR, WHvMemoryAccessRead | 1 << 2}, /* the guest's page walk */
        {1 | QUALIFICATION_FINAL, WHvMemoryAccessRead | 1 << 2},  /* undefined by the SDM, so no address */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exit_snapshot s = make_snapshot(VMX_EXIT_EPT_VIOLATION);
        s.qualification = cases[i].qualification;
        WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonMemoryAccess);
        assert_int_equal(r.MemoryAccess.AccessInfo.AsUINT32, cases[i].info);
        assert_int_equal(r.MemoryAccess.Gva, 0);
        bool execute = (cases[i].info & 3) == WHvMemoryAccessExecute;
        assert_int_equal(r.MemoryAccess.InstructionByteCount, execute ? 0 : 15);
        assert_int_equal(exit_wants_bytes(&s), !execute);
    }
}

static void test_memory_access_during_delivery_has_no_bytes(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_EPT_VIOLATION);
    s.qualification = 1 | QUALIFICATION_LINEAR | QUALIFICATION_FINAL;
    s.idt_vectoring_info = INTERRUPTION_VALID | 0x40;
    assert_false(exit_wants_bytes(&s));
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonMemoryAccess);
    assert_int_equal(r.VpContext.ExecutionState.InterruptionPending, 1);
    assert_int_equal(r.MemoryAccess.InstructionByteCount, 0);
    assert_int_equal(r.MemoryAccess.InstructionBytes[0], 0);
    assert_int_equal(r.MemoryAccess.Gva, s.guest_linear);
}

static void test_simple_io(void **state)
{
    (void)state;
    for (uint32_t size = 1; size <= 4; size *= 2) {
        for (uint32_t in = 0; in < 2; in++) {
            struct exit_snapshot s = make_snapshot(VMX_EXIT_IO);
            s.qualification = 0xcfc0000u | (size - 1) | (in != 0 ? IO_IN : 0) | IO_REP; /* REP means nothing here */
            assert_false(exit_wants_bytes(&s));
            WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonX64IoPortAccess);
            assert_int_equal(r.VpContext.Rip, RIP);
            assert_int_equal(r.VpContext.InstructionLength, 3);
            assert_int_equal(r.IoPortAccess.AccessInfo.AsUINT32, (in == 0 ? 1 : 0) | size << 1);
            assert_int_equal(r.IoPortAccess.PortNumber, 0xcfc);
            assert_int_equal(r.IoPortAccess.Rax, registers[0]);
            r.IoPortAccess.AccessInfo.AsUINT32 = 0;
            r.IoPortAccess.PortNumber = 0;
            r.IoPortAccess.Rax = 0;
            assert_union_zero_from(&r, 0);
        }
    }
}

static void test_string_io(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_IO);
    s.qualification = 0x1f00001u | IO_IN | IO_STRING | IO_REP;
    assert_true(exit_wants_bytes(&s));
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonX64IoPortAccess);
    const WHV_X64_IO_PORT_ACCESS_CONTEXT *io = &r.IoPortAccess;
    assert_int_equal(io->AccessInfo.AsUINT32, 2 << 1 | 1 << 4 | 1 << 5);
    assert_int_equal(io->PortNumber, 0x1f0);
    assert_int_equal(io->InstructionByteCount, 15);
    assert_memory_equal(io->InstructionBytes, s.instruction_bytes, 15);
    assert_int_equal(io->Rcx, registers[1]);
    assert_int_equal(io->Rsi, registers[6]);
    assert_int_equal(io->Rdi, registers[7]);
    assert_int_equal(io->Ds.Base, 0x1000);
    assert_int_equal(io->Ds.Limit, 0xfffff);
    assert_int_equal(io->Ds.Selector, 0x2b);
    assert_int_equal(io->Ds.Attributes, 0xc0f3);
    assert_int_equal(io->Es.Base, 0x2000);
    assert_int_equal(io->Es.Attributes, 0xc073); /* unusable: not present */
    assert_union_zero_from(&r, 96);
    s.qualification &= ~(uint64_t)IO_REP;
    assert_int_equal(decode(&s, WHvRunVpExitReasonX64IoPortAccess).IoPortAccess.AccessInfo.RepPrefix, 0);
}

static void test_halt(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_HLT);
    s.instruction_length = 1;
    s.interruptibility = BLOCKING_BY_STI;
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonX64Halt);
    assert_int_equal(r.VpContext.Rip, RIP + 1);
    assert_int_equal(r.VpContext.InstructionLength, 0);
    assert_int_equal(r.VpContext.ExecutionState.InterruptShadow, 0);
    assert_union_zero_from(&r, 0);
    s.rip = 0xffffffff;
    s.cs.access_rights = 0xc0fb; /* compatibility mode */
    assert_int_equal(decode(&s, WHvRunVpExitReasonX64Halt).VpContext.Rip, 0);
    s.cs.access_rights = 0xa0fb;
    assert_int_equal(decode(&s, WHvRunVpExitReasonX64Halt).VpContext.Rip, 0x100000000);
    s.entry_controls = 0; /* the L bit means nothing outside long mode */
    assert_int_equal(decode(&s, WHvRunVpExitReasonX64Halt).VpContext.Rip, 0);
}

static void test_cpuid(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_CPUID);
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonX64Cpuid);
    assert_int_equal(r.VpContext.InstructionLength, 3); /* a prefix counts */
    assert_int_equal(r.VpContext.Rip, RIP);
    assert_int_equal(r.CpuidAccess.Rax, registers[0]);
    assert_int_equal(r.CpuidAccess.Rcx, registers[1]);
    assert_int_equal(r.CpuidAccess.Rdx, registers[2]);
    assert_int_equal(r.CpuidAccess.Rbx, registers[3]);
    assert_int_equal(r.CpuidAccess.DefaultResultRax, 1);
    assert_int_equal(r.CpuidAccess.DefaultResultRcx, 2);
    assert_int_equal(r.CpuidAccess.DefaultResultRdx, 3);
    assert_int_equal(r.CpuidAccess.DefaultResultRbx, 4);
    assert_union_zero_from(&r, 64);
}

static void test_msr(void **state)
{
    (void)state;
    for (uint32_t write = 0; write < 2; write++) {
        struct exit_snapshot s = make_snapshot(write != 0 ? VMX_EXIT_WRMSR : VMX_EXIT_RDMSR);
        WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonX64MsrAccess);
        assert_int_equal(r.VpContext.InstructionLength, 3);
        assert_int_equal(r.MsrAccess.AccessInfo.AsUINT32, write);
        assert_int_equal(r.MsrAccess.MsrNumber, 0xc0000080);
        assert_int_equal(r.MsrAccess.Rax, registers[0]);
        assert_int_equal(r.MsrAccess.Rdx, registers[2]);
        assert_union_zero_from(&r, 24);
    }
}

static void test_reasons_without_context(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_TRIPLE_FAULT);
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonUnrecoverableException);
    assert_int_equal(r.VpContext.Rip, RIP);
    assert_int_equal(r.VpContext.InstructionLength, 0);
    assert_union_zero_from(&r, 0);
    s.reason = VMX_EXIT_INVALID_GUEST_STATE;
    r = decode(&s, WHvRunVpExitReasonInvalidVpRegisterValue);
    assert_int_equal(r.VpContext.Rip, RIP);
    assert_union_zero_from(&r, 0);
}

static void test_rdtsc(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_RDTSC);
    s.instruction_length = 2;
    s.rdtsc.tsc_aux = 1;
    s.rdtsc.offset = 2;
    s.rdtsc.tsc = 3;
    s.rdtsc.reference = 4;
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonX64Rdtsc);
    assert_int_equal(r.VpContext.InstructionLength, 2);
    assert_int_equal(r.ReadTsc.TscAux, 1);
    assert_int_equal(r.ReadTsc.VirtualOffset, 2);
    assert_int_equal(r.ReadTsc.Tsc, 3);
    assert_int_equal(r.ReadTsc.ReferenceTime, 4);
    assert_int_equal(r.ReadTsc.RdtscInfo.AsUINT64, 0);
    assert_union_zero_from(&r, 40);
    s.reason = VMX_EXIT_RDTSCP;
    s.instruction_length = 3;
    r = decode(&s, WHvRunVpExitReasonX64Rdtsc);
    assert_int_equal(r.VpContext.InstructionLength, 3);
    assert_int_equal(r.ReadTsc.RdtscInfo.AsUINT64, 1);
}

static void test_hypercall(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(xmm_registers); i++) {
        xmm_registers[i] = (uint8_t)i;
    }
    struct exit_snapshot s = make_snapshot(VMX_EXIT_VMCALL);
    s.instruction_length = 3;
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonHypercall);
    assert_int_equal(r.VpContext.InstructionLength, 3);
    assert_int_equal(r.Hypercall.Rax, registers[0]);
    assert_int_equal(r.Hypercall.Rcx, registers[1]);
    assert_int_equal(r.Hypercall.Rdx, registers[2]);
    assert_int_equal(r.Hypercall.Rbx, registers[3]);
    assert_int_equal(r.Hypercall.Rsi, registers[6]);
    assert_int_equal(r.Hypercall.Rdi, registers[7]);
    assert_int_equal(r.Hypercall.R8, registers[8]);
    assert_memory_equal(r.Hypercall.XmmRegisters, xmm_registers, 96);
    assert_union_zero_from(&r, 160);
}

static void test_task_switch(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_TASK_SWITCH);
    s.qualification = 0x80000028;
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonUnsupportedFeature);
    assert_int_equal(r.UnsupportedFeature.FeatureCode, WHvUnsupportedFeatureTaskSwitchTss);
    assert_int_equal(r.UnsupportedFeature.FeatureParameter, 0x80000028);
    assert_int_equal(r.VpContext.InstructionLength, s.instruction_length);
    assert_union_zero_from(&r, 16);
    s.qualification = 0xc0000028; /* a gate: the event has its length */
    assert_int_equal(decode(&s, WHvRunVpExitReasonUnsupportedFeature).VpContext.InstructionLength, 0);
}

static void test_exceptions(void **state)
{
    static const struct {
        uint32_t info, exception_info;
        uint64_t parameter;
    } cases[] = {
        {0x80000b0e, 1, 0x1234}, /* #PF with error code */
        {0x80000301, 0, 0x1234}, /* #DB by hardware */
        {0x80000501, 2, 0},      /* INT1, which has no cause */
        {0x80000603, 2, 0},      /* INT3 */
        {0x80000b0d, 1, 0},      /* #GP */
        {0x80000306, 0, 0},      /* #UD */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exit_snapshot s = make_snapshot(VMX_EXIT_EXCEPTION_NMI);
        s.interruption_info = cases[i].info;
        s.qualification = 0x1234;
        WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonException);
        assert_int_equal(r.VpContext.InstructionLength, 0);
        assert_int_equal(r.VpException.ExceptionType, cases[i].info & 0xff);
        assert_int_equal(r.VpException.ExceptionInfo.AsUINT32, cases[i].exception_info);
        assert_int_equal(r.VpException.ErrorCode, (cases[i].exception_info & 1) != 0 ? 0x1bad : 0);
        assert_int_equal(r.VpException.ExceptionParameter, cases[i].parameter);
        assert_int_equal(r.VpException.InstructionByteCount, 15);
        assert_union_zero_from(&r, 40);
    }
    struct exit_snapshot s = make_snapshot(VMX_EXIT_EXCEPTION_NMI);
    s.interruption_info = 0x80000b0d; /* as Bochs 2.7 says it in real mode, which has no error codes */
    s.cr0 = 0;
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonException);
    assert_int_equal(r.VpException.ExceptionInfo.AsUINT32, 0);
    assert_int_equal(r.VpException.ErrorCode, 0);
}

static void test_interrupt_windows(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_INTERRUPT_WINDOW);
    WHV_RUN_VP_EXIT_CONTEXT r = decode(&s, WHvRunVpExitReasonX64InterruptWindow);
    assert_int_equal(r.InterruptWindow.DeliverableType, WHvX64PendingInterrupt);
    assert_union_zero_from(&r, 4);
    s.reason = VMX_EXIT_NMI_WINDOW;
    r = decode(&s, WHvRunVpExitReasonX64InterruptWindow);
    assert_int_equal(r.InterruptWindow.DeliverableType, WHvX64PendingNmi);
}

static void test_canceled(void **state)
{
    (void)state;
    struct exit_snapshot s = make_snapshot(VMX_EXIT_HLT); /* the reason must not matter */
    s.interruptibility = BLOCKING_BY_MOV_SS;
    WHV_RUN_VP_EXIT_CONTEXT r;
    memset(&r, 0xee, sizeof(r));
    exit_record_canceled(&s, &r);
    assert_int_equal(r.ExitReason, WHvRunVpExitReasonCanceled);
    assert_int_equal(r.VpContext.Rip, RIP);
    assert_int_equal(r.VpContext.Rflags, RFLAGS);
    assert_int_equal(r.VpContext.Cr8, 9);
    assert_int_equal(r.VpContext.InstructionLength, 0);
    assert_int_equal(r.VpContext.ExecutionState.InterruptShadow, 1);
    assert_int_equal(r.CancelReason.CancelReason, WHvRunVpCancelReasonUser);
    assert_union_zero_from(&r, 4);
}

/* Every reason number: the record is complete, and a reason without a record of its own says which one it was. */
static void test_every_reason(void **state)
{
    static const uint8_t known[] = {0, 2, 7, 8, 9, 10, 12, 16, 18, 30, 31, 32, 33, 48, 51};
    (void)state;
    for (uint32_t reason = 0; reason <= 0xffff; reason++) {
        struct exit_snapshot s = make_snapshot(reason);
        WHV_RUN_VP_EXIT_CONTEXT r;
        memset(&r, 0xee, sizeof(r));
        enum exit_verdict verdict = exit_decode(&s, &r);
        assert_int_not_equal(r.ExitReason, WHvRunVpExitReasonNone);
        assert_true((exit_reads(reason) & EXIT_READ_COMMON) != 0);
        if (reason < 64 && memchr(known, (int)reason, sizeof(known)) != NULL) {
            assert_int_equal(verdict, EXIT_RECORD_DONE);
            continue;
        }
        assert_int_equal(verdict, EXIT_UNEXPECTED);
        assert_int_equal(exit_reads(reason), EXIT_READ_COMMON);
        assert_int_equal(r.ExitReason, WHvRunVpExitReasonUnsupportedFeature);
        assert_int_equal(r.UnsupportedFeature.FeatureCode, WHvUnsupportedFeatureIntercept);
        assert_int_equal(r.UnsupportedFeature.FeatureParameter, reason);
    }
}

/* A record must not depend on a field that its row does not name: the caller has not read it. */
static void test_records_depend_on_their_row_alone(void **state)
{
    (void)state;
    for (uint32_t reason = 0; reason < 70; reason++) {
        struct exit_snapshot a = make_snapshot(reason), b = a;
        uint32_t reads = exit_reads(reason);
        a.qualification = b.qualification = 0x3f80198; /* a string instruction; a read with a linear address */
#define DISTURB(group, field)                                                                                          \
    if ((reads & (group)) == 0) {                                                                                      \
        memset(&b.field, 0x5a, sizeof(b.field));                                                                       \
    }
        DISTURB(EXIT_READ_LENGTH, instruction_length)
        DISTURB(EXIT_READ_QUALIFICATION, qualification)
        DISTURB(EXIT_READ_GUEST_PHYSICAL, guest_physical)
        DISTURB(EXIT_READ_GUEST_LINEAR, guest_linear)
        DISTURB(EXIT_READ_INTERRUPTION, interruption_info)
        DISTURB(EXIT_READ_INTERRUPTION, interruption_error)
        DISTURB(EXIT_READ_STRING_IO, ds)
        DISTURB(EXIT_READ_STRING_IO, es)
        DISTURB(EXIT_READ_BYTES, instruction_byte_count)
        DISTURB(EXIT_READ_BYTES, instruction_bytes)
#undef DISTURB
        WHV_RUN_VP_EXIT_CONTEXT ra, rb;
        (void)exit_decode(&a, &ra);
        (void)exit_decode(&b, &rb);
        assert_memory_equal(&ra, &rb, sizeof(ra));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_execution_state),
        cmocka_unit_test(test_privilege_outside_protected_mode),
        cmocka_unit_test(test_memory_access),
        cmocka_unit_test(test_memory_access_types),
        cmocka_unit_test(test_memory_access_during_delivery_has_no_bytes),
        cmocka_unit_test(test_simple_io),
        cmocka_unit_test(test_string_io),
        cmocka_unit_test(test_halt),
        cmocka_unit_test(test_cpuid),
        cmocka_unit_test(test_msr),
        cmocka_unit_test(test_reasons_without_context),
        cmocka_unit_test(test_rdtsc),
        cmocka_unit_test(test_hypercall),
        cmocka_unit_test(test_task_switch),
        cmocka_unit_test(test_exceptions),
        cmocka_unit_test(test_interrupt_windows),
        cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_every_reason),
        cmocka_unit_test(test_records_depend_on_their_row_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
