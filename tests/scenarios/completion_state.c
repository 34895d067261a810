/* SPDX-License-Identifier: MIT */
/* Shadow, single step and pending debug exceptions as a client sets them, and how events change the flags. */
#include "tests/scenarios/completion.h"

DECLARE_PAYLOAD(ends64);
DECLARE_AT(ends64_halt);
DECLARE_AT(ends64_halt_end);
DECLARE_AT(ends64_nop);
DECLARE_PAYLOAD(sti64);
DECLARE_AT(sti64_out);
DECLARE_AT(sti64_after);
DECLARE_AT(sti64_nop2);
DECLARE_PAYLOAD(watched_ss64);
DECLARE_AT(watched_ss64_out);
DECLARE_AT(watched_ss64_after);
DECLARE_PAYLOAD(mov_cr64);
DECLARE_AT(mov_cr64_cr0);
DECLARE_AT(mov_cr64_cr4);
DECLARE_AT(mov_cr64_end);
DECLARE_PAYLOAD(branch64);
DECLARE_PAYLOAD(int1_64);
DECLARE_PAYLOAD(tell_debug64);

#define DR7_EXECUTE0 0x402ull
#define DR7_DATA0 0xf0402ull
#define CR0_CD (1ull << 30)
#define CR4_MCE 0x40ull
#define VECTOR_BP 3u
#define VECTOR_GP 13u
#define FRAME_RFLAGS 2u /* among the quadwords of a frame, without error code */

static void to_halt(struct guest *g)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(g, 0, &r, WHvRunVpExitReasonX64Halt);
}

/* Every combination can be entered, says what was written, and means what it means together. */
static void imported(void)
{
    const WHV_REGISTER_NAME names[4] = {WHvX64RegisterRflags, WHvRegisterInterruptState,
                                        WHvX64RegisterPendingDebugException, WHvX64RegisterRip};
    const uint64_t first = RIP_OF(ends64, ends64_nop);
    struct guest g;
    CREATE(&g, ends64);
    for (unsigned i = 0; i < 16; i++) {
        bool shadow = (i & 1) != 0, tf = (i & 2) != 0, due = (i & 4) != 0;
        WHV_REGISTER_VALUE in[4] = {{.Reg64 = RFLAGS_NONE | (tf ? RFLAGS_TF : 0) | ((i & 8) != 0 ? RFLAGS_IF : 0)},
                                    {.Reg64 = shadow},
                                    {.Reg64 = due ? PENDING_STEP : 0},
                                    {.Reg64 = first}};
        WHV_REGISTER_VALUE out[4];
        CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, names, 4, in));
        CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, names, 4, out));
        for (unsigned n = 0; n < 4; n++) {
            CHECK_EQ(in[n].Reg64, out[n].Reg64);
        }
        if (tf || due) {
            completion_check_trap(&g, due && !(shadow && tf) ? first : first + 1, DEBUG_BS);
        }
        guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE);
        to_halt(&g);
    }
    guest_destroy(&g);
}

/* An imported shadow keeps interrupts out for one instruction. */
static void lasts_one(void)
{
    struct guest g;
    CREATE(&g, ends64);
    completion_handler_port(&g, VECTOR_EXTERNAL);
    for (unsigned shadow = 0; shadow < 2; shadow++) {
        guest_set(&g, 0, WHvRegisterInterruptState, shadow);
        guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(ends64, ends64_nop));
        guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE | RFLAGS_IF);
        completion_interrupt(&g);
        completion_check_handler(&g, RIP_OF(ends64, ends64_nop) + shadow);
    }
    guest_destroy(&g);
}

