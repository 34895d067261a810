/* SPDX-License-Identifier: MIT */
/* UnrecoverableException tells the exceptions that led to the triple fault, each time anew. */
#include "tests/scenarios/records.h"

#define UNMAPPED 0x80000000u /* beyond what the guest's page tables map */
#define RFLAGS_RF 0x10000ull /* set or not, as the processor leaves it at a triple fault */
#define NO_ERROR 0xffffffffu
#define HARDWARE 3u
#define SERIAL 0u
#define DOUBLE 1u
#define TRIPLE 2u
#define RACES 400u

/* Selector error codes of the IDT: vector, IDT, EXT (SDM vol. 3A, 6.13). */
#define IDT_ERROR(vector) ((vector) << 3 | 2u | 1u)

struct step {
    uint8_t vector, type;
    uint32_t error;
    uint64_t parameter;
    uint8_t escalation;
};

static void load(struct guest *g, enum guest_mode mode, const uint8_t *code, size_t size)
{
    guest_create(g, 1, 0);
    records_start(g, mode, code, code + size);
}

static void set_idt(struct guest *g, uint64_t base, uint64_t limit)
{
    const WHV_REGISTER_NAME name = WHvX64RegisterIdtr;
    WHV_REGISTER_VALUE v = {0};
    v.Table.Base = base;
    v.Table.Limit = (UINT16)limit;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
}

static void check_step(const struct step *expected, const struct whb_exception_step *came)
{
    CHECK_EQ(expected->vector, came->vector);
    CHECK_EQ(expected->type, came->type);
    CHECK_EQ(expected->error != NO_ERROR, came->has_error_code);
    CHECK_EQ(expected->error == NO_ERROR ? 0 : expected->error, came->error_code);
    CHECK_EQ(expected->parameter, came->parameter);
    CHECK_EQ(expected->escalation, came->escalation);
    CHECK_EQ(PAYLOAD_AT, came->rip);
}

static void expect_chain(struct guest *g, const struct step *steps, unsigned count)
{
    static const WHV_REGISTER_NAME names[] = {
        WHvX64RegisterRip, WHvX64RegisterRsp, WHvRegisterInterruptState,          WHvX64RegisterCs,
        WHvX64RegisterCr2, WHvX64RegisterRax, WHvX64RegisterPendingDebugException};
    const uint32_t tracked = sizeof(names) / sizeof(names[0]);
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_REGISTER_VALUE before[7], after[7];
    struct whb_vp_diagnostics d;
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g->partition, 0, names, tracked, before));
    guest_run(g, 0, &r, WHvRunVpExitReasonUnrecoverableException);
    CHECK_EQ(PAYLOAD_AT, r.VpContext.Rip);
    guest_diagnostics(g, 0, &d);
    CHECK_EQ(WHvRunVpExitReasonUnrecoverableException, d.exit_reason);
    CHECK_EQ(whb_run_page(g->partition, 0)->sequence, d.sequence);
    CHECK_EQ(0, d.check | d.register_name);
    CHECK_EQ(count, d.step_count);
    for (unsigned i = 0; i < count; i++) {
        check_step(&steps[i], &d.steps[i]);
    }
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g->partition, 0, names, tracked, after));
    for (unsigned i = 0; i < tracked; i++) {
        if (names[i] != WHvX64RegisterCr2) {
            CHECK_EQ(before[i].Reg128.Low64, after[i].Reg128.Low64);
            CHECK_EQ(before[i].Reg128.High64, after[i].Reg128.High64);
        }
    }
}

static void undefined_opcode(void)
{
    static const uint8_t code[] = {0x0f, 0x0b}; /* ud2 */
    static const struct step steps[] = {{6, HARDWARE, NO_ERROR, 0, SERIAL},
                                        {13, HARDWARE, IDT_ERROR(6), 0, SERIAL},
                                        {13, HARDWARE, IDT_ERROR(13), 0, DOUBLE},
                                        {13, HARDWARE, IDT_ERROR(8), 0, TRIPLE}};
    struct guest g;
    load(&g, GUEST_LONG, code, sizeof(code));
    for (unsigned i = 0; i < 3; i++) {
        expect_chain(&g, steps, 4);
        CHECK_EQ(2, guest_get(&g, 0, WHvX64RegisterRflags) & ~RFLAGS_RF);
    }
    guest_destroy(&g);
}

