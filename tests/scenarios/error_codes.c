/* SPDX-License-Identifier: MIT */
/* What exceptions push in each mode, by PendingInterruption and PendingEvent; and halting at CPL 0 and 3. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(keep_stack64);
DECLARE_PAYLOAD(keep_stack32);
DECLARE_PAYLOAD(keep_stack16);
DECLARE_PAYLOAD(idle64);
DECLARE_PAYLOAD(halts64);
DECLARE_PAYLOAD(user64);
DECLARE_AT(halts64_on);
DECLARE_AT(halts64_off);

#define HANDLER_AT 0x1800u
#define KEPT_AT 0x2000u
#define STACK_AT 0x8000ull
#define TABLES_AT 0x100000u
#define TSS_AT 0x5000u
#define KERNEL_STACK 0x9000ull
#define USER_CODE 0x2bu
#define USER_DATA 0x33u
#define CODE_32 0x08u
#define DATA 0x10u
#define CODE_64 0x18u
#define FLAGS 2ull
#define RF 0x10000ull /* set in what a fault pushes: SDM vol. 3B, 18.3.1.1 */
#define ERROR 0x1a5cull
#define CR2_VALUE 0xabcd1000ull

enum how { BY_INTERRUPTION, BY_EVENT };

static void pend(struct guest *g, enum how how, uint32_t vector, bool has_error)
{
    const WHV_REGISTER_NAME name = how == BY_EVENT ? WHvRegisterPendingEvent : WHvRegisterPendingInterruption;
    WHV_REGISTER_VALUE v = {0};
    if (how == BY_EVENT) {
        v.ExceptionEvent.EventPending = 1;
        v.ExceptionEvent.DeliverErrorCode = has_error;
        v.ExceptionEvent.Vector = (uint16_t)vector;
        v.ExceptionEvent.ErrorCode = has_error ? ERROR : 0;
        v.ExceptionEvent.ExceptionParameter = vector == 14 ? CR2_VALUE : 0;
    } else {
        v.PendingInterruption.InterruptionPending = 1;
        v.PendingInterruption.InterruptionType = WHvX64PendingException;
        v.PendingInterruption.DeliverErrorCode = has_error;
        v.PendingInterruption.InterruptionVector = (uint16_t)vector;
        v.PendingInterruption.ErrorCode = has_error ? ERROR : 0;
    }
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
}

static void check_pushed(const struct guest *g, size_t width, const uint64_t *expected, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t word = 0;
        memcpy(&word, g->ram + KEPT_AT + width * i, width);
        check_equal("word that the exception pushed", expected[i], word);
    }
}

/* One exception in one mode; the handler is at HANDLER_AT and halts. RSP tells how much was pushed. */
static void deliver(enum guest_mode mode, enum how how, uint32_t vector, bool has_error)
{
    static const struct {
        const uint8_t *begin, *end;
        size_t width;
        uint64_t code;
        uint32_t pushes; /* without error code */
    } modes[] = {
        [GUEST_REAL] = {payload_keep_stack16, payload_keep_stack16_end, 2, 0, 3},
        [GUEST_PROTECTED] = {payload_keep_stack32, payload_keep_stack32_end, 4, CODE_32, 3},
        [GUEST_PAE] = {payload_keep_stack32, payload_keep_stack32_end, 4, CODE_32, 3},
        [GUEST_LONG] = {payload_keep_stack64, payload_keep_stack64_end, 8, CODE_64, 5},
    };
    const uint64_t flags = mode == GUEST_REAL ? FLAGS : FLAGS | RF; /* of which real mode pushes 16 bits */
    const uint64_t expected[] = {ERROR, PAYLOAD_AT, modes[mode].code, flags, STACK_AT, DATA};
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, mode, idle64); /* HLT is the same in every mode */
    memcpy(g.ram + HANDLER_AT, modes[mode].begin, (size_t)(modes[mode].end - modes[mode].begin));
    guest_idt(&g, 0, mode, vector, HANDLER_AT);
    guest_set(&g, 0, WHvX64RegisterRflags, FLAGS);
    pend(&g, how, vector, has_error);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    uint32_t count = modes[mode].pushes + (has_error ? 1 : 0);
    CHECK_EQ(HANDLER_AT + (uint64_t)(modes[mode].end - modes[mode].begin), r.VpContext.Rip);
    CHECK_EQ(STACK_AT - modes[mode].width * count, guest_get(&g, 0, WHvX64RegisterRsp));
    check_pushed(&g, modes[mode].width, has_error ? expected : expected + 1, count);
    if (how == BY_EVENT && vector == 14) {
        CHECK_EQ(CR2_VALUE, guest_get(&g, 0, WHvX64RegisterCr2));
    }
    guest_destroy(&g);
}

