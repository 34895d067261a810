/* SPDX-License-Identifier: MIT */
/* ExecutionState in every mode that a guest reaches by itself, and ends and events that need a certain mode. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(climb);
DECLARE_PAYLOAD(task32);
DECLARE_PAYLOAD(triple64);
DECLARE_PAYLOAD(idle64);
DECLARE_PAYLOAD(count64);
DECLARE_AT(climb_real);
DECLARE_AT(climb_protected);
DECLARE_AT(climb_pae);
DECLARE_AT(climb_compatibility);
DECLARE_AT(climb_long);
DECLARE_AT(idle64_second);

#define UNION_OFFSET 48u
#define HANDLER_AT 0x1800u
#define COUNTER_AT 0x2000u
#define GDT_AT 0x7000u
#define STACK_PAGE 0x7f000u
#define STATE_PE (1u << 2)
#define STATE_LMA (1u << 4)
#define STATE_PENDING (1u << 6)

struct climb_step {
    const uint8_t *at;
    unsigned state;
    uint32_t limit;
    uint16_t selector;
};

static void climb_modes(void)
{
    static const struct climb_step steps[] = {
        {at_climb_real, 0, 0xffff, 0},
        {at_climb_protected, STATE_PE, 0xffffffff, 0x08},
        {at_climb_pae, STATE_PE, 0xffffffff, 0x08},
        {at_climb_compatibility, STATE_PE | STATE_LMA, 0xffffffff, 0x08},
        {at_climb_long, STATE_PE | STATE_LMA, 0xffffffff, 0x18},
    };
    const uint64_t pdptes[] = {0x102001, 0x103001}; /* good for PAE, where the writable bit is reserved, and 4-level */
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    guest_enter_mode(&g, 0, GUEST_LONG, 0); /* for its tables; the new VP starts in the reset state */
    memcpy(g.ram + 0x101000, pdptes, sizeof(pdptes));
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(g.partition, 0));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(g.partition, 0, 0));
    START(&g, GUEST_REAL, climb);
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        records_check_context(&g, &r, PAYLOAD_AT + (uint64_t)(steps[i].at - payload_climb), 2, 0, 0);
        CHECK_EQ(steps[i].state, r.VpContext.ExecutionState.AsUINT16);
        CHECK_EQ(steps[i].selector, r.VpContext.Cs.Selector);
        CHECK_EQ(steps[i].limit, r.VpContext.Cs.Limit);
        CHECK_EQ(0x80 + i, r.IoPortAccess.PortNumber);
        guest_skip(&g, 0, &r);
    }
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

static void triple_fault_long(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, triple64);
    for (unsigned i = 0; i < 2; i++) {
        guest_run(&g, 0, &r, WHvRunVpExitReasonUnrecoverableException);
        CHECK_EQ(PAYLOAD_AT, r.VpContext.Rip);
        CHECK_EQ(0, r.VpContext.InstructionLength);
        CHECK_EQ(STATE_PE | STATE_LMA, r.VpContext.ExecutionState.AsUINT16 & ~STATE_PENDING);
        check_zero_tail(&r, UNION_OFFSET);
    }
    guest_destroy(&g);
}

/* The parameter is the exit qualification: selector, and 2 in bits 31:30 for JMP (SDM vol. 3C, table 28-2). */
static void task_switch(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    const uint64_t tss = 0x0000890030000067; /* available 32-bit TSS at 0x3000 */
    const WHV_REGISTER_NAME gdtr = WHvX64RegisterGdtr;
    WHV_REGISTER_VALUE v = {0};
    guest_create(&g, 1, 0);
    START(&g, GUEST_PROTECTED, task32);
    memcpy(g.ram + GDT_AT + 0x20, &tss, sizeof(tss));
    v.Table.Base = GDT_AT;
    v.Table.Limit = 0x27;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &gdtr, 1, &v));
    guest_run(&g, 0, &r, WHvRunVpExitReasonUnsupportedFeature);
    records_check_context(&g, &r, PAYLOAD_AT, 7, 0, 0);
    CHECK_EQ(WHvUnsupportedFeatureTaskSwitchTss, r.UnsupportedFeature.FeatureCode);
    CHECK_EQ(0x80000020, r.UnsupportedFeature.FeatureParameter);
    check_zero_tail(&r, UNION_OFFSET + sizeof(r.UnsupportedFeature));
    guest_destroy(&g);
}

static uint64_t counter(const struct guest *g)
{
    uint64_t value;
    memcpy(&value, g->ram + COUNTER_AT, sizeof(value));
    return value;
}

static void start_counting(struct guest *g, unsigned vector)
{
    guest_create(g, 1, 0);
    START(g, GUEST_LONG, idle64);
    memcpy(g->ram + HANDLER_AT, payload_count64, (size_t)(payload_count64_end - payload_count64));
    guest_idt(g, 0, GUEST_LONG, vector, HANDLER_AT);
}

/* Delivery pushes RIP plus the length given, so the first HLT (1 byte) is stepped over. */
static void inject_software(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start_counting(&g, 0x30);
    guest_set(&g, 0, WHvRegisterPendingInterruption, 1 | (4u << 1) | (1u << 5) | (0x30u << 16));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(1, counter(&g));
    CHECK_EQ(RIP_OF(idle64, idle64_second) + 1, r.VpContext.Rip);
    CHECK_EQ(0, guest_get(&g, 0, WHvRegisterPendingInterruption));
    guest_destroy(&g);
}

/* The push of the frame meets an unmapped stack: a write, and the event is kept until the page is there. */
static void in_flight_stack(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    const uint64_t event = 1 | (0x40u << 16);
    start_counting(&g, 0x40);
    guest_set(&g, 0, WHvX64RegisterRflags, 0x202);
    guest_set(&g, 0, WHvX64RegisterRsp, STACK_PAGE + 0x1000);
    guest_set(&g, 0, WHvRegisterPendingInterruption, event);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, STACK_PAGE, 0x1000));
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    records_check_context(&g, &r, PAYLOAD_AT, 0, 0, 1);
    CHECK_EQ(0, r.MemoryAccess.InstructionByteCount);
    CHECK_EQ(WHvMemoryAccessWrite, r.MemoryAccess.AccessInfo.AccessType);
    CHECK_EQ(1, r.MemoryAccess.AccessInfo.GpaUnmapped);
    CHECK_EQ(STACK_PAGE, r.MemoryAccess.Gpa & ~0xfffull);
    CHECK_EQ(event, guest_get(&g, 0, WHvRegisterPendingInterruption));
    CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram + STACK_PAGE, STACK_PAGE, 0x1000,
                                  WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(1, counter(&g));
    guest_destroy(&g);
}

const struct scenario scenarios_records_modes[] = {
    {"record/mode-climb", 1, climb_modes},         {"record/triple-fault-long", 1, triple_fault_long},
    {"record/task-switch", 1, task_switch},        {"event/software", 1, inject_software},
    {"event/in-flight-stack", 1, in_flight_stack}, {0},
};