/* CR2 ends up as on a processor that shuts down: the address of the last page fault. */
static void page_faults(void)
{
    static const uint8_t code[] = {0x48, 0x89, 0x03}; /* movq %rax, (%rbx) */
    static const struct step steps[] = {{14, HARDWARE, 2, 0xc0000123, SERIAL},
                                        {14, HARDWARE, 0, UNMAPPED + 14 * 16, DOUBLE},
                                        {14, HARDWARE, 0, UNMAPPED + 8 * 16, TRIPLE}};
    struct guest g;
    load(&g, GUEST_LONG, code, sizeof(code));
    guest_set(&g, 0, WHvX64RegisterRbx, 0xc0000123);
    set_idt(&g, UNMAPPED, 0xfff);
    for (unsigned i = 0; i < 2; i++) {
        expect_chain(&g, steps, 3);
        CHECK_EQ(UNMAPPED + 8 * 16, guest_get(&g, 0, WHvX64RegisterCr2));
        CHECK_EQ(0xc0000123, guest_get(&g, 0, WHvX64RegisterRbx));
    }
    guest_destroy(&g);
}

/* The interrupt is gone after the record, as after any delivery that was tried, so the VP runs on behind it. */
static void external_interrupt(void)
{
    static const uint8_t code[] = {0xe6, 0x10}; /* outb %al, $0x10 */
    static const struct step steps[] = {{0x40, 0, NO_ERROR, 0, SERIAL},
                                        {13, HARDWARE, IDT_ERROR(0x40), 0, SERIAL},
                                        {13, HARDWARE, IDT_ERROR(13), 0, DOUBLE},
                                        {13, HARDWARE, IDT_ERROR(8), 0, TRIPLE}};
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    load(&g, GUEST_LONG, code, sizeof(code));
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    guest_set(&g, 0, WHvRegisterPendingInterruption, 1 | 0x40ull << 16);
    expect_chain(&g, steps, 4);
    CHECK_EQ(0x202, guest_get(&g, 0, WHvX64RegisterRflags) & ~RFLAGS_RF);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_destroy(&g);
}

/* Real mode has no error codes. */
static void software_interrupt(void)
{
    static const uint8_t code[] = {0xcd, 0x30, 0xe6, 0x10}; /* int $0x30; outb %al, $0x10 */
    static const struct step steps[] = {{0x30, 4, NO_ERROR, 0, SERIAL},
                                        {13, HARDWARE, NO_ERROR, 0, SERIAL},
                                        {13, HARDWARE, NO_ERROR, 0, DOUBLE},
                                        {13, HARDWARE, NO_ERROR, 0, TRIPLE}};
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    load(&g, GUEST_REAL, code, sizeof(code));
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT + 2);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    set_idt(&g, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        expect_chain(&g, steps, 4);
    }
    guest_destroy(&g);
}

/* VMCALL is intercepted, and the hypervisor injects the #UD: an event of the entry whose delivery fails. */
static void injected_exception(void)
{
    static const uint8_t code[] = {0x0f, 0x01, 0xc1}; /* vmcall */
    static const struct step steps[] = {{6, HARDWARE, NO_ERROR, 0, SERIAL},
                                        {13, HARDWARE, IDT_ERROR(6), 0, SERIAL},
                                        {13, HARDWARE, IDT_ERROR(13), 0, DOUBLE},
                                        {13, HARDWARE, IDT_ERROR(8), 0, TRIPLE}};
    struct guest g;
    load(&g, GUEST_LONG, code, sizeof(code));
    for (unsigned i = 0; i < 2; i++) {
        expect_chain(&g, steps, 4);
    }
    guest_destroy(&g);
}

/* #UD has a gate but no room on its stack, the others have no gates. Only this record is explained, not the one before.
 */
