/* SPDX-License-Identifier: MIT */
/* Instructions that the client finishes by moving RIP end as on a processor. */
#include "tests/scenarios/completion.h"

#define DECLARE_EXIT(name) DECLARE_AT(ends64_##name), at_ends64_##name##_end[]
DECLARE_PAYLOAD(ends64);
DECLARE_EXIT(out);
DECLARE_EXIT(in);
DECLARE_EXIT(out_dx);
DECLARE_EXIT(cpuid);
DECLARE_EXIT(rdmsr);
DECLARE_EXIT(wrmsr);
DECLARE_EXIT(vmcall);
DECLARE_EXIT(load);
DECLARE_EXIT(store);

#define MSR_UNKNOWN 0x12345u
#define CR4_DE 8u
#define DR7_EXECUTE0 0x402ull
#define DR7_PORT0 0x20402ull
#define DR7_DATA0 0xf0402ull /* reads and writes, 4 bytes */
#define DR7_WRITE0 0xd0402ull

static const struct finished {
    const char *name;
    const uint8_t *at, *end;
    WHV_RUN_VP_EXIT_REASON reason;
} finished[] = {
    {"out", at_ends64_out, at_ends64_out_end, WHvRunVpExitReasonX64IoPortAccess},
    {"in", at_ends64_in, at_ends64_in_end, WHvRunVpExitReasonX64IoPortAccess},
    {"out dx", at_ends64_out_dx, at_ends64_out_dx_end, WHvRunVpExitReasonX64IoPortAccess},
    {"cpuid", at_ends64_cpuid, at_ends64_cpuid_end, WHvRunVpExitReasonX64Cpuid},
    {"rdmsr", at_ends64_rdmsr, at_ends64_rdmsr_end, WHvRunVpExitReasonX64MsrAccess},
    {"wrmsr", at_ends64_wrmsr, at_ends64_wrmsr_end, WHvRunVpExitReasonX64MsrAccess},
    {"vmcall", at_ends64_vmcall, at_ends64_vmcall_end, WHvRunVpExitReasonHypercall},
    {"load", at_ends64_load, at_ends64_load_end, WHvRunVpExitReasonMemoryAccess},
    {"store", at_ends64_store, at_ends64_store_end, WHvRunVpExitReasonMemoryAccess},
};
enum { FINISHED = sizeof(finished) / sizeof(finished[0]) };

static uint64_t rip_of(const uint8_t *at)
{
    return PAYLOAD_AT + (uint64_t)(at - payload_ends64);
}

/* Runs to the record of one instruction. */
static void begin(struct guest *g, const struct finished *f, uint64_t rflags)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_set(g, 0, WHvX64RegisterRip, rip_of(f->at));
    guest_set(g, 0, WHvX64RegisterRflags, rflags);
    guest_set(g, 0, WHvX64RegisterRax, 0);
    guest_set(g, 0, WHvX64RegisterRcx, MSR_UNKNOWN);
    guest_set(g, 0, WHvX64RegisterRdx, 0x40);
    guest_run(g, 0, &r, f->reason);
    CHECK_EQ(rip_of(f->at), r.VpContext.Rip);
}

static void finish(struct guest *g, const struct finished *f)
{
    guest_set(g, 0, WHvX64RegisterRip, rip_of(f->end));
}

static void to_halt(struct guest *g)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(g, 0, &r, WHvRunVpExitReasonX64Halt);
}

/* The step comes behind it; once also with the register as processors leave it, which is zero (SDM vol. 3C, 28.3.4). */
static void steps(void)
{
    struct guest g;
    CREATE(&g, ends64);
    for (unsigned i = 0; i < 2 * FINISHED; i++) {
        const struct finished *f = &finished[i / 2];
        begin(&g, f, RFLAGS_NONE | RFLAGS_TF);
        CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterPendingDebugException));
        if (i % 2 != 0) {
            guest_set(&g, 0, WHvX64RegisterPendingDebugException, 0);
        }
        finish(&g, f);
        completion_check_trap(&g, rip_of(f->end), DEBUG_BS);
        guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE);
        to_halt(&g);
    }
    guest_destroy(&g);
}