/* A debugger sets TF where the shadow of STI stands: what comes next is one instruction, whoever executes it. */
static void step_in_shadow(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    for (unsigned way = 0; way < 3; way++) {
        CREATE(&g, sti64);
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        CHECK_EQ(1, r.VpContext.ExecutionState.InterruptShadow);
        if (way != 0) {
            guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(sti64, sti64_after));
        }
        if (way == 2) {
            guest_set(&g, 0, WHvRegisterInterruptState, 0);
        }
        guest_set(&g, 0, WHvX64RegisterRflags, guest_get(&g, 0, WHvX64RegisterRflags) | RFLAGS_TF);
        if (way == 0) {
            guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
            CHECK_EQ(RIP_OF(sti64, sti64_out), r.VpContext.Rip);
            CHECK_EQ(1, r.VpContext.ExecutionState.InterruptShadow);
            guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(sti64, sti64_after));
            completion_check_trap(&g, RIP_OF(sti64, sti64_after), DEBUG_BS);
        } else {
            completion_check_trap(&g, RIP_OF(sti64, sti64_nop2), DEBUG_BS);
        }
        guest_destroy(&g);
    }
}

/* Steps over STI itself: the second must not stop where the first did. */
static void step_over_sti(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    CREATE(&g, sti64);
    guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE | RFLAGS_TF);
    completion_check_trap(&g, RIP_OF(sti64, sti64_out), DEBUG_BS);
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterPendingDebugException));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(sti64, sti64_after));
    completion_check_trap(&g, RIP_OF(sti64, sti64_after), DEBUG_BS);
    completion_check_trap(&g, RIP_OF(sti64, sti64_nop2), DEBUG_BS);
    guest_destroy(&g);
}

/* RFLAGS without IF over the shadow of STI, whether its instruction was finished or not. */
static void flag_in_shadow(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    for (unsigned finished = 0; finished < 2; finished++) {
        CREATE(&g, sti64);
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        if (finished != 0) {
            guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(sti64, sti64_after));
        }
        guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE);
        if (finished == 0) {
            guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
            guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(sti64, sti64_after));
        }
        to_halt(&g);
        guest_destroy(&g);
    }
}

/* What waits behind a load of SS can be read and written back, and comes behind the instruction once. */
static void pending_kept(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_REGISTER_VALUE ss;
    const WHV_REGISTER_NAME name = WHvX64RegisterSs;
    for (unsigned again = 0; again < 2; again++) {
        CREATE(&g, watched_ss64);
        CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &name, 1, &ss));
        memcpy(g.ram + 0x3000, &ss.Segment.Selector, 2);
        guest_set(&g, 0, WHvX64RegisterDr0, 0x3000);
        guest_set(&g, 0, WHvX64RegisterDr7, DR7_DATA0);
        for (unsigned i = 0; i <= again; i++) {
            guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
            CHECK_EQ(RIP_OF(watched_ss64, watched_ss64_out), r.VpContext.Rip);
            CHECK_EQ(1, r.VpContext.ExecutionState.InterruptShadow);
            CHECK_EQ(DEBUG_B0, guest_get(&g, 0, WHvX64RegisterPendingDebugException));
            guest_set(&g, 0, WHvX64RegisterPendingDebugException, DEBUG_B0);
            guest_set(&g, 0, WHvRegisterInterruptState, 1);
        }
        guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(watched_ss64, watched_ss64_after));
        completion_check_trap(&g, RIP_OF(watched_ss64, watched_ss64_after), DEBUG_B0);
        to_halt(&g);
        guest_destroy(&g);
    }
}

/* HLT is an instruction too, and the step behind it ends it. */
static void halt_steps(void)
{
    struct guest g;
    CREATE(&g, ends64);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(ends64, ends64_halt));
    guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE | RFLAGS_TF);
    completion_check_trap(&g, RIP_OF(ends64, ends64_halt_end), DEBUG_BS);
    guest_destroy(&g);
}

static void halt_steps_apic(void)
{
    const uint64_t debug = 1u << VECTOR_DB;
    struct guest g;
    guest_create_apic(&g, 1, 4, WHvX64LocalApicEmulationModeXApic);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeExceptionExitBitmap, &debug, 8));
    START(&g, GUEST_LONG, ends64);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(ends64, ends64_halt));
    guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE | RFLAGS_TF);
    completion_check_trap(&g, RIP_OF(ends64, ends64_halt_end), DEBUG_BS);
    CHECK_EQ(0, guest_get(&g, 0, WHvRegisterInternalActivityState));
    guest_destroy(&g);
}