static void mixed_classes(void)
{
    static const uint8_t code[] = {0xf4, 0x90, 0x0f, 0x0b}; /* hlt; nop; ud2 */
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    struct whb_vp_diagnostics d;
    load(&g, GUEST_PROTECTED, code, sizeof(code));
    guest_idt(&g, 0, GUEST_PROTECTED, 6, PAYLOAD_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_diagnostics(&g, 0, &d);
    CHECK_EQ(0, d.sequence | d.step_count | d.exit_reason);
    guest_set(&g, 0, WHvX64RegisterRsp, 0x8000);
    const WHV_REGISTER_NAME ss = WHvX64RegisterSs;
    WHV_REGISTER_VALUE v = {0};
    v.Segment.Limit = 0xfff; /* the stack is beyond the limit: #SS while #UD is delivered, and so on */
    v.Segment.Selector = 0x10;
    v.Segment.Attributes = 0x4093;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &ss, 1, &v));
    guest_run(&g, 0, &r, WHvRunVpExitReasonUnrecoverableException);
    guest_diagnostics(&g, 0, &d);
    CHECK_EQ(PAYLOAD_AT + 2, d.steps[0].rip);
    CHECK_EQ(6, d.steps[0].vector);
    CHECK_EQ(12, d.steps[1].vector);
    CHECK_EQ(13, d.steps[2].vector);
    CHECK_EQ(IDT_ERROR(12), d.steps[2].error_code);
    CHECK_EQ(DOUBLE, d.steps[2].escalation);
    CHECK_EQ(13, d.steps[3].vector);
    CHECK_EQ(IDT_ERROR(8), d.steps[3].error_code);
    CHECK_EQ(TRIPLE, d.steps[3].escalation);
    guest_destroy(&g);
}

/* A cancel that comes first is the run's; the fault comes again after it, with what was injected. */
static void canceled(void)
{
    static const uint8_t code[] = {0x0f, 0x0b}; /* ud2 */
    static const struct step steps[] = {{0x40, 0, NO_ERROR, 0, SERIAL},
                                        {13, HARDWARE, IDT_ERROR(0x40), 0, SERIAL},
                                        {13, HARDWARE, IDT_ERROR(13), 0, DOUBLE},
                                        {13, HARDWARE, IDT_ERROR(8), 0, TRIPLE}};
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    load(&g, GUEST_LONG, code, sizeof(code));
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    guest_set(&g, 0, WHvRegisterPendingInterruption, 1 | 0x40ull << 16);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(g.partition, 0, 0));
    guest_run(&g, 0, &r, WHvRunVpExitReasonCanceled);
    expect_chain(&g, steps, 4);
    guest_destroy(&g);
}

static volatile uint32_t finish; /* atomic */
static volatile uint8_t *gate_access;

/* Takes the gate of #UD away and gives it back. */
static void change_gate(void *arg)
{
    (void)arg;
    for (uint64_t n = 1; __atomic_load_n(&finish, __ATOMIC_SEQ_CST) == 0; n++) {
        *gate_access ^= 0x80;
        for (uint64_t wait = n * 37 % 1021; wait != 0; wait--) {
            cpu_pause();
        }
    }
}

/* Whatever memory is meanwhile: the VP gets to its handler, or the chain is that of a gate that is not present. */
static bool reaches_handler(struct guest *g)
{
    static const uint8_t vectors[] = {6, 11, 13, 13};
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterRip, WHvX64RegisterRsp, WHvX64RegisterRflags};
    const WHV_REGISTER_VALUE start[3] = {{.Reg64 = PAYLOAD_AT}, {.Reg64 = 0x8000}, {.Reg64 = 2}};
    const uint64_t sequence = whb_run_page(g->partition, 0)->sequence;
    WHV_RUN_VP_EXIT_CONTEXT r;
    struct whb_vp_diagnostics d;
    HRESULT hr;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, names, 3, start));
    while ((hr = WHvRunVirtualProcessor(g->partition, 0, &r, sizeof(r))) == WHB_HR_INTERRUPTED) {
        __asm__ volatile("sti; nop; cli" : : : "memory");
    }
    CHECK_EQ(S_OK, hr);
    CHECK_EQ(sequence + 1, whb_run_page(g->partition, 0)->sequence);
    CHECK_EQ(0, guest_get(g, 0, WHvRegisterPendingInterruption));
    CHECK_EQ(0, guest_get(g, 0, (WHV_REGISTER_NAME)WHB_REGISTER_EXCEPTION_EXITS));
    if (r.ExitReason == WHvRunVpExitReasonX64IoPortAccess) {
        CHECK_EQ(PAYLOAD_AT + 2, r.VpContext.Rip);
        return true;
    }
    CHECK_EQ(WHvRunVpExitReasonUnrecoverableException, r.ExitReason);
    CHECK_EQ(PAYLOAD_AT, r.VpContext.Rip);
    CHECK_EQ(0x8000, guest_get(g, 0, WHvX64RegisterRsp));
    guest_diagnostics(g, 0, &d);
    CHECK_EQ(sizeof(vectors), d.step_count);
    for (unsigned i = 0; i < sizeof(vectors); i++) {
        CHECK_EQ(vectors[i], d.steps[i].vector);
    }
    return false;
}