/* RIP somewhere else is a new state and not the end of the instruction: no step is due. */
static void moved_elsewhere(void)
{
    struct guest g;
    CREATE(&g, ends64);
    begin(&g, &finished[0], RFLAGS_NONE | RFLAGS_TF);
    guest_set(&g, 0, WHvX64RegisterRip, rip_of(at_ends64_store_end));
    guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE);
    to_halt(&g);
    guest_destroy(&g);
}

/* A shadow covered the instruction that the client finishes. */
static void shadow_ends(void)
{
    struct guest g;
    CREATE(&g, ends64);
    completion_handler_port(&g, VECTOR_EXTERNAL);
    for (unsigned i = 0; i < FINISHED; i++) {
        guest_set(&g, 0, WHvRegisterInterruptState, 1);
        begin(&g, &finished[i], RFLAGS_NONE | RFLAGS_IF);
        CHECK_EQ(1, guest_get(&g, 0, WHvRegisterInterruptState));
        finish(&g, &finished[i]);
        CHECK_EQ(0, guest_get(&g, 0, WHvRegisterInterruptState));
        completion_interrupt(&g);
        completion_check_handler(&g, rip_of(finished[i].end));
    }
    guest_destroy(&g);
}

/* What the client says together with RIP, or after it, counts. */
static void shadow_by_client(void)
{
    const WHV_REGISTER_NAME names[2] = {WHvRegisterInterruptState, WHvX64RegisterRip};
    WHV_REGISTER_VALUE values[2] = {{.Reg64 = 1}, {.Reg64 = rip_of(finished[0].end)}};
    struct guest g;
    CREATE(&g, ends64);
    completion_handler_port(&g, VECTOR_EXTERNAL);
    for (unsigned i = 0; i < 2; i++) {
        guest_set(&g, 0, WHvRegisterInterruptState, 1);
        begin(&g, &finished[0], RFLAGS_NONE | RFLAGS_IF);
        if (i == 0) {
            CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, names, 2, values));
        } else {
            finish(&g, &finished[0]);
            guest_set(&g, 0, WHvRegisterInterruptState, 1);
        }
        CHECK_EQ(1, guest_get(&g, 0, WHvRegisterInterruptState));
        completion_interrupt(&g);
        completion_check_handler(&g, rip_of(finished[0].end) + 1);
    }
    guest_destroy(&g);
}

/* RF was for the instruction that is finished: the breakpoint behind it is met. */
static void resume_flag_ends(void)
{
    struct guest g;
    CREATE(&g, ends64);
    guest_set(&g, 0, WHvX64RegisterDr7, DR7_EXECUTE0);
    for (unsigned i = 0; i < FINISHED; i++) {
        guest_set(&g, 0, WHvX64RegisterDr0, rip_of(finished[i].end));
        begin(&g, &finished[i], RFLAGS_NONE | RFLAGS_RF);
        finish(&g, &finished[i]);
        completion_check_trap(&g, rip_of(finished[i].end), DEBUG_B0);
        CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterRflags) & RFLAGS_RF);
    }
    guest_destroy(&g);
}

/* A client that runs again without finishing it gets the same record, and its breakpoint does not hit twice. */
static void executed_again(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    CREATE(&g, ends64);
    guest_set(&g, 0, WHvX64RegisterDr7, DR7_EXECUTE0);
    for (unsigned i = 0; i < FINISHED; i++) {
        guest_set(&g, 0, WHvX64RegisterDr0, rip_of(finished[i].at));
        begin(&g, &finished[i], RFLAGS_NONE | RFLAGS_RF);
        guest_run(&g, 0, &r, finished[i].reason);
        CHECK_EQ(rip_of(finished[i].at), r.VpContext.Rip);
        finish(&g, &finished[i]);
        to_halt(&g);
    }
    guest_destroy(&g);
}