/* A VP that the client puts to sleep can be entered with TF: what is due behind HLT wakes it. */
static void halted_with_step(void)
{
    const uint64_t debug = 1u << VECTOR_DB, halted = 2;
    struct guest g;
    guest_create_apic(&g, 1, 4, WHvX64LocalApicEmulationModeXApic);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeExceptionExitBitmap, &debug, 8));
    START(&g, GUEST_LONG, ends64);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(ends64, ends64_halt_end));
    guest_set(&g, 0, WHvRegisterInternalActivityState, halted);
    guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE | RFLAGS_TF);
    completion_check_trap(&g, RIP_OF(ends64, ends64_halt_end), DEBUG_BS);
    guest_destroy(&g);
}

/* A MOV to a control register that the hypervisor lets the guest execute again meets its breakpoint once. */
static void control_register_again(void)
{
    static const uint8_t *const at[2] = {at_mov_cr64_cr0, at_mov_cr64_cr4};
    struct guest g;
    CREATE(&g, mov_cr64);
    guest_set(&g, 0, WHvX64RegisterRax, guest_get(&g, 0, WHvX64RegisterCr0) ^ CR0_CD);
    guest_set(&g, 0, WHvX64RegisterRbx, guest_get(&g, 0, WHvX64RegisterCr4) ^ CR4_MCE);
    guest_set(&g, 0, WHvX64RegisterDr7, DR7_EXECUTE0);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t rip = PAYLOAD_AT + (uint64_t)(at[i] - payload_mov_cr64);
        guest_set(&g, 0, WHvX64RegisterDr0, rip);
        completion_check_trap(&g, rip, DEBUG_B0);
        guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE | RFLAGS_RF);
    }
    guest_set(&g, 0, WHvX64RegisterDr0, RIP_OF(mov_cr64, mov_cr64_end));
    completion_check_trap(&g, RIP_OF(mov_cr64, mov_cr64_end), DEBUG_B0);
    guest_destroy(&g);
}