static void race(void)
{
    static const uint8_t code[] = {0x0f, 0x0b, 0xe6, 0x10}; /* ud2; outb %al, $0x10 */
    struct guest g;
    uint32_t reached = 0;
    load(&g, GUEST_LONG, code, sizeof(code));
    guest_idt(&g, 0, GUEST_LONG, 6, PAYLOAD_AT + 2);
    gate_access = g.ram + 0x6000 + 16 * 6 + 5;
    finish = 0;
    root_run_on(1, change_gate, NULL);
    for (uint32_t turn = 0; turn < RACES; turn++) {
        reached += reaches_handler(&g) ? 1 : 0;
    }
    __atomic_store_n(&finish, 1, __ATOMIC_SEQ_CST);
    CHECK(root_wait(1, 2000000000ull));
    CHECK(reached > 0 && reached < RACES);
    guest_destroy(&g);
}

/* What the replay is made of: exceptions of this VP alone, and an event that is only read. */
static void by_register(void)
{
    static const uint8_t code[] = {0x0f, 0x0b}; /* ud2 */
    const WHV_REGISTER_NAME exits = (WHV_REGISTER_NAME)WHB_REGISTER_EXCEPTION_EXITS;
    const WHV_REGISTER_NAME undelivered = (WHV_REGISTER_NAME)WHB_REGISTER_UNDELIVERED;
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_REGISTER_VALUE v = {0};
    load(&g, GUEST_LONG, code, sizeof(code));
    v.Reg64 = 1ull << 18;
    CHECK_EQ(WHB_HR_INVALID_PARAMETER, WHvSetVirtualProcessorRegisters(g.partition, 0, &exits, 1, &v));
    v.Reg64 = 1ull << 32;
    CHECK_EQ(WHB_HR_INVALID_PARAMETER, WHvSetVirtualProcessorRegisters(g.partition, 0, &exits, 1, &v));
    v.Reg64 = 0;
    CHECK_EQ(WHB_HR_INVALID_PARAMETER, WHvSetVirtualProcessorRegisters(g.partition, 0, &undelivered, 1, &v));
    guest_set(&g, 0, exits, 1u << 6);
    CHECK_EQ(1u << 6, guest_get(&g, 0, exits));
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    CHECK_EQ(6, r.VpException.ExceptionType);
    guest_set(&g, 0, exits, 0);
    guest_run(&g, 0, &r, WHvRunVpExitReasonUnrecoverableException);
    CHECK_EQ(0, guest_get(&g, 0, undelivered) | guest_get(&g, 0, exits));
    guest_set(&g, 0, exits, 1u << 13); /* the replay leaves it */
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    CHECK_EQ(13, r.VpException.ExceptionType);
    CHECK_EQ(1u << 13, guest_get(&g, 0, exits));
    guest_destroy(&g);
}

const struct scenario scenarios_fault_chains[] = {
    {"fault-chain/undefined-opcode", 1, undefined_opcode},
    {"fault-chain/page-faults", 1, page_faults},
    {"fault-chain/external-interrupt", 1, external_interrupt},
    {"fault-chain/software-interrupt", 1, software_interrupt},
    {"fault-chain/injected-exception", 1, injected_exception},
    {"fault-chain/mixed-classes", 1, mixed_classes},
    {"fault-chain/canceled", 1, canceled},
    {"fault-chain/by-register", 1, by_register},
    {"fault-chain/race", 2, race},
    {0},
};