static void watch(struct guest *g, const struct finished *f, uint64_t address, uint64_t dr7, bool met)
{
    guest_set(g, 0, WHvX64RegisterDr0, address);
    guest_set(g, 0, WHvX64RegisterDr7, dr7);
    begin(g, f, RFLAGS_NONE);
    finish(g, f);
    if (met) {
        completion_check_trap(g, rip_of(f->end), DEBUG_B0);
    }
    to_halt(g);
}

/* Breakpoints on ports (with CR4.DE) and on a device's memory are traps behind the access. */
static void watched(void)
{
    struct guest g;
    CREATE(&g, ends64);
    watch(&g, &finished[0], 0x40, DR7_PORT0, false);
    guest_set(&g, 0, WHvX64RegisterCr4, guest_get(&g, 0, WHvX64RegisterCr4) | CR4_DE);
    for (unsigned i = 0; i < 3; i++) {
        watch(&g, &finished[i], 0x40, DR7_PORT0, true);
        watch(&g, &finished[i], 0x44, DR7_PORT0, false);
        watch(&g, &finished[i], 0x40, DR7_DATA0, false);
    }
    watch(&g, &finished[1], 0x43, DR7_PORT0, true); /* four ports from 0x40 on */
    watch(&g, &finished[7], DEVICE_AT, DR7_DATA0, true);
    watch(&g, &finished[7], DEVICE_AT, DR7_WRITE0, false);
    watch(&g, &finished[8], DEVICE_AT, DR7_DATA0, true);
    watch(&g, &finished[8], DEVICE_AT, DR7_WRITE0, true);
    watch(&g, &finished[8], DEVICE_AT + 4, DR7_WRITE0, false);
    guest_destroy(&g);
}

/* The step comes before an interrupt that is injected at the same time, and the interrupt right behind it. */
static void step_before_interrupt(WHV_REGISTER_NAME name)
{
    WHV_REGISTER_VALUE v = {0};
    struct guest g;
    CREATE(&g, ends64);
    completion_handler_port(&g, VECTOR_EXTERNAL);
    if (name == WHvRegisterPendingInterruption) {
        v.PendingInterruption.InterruptionPending = 1;
        v.PendingInterruption.InterruptionType = WHvX64PendingInterrupt;
        v.PendingInterruption.InterruptionVector = VECTOR_EXTERNAL;
    } else {
        v.ExtIntEvent.EventPending = 1;
        v.ExtIntEvent.EventType = WHvX64PendingEventExtInt;
        v.ExtIntEvent.Vector = VECTOR_EXTERNAL;
    }
    for (unsigned i = 0; i < FINISHED; i++) {
        begin(&g, &finished[i], RFLAGS_NONE | RFLAGS_IF | RFLAGS_TF);
        finish(&g, &finished[i]);
        CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
        completion_check_trap(&g, rip_of(finished[i].end), DEBUG_BS);
        guest_set(&g, 0, WHvX64RegisterRflags, RFLAGS_NONE | RFLAGS_IF);
        completion_check_handler(&g, rip_of(finished[i].end));
    }
    guest_destroy(&g);
}

static void step_before_event(void)
{
    step_before_interrupt(WHvRegisterPendingEvent);
}

static void step_before_interruption(void)
{
    step_before_interrupt(WHvRegisterPendingInterruption);
}

const struct scenario scenarios_completion[] = {
    {"completion/steps", 1, steps},
    {"completion/moved-elsewhere", 1, moved_elsewhere},
    {"completion/shadow-ends", 1, shadow_ends},
    {"completion/shadow-by-client", 1, shadow_by_client},
    {"completion/resume-flag-ends", 1, resume_flag_ends},
    {"completion/executed-again", 1, executed_again},
    {"completion/watched", 1, watched},
    {"completion/step-before-event", 1, step_before_event},
    {"completion/step-before-interruption", 1, step_before_interruption},
    {0},
};