/* DEBUGCTL and DR6 as the handler of #DB finds them. */
static void check_told(struct guest *g, uint64_t debugctl, uint64_t dr6)
{
    const uint64_t told[2] = {debugctl, dr6};
    WHV_RUN_VP_EXIT_CONTEXT r;
    for (unsigned i = 0; i < 2; i++) {
        guest_run(g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        CHECK_EQ(HANDLER_PORT, r.IoPortAccess.PortNumber);
        CHECK_EQ(told[i], r.IoPortAccess.Rax);
        guest_skip(g, 0, &r);
    }
}

static void create_telling(struct guest *g, const uint8_t *begin, const uint8_t *end)
{
    guest_create(g, 1, 0);
    records_start(g, GUEST_LONG, begin, end);
    completion_handler(g, VECTOR_DB, payload_tell_debug64, payload_tell_debug64_end);
}

/* The delivery of #DB clears DEBUGCTL.BTF (SDM vol. 3B, 18.4.3), whoever delivers it. */
static void branch_step(void)
{
    const WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
    const uint64_t all = 2;
    WHV_REGISTER_VALUE v = {0};
    struct guest g;
    create_telling(&g, payload_branch64, payload_branch64_end);
    check_told(&g, 0, 0xffff4ff0);
    guest_destroy(&g);
    guest_create(&g, 1, 4);
    CHECK_EQ(S_OK, WHvSetPartitionProperty(g.partition, WHvPartitionPropertyCodeExceptionExitBitmap, &all, 8));
    START(&g, GUEST_LONG, branch64);
    completion_handler(&g, VECTOR_DB, payload_tell_debug64, payload_tell_debug64_end);
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    v.ExceptionEvent.EventPending = 1;
    v.ExceptionEvent.EventType = WHvX64PendingEventException;
    v.ExceptionEvent.Vector = VECTOR_DB;
    v.ExceptionEvent.ExceptionParameter = r.VpException.ExceptionParameter;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
    check_told(&g, 0, 0xffff4ff0);
    guest_destroy(&g);
}

static void int1(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    create_telling(&g, payload_int1_64, payload_int1_64_end);
    check_told(&g, 0, 0xffff0ff0);
    guest_destroy(&g);
    CREATE(&g, int1_64);
    guest_run(&g, 0, &r, WHvRunVpExitReasonException);
    CHECK_EQ(VECTOR_DB, r.VpException.ExceptionType);
    CHECK_EQ(1, r.VpException.ExceptionInfo.SoftwareException);
    CHECK_EQ(0, r.VpException.ExceptionParameter);
    guest_destroy(&g);
}

/* RFLAGS as an event that the client gives pushes them. */
static uint64_t pushed_flags(struct guest *g, WHV_REGISTER_NAME name, WHV_REGISTER_VALUE v, unsigned vector, bool error)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint64_t frame[4];
    completion_handler_port(g, vector);
    guest_set(g, 0, WHvX64RegisterRip, RIP_OF(ends64, ends64_nop));
    guest_set(g, 0, WHvX64RegisterRflags, RFLAGS_NONE | RFLAGS_IF);
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
    guest_run(g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(HANDLER_PORT, r.IoPortAccess.PortNumber);
    memcpy(frame, g->ram + guest_get(g, 0, WHvX64RegisterRsp), sizeof(frame));
    return frame[FRAME_RFLAGS + (error ? 1 : 0)];
}

/* Faults set RF in the image, traps, aborts and interrupts do not (SDM vol. 3B, 18.3.1.1). */
static void pushed_resume_flag(void)
{
    static const struct {
        uint8_t vector;
        bool error, fault;
    } events[] = {{0, false, true}, {3, false, false}, {4, false, false}, {6, false, true},
                  {8, true, false}, {13, true, true},  {14, true, true},  {18, false, false}};
    struct guest g;
    CREATE(&g, ends64);
    for (unsigned i = 0; i < 2 * sizeof(events) / sizeof(events[0]); i++) {
        WHV_REGISTER_VALUE v = {0};
        WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
        uint8_t vector = events[i / 2].vector;
        bool error = events[i / 2].error;
        if (i % 2 == 0) {
            v.ExceptionEvent.EventPending = 1;
            v.ExceptionEvent.EventType = WHvX64PendingEventException;
            v.ExceptionEvent.DeliverErrorCode = error;
            v.ExceptionEvent.Vector = vector;
        } else {
            name = WHvRegisterPendingInterruption;
            v.PendingInterruption.InterruptionPending = 1;
            v.PendingInterruption.InterruptionType = WHvX64PendingException;
            v.PendingInterruption.DeliverErrorCode = error;
            v.PendingInterruption.InterruptionVector = vector;
        }
        uint64_t flags = pushed_flags(&g, name, v, vector, error);
        check_equal("RFLAGS that an exception pushed", RFLAGS_NONE | RFLAGS_IF | (events[i / 2].fault ? RFLAGS_RF : 0),
                    flags);
    }
    WHV_REGISTER_VALUE v = {0};
    v.ExtIntEvent.EventPending = 1;
    v.ExtIntEvent.EventType = WHvX64PendingEventExtInt;
    v.ExtIntEvent.Vector = VECTOR_EXTERNAL;
    CHECK_EQ(RFLAGS_NONE | RFLAGS_IF, pushed_flags(&g, WHvRegisterPendingEvent, v, VECTOR_EXTERNAL, false));
    guest_destroy(&g);
}

const struct scenario scenarios_completion_state[] = {
    {"completion/imported", 1, imported},
    {"completion/lasts-one", 1, lasts_one},
    {"completion/step-in-shadow", 1, step_in_shadow},
    {"completion/step-over-sti", 1, step_over_sti},
    {"completion/flag-in-shadow", 1, flag_in_shadow},
    {"completion/pending-kept", 1, pending_kept},
    {"completion/halt-steps", 1, halt_steps},
    {"completion/halt-steps-apic", 1, halt_steps_apic},
    {"completion/halted-with-step", 1, halted_with_step},
    {"completion/control-register-again", 1, control_register_again},
    {"completion/branch-step", 1, branch_step},
    {"completion/int1", 1, int1},
    {"completion/pushed-resume-flag", 1, pushed_resume_flag},
    {0},
};