/* A real-mode handler finds no error code: IP, CS and FLAGS alone (SDM vol. 3B, 21.1.4). */
static void pushed(void)
{
    static const enum guest_mode protected_modes[] = {GUEST_PROTECTED, GUEST_PAE, GUEST_LONG};
    for (uint32_t how = BY_INTERRUPTION; how <= BY_EVENT; how++) {
        for (uint32_t i = 0; i < 3; i++) {
            deliver(protected_modes[i], (enum how)how, 13, true);
            deliver(protected_modes[i], (enum how)how, 14, true);
            deliver(protected_modes[i], (enum how)how, 10, true);
            deliver(protected_modes[i], (enum how)how, 6, false);
        }
        deliver(GUEST_REAL, (enum how)how, 13, false);
        deliver(GUEST_REAL, (enum how)how, 6, false);
    }
}

/* The entry would refuse an error code in real mode (SDM vol. 3C, 27.2.1.3); the client hears it, the VP lives on. */
static void error_in_real_mode(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    for (uint32_t how = BY_INTERRUPTION; how <= BY_EVENT; how++) {
        guest_create(&g, 1, 0);
        START(&g, GUEST_REAL, idle64);
        pend(&g, (enum how)how, 13, true);
        guest_run(&g, 0, &r, WHvRunVpExitReasonInvalidVpRegisterValue);
        guest_set(&g, 0, how == BY_EVENT ? WHvRegisterPendingEvent : WHvRegisterPendingInterruption, 0);
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
        guest_destroy(&g);
    }
}

/* Each HLT at CPL 0 is an exit, IF set or clear; STI's shadow ends with the HLT. */
static void halts(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, halts64);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    records_check_context(&g, &r, RIP_OF(halts64, halts64_on), 0, 0, 0);
    CHECK_EQ(0x202, r.VpContext.Rflags);
    CHECK_EQ(0, guest_get(&g, 0, WHvRegisterInterruptState) & 1);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    records_check_context(&g, &r, RIP_OF(halts64, halts64_off), 0, 0, 0);
    CHECK_EQ(2, r.VpContext.Rflags);
    guest_destroy(&g);
}

static void set_segment(struct guest *g, WHV_REGISTER_NAME name, uint16_t selector, uint16_t attributes, uint64_t base,
                        uint32_t limit)
{
    WHV_REGISTER_VALUE v = {0};
    v.Segment.Base = base;
    v.Segment.Selector = selector;
    v.Segment.Attributes = attributes;
    v.Segment.Limit = limit;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
}

/* CPL 3 with the first 2 MiB open to it, and a TSS with a stack for CPL 0. */
static void go_to_user(struct guest *g)
{
    const uint64_t stack = KERNEL_STACK;
    for (uint32_t level = 0; level < 3; level++) {
        g->ram[TABLES_AT + 0x1000 * level] |= 4;
    }
    memcpy(g->ram + TSS_AT + 4, &stack, sizeof(stack));
    set_segment(g, WHvX64RegisterTr, 0x38, 0x8b, TSS_AT, 0x67);
    set_segment(g, WHvX64RegisterCs, USER_CODE, 0xa0fb, 0, 0xffffffff);
    set_segment(g, WHvX64RegisterSs, USER_DATA, 0xc0f3, 0, 0xffffffff);
}

/* HLT at CPL 3 is the guest's own #GP(0): no exit but that of its handler. */
static void halt_of_user(void)
{
    const uint64_t expected[] = {0, PAYLOAD_AT, USER_CODE, FLAGS | RF, STACK_AT, USER_DATA};
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, user64);
    memcpy(g.ram + HANDLER_AT, payload_keep_stack64, (size_t)(payload_keep_stack64_end - payload_keep_stack64));
    guest_idt(&g, 0, GUEST_LONG, 13, HANDLER_AT);
    go_to_user(&g);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(HANDLER_AT + (uint64_t)(payload_keep_stack64_end - payload_keep_stack64), r.VpContext.Rip);
    CHECK_EQ(0, r.VpContext.ExecutionState.Cpl);
    CHECK_EQ(KERNEL_STACK - 48, guest_get(&g, 0, WHvX64RegisterRsp));
    check_pushed(&g, 8, expected, 6);
    guest_destroy(&g);
}

const struct scenario scenarios_error_codes[] = {
    {"error-code/pushed", 1, pushed},
    {"error-code/real-mode", 1, error_in_real_mode},
    {"halt/shadow-and-flag", 1, halts},
    {"halt/user", 1, halt_of_user},
    {0},
};
