/* SPDX-License-Identifier: MIT */
/* Registers by the run page: what is set there counts at once, whoever looks, and what is read there is so. */
#include "abi/run_page.h"
#include "tests/scenarios/records.h"

#define COPIES (WHB_RUN_RSP | WHB_RUN_RIP | WHB_RUN_RFLAGS)
#define NAMES 18u
#define CLAIMED 0x80000000u /* root/libwhv/client.h */
#define FLAGS 0x893u        /* OF, SF, AF, CF */
#define FLAG_IF 0x200u

DECLARE_PAYLOAD(tell);

static struct guest guest;

static void start(void)
{
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_tell, payload_tell_end, PAYLOAD_AT);
}

static struct whb_run_page *page(void)
{
    return whb_run_page(guest.partition, 0);
}

/* A register call past libwhv. */
static uint64_t by_call(enum whb_call call, uint32_t name, uint64_t value)
{
    const uint32_t names[1] = {name};
    uint64_t values[2] __attribute__((aligned(16))) = {value, 0};
    CHECK_EQ(WHB_OK, whb_call(call, whb_handle(guest.partition), 0, (uintptr_t)names, (uintptr_t)values, 1, NULL));
    return values[0];
}

static uint64_t get_by_call(uint32_t name)
{
    return by_call(WHB_CALL_VP_GET_REGISTERS, name, 0);
}

static HRESULT get_two(WHV_REGISTER_NAME first, WHV_REGISTER_NAME second, WHV_REGISTER_VALUE *values)
{
    const WHV_REGISTER_NAME names[] = {first, second};
    return WHvGetVirtualProcessorRegisters(guest.partition, 0, names, 2, values);
}

static HRESULT set_two(WHV_REGISTER_NAME first, uint64_t value, WHV_REGISTER_NAME second, uint64_t value2)
{
    const WHV_REGISTER_NAME names[] = {first, second};
    WHV_REGISTER_VALUE values[2] = {0};
    values[0].Reg64 = value;
    values[1].Reg64 = value2;
    return WHvSetVirtualProcessorRegisters(guest.partition, 0, names, 2, values);
}

/* After an exit the page says what the hypervisor says, RSP from the second time that it is asked for. */
static void after_exit(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_REGISTER_VALUE v[2];
    start();
    for (uint32_t turn = 0; turn < 3; turn++) {
        guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        CHECK_EQ(turn == 2 ? COPIES : COPIES & ~WHB_RUN_RSP, page()->valid & COPIES);
        for (uint32_t name = 0; name < NAMES; name++) {
            if (name != WHvX64RegisterRsp || turn == 2) {
                CHECK_EQ(get_by_call(name), guest_get(&guest, 0, (WHV_REGISTER_NAME)name));
            }
        }
        if (turn == 0) { /* with others that the page does not have it is no sign that the next time will be alike */
            CHECK_EQ(S_OK, get_two(WHvX64RegisterRsp, WHvX64RegisterCr0, v));
            CHECK_EQ(0, page()->wanted);
        } else {
            CHECK_EQ(S_OK, get_two(WHvX64RegisterRax, WHvX64RegisterRsp, v));
            CHECK_EQ(WHB_RUN_RSP, page()->wanted);
        }
        CHECK_EQ(get_by_call(WHvX64RegisterRsp), v[turn == 0 ? 0 : 1].Reg64);
        guest_advance(&guest, 0, 2);
    }
    guest_destroy(&guest);
}

/* Every register set in the page is what a hypercall reads, in any order with those that hypercalls set. */
static void seen_by_calls(void)
{
    start();
    for (uint32_t round = 1; round < 4; round++) {
        for (uint32_t name = 0; name < NAMES; name++) {
            guest_set(&guest, 0, (WHV_REGISTER_NAME)name, 0x1002 * round + (name << 16));
        }
        CHECK_EQ(COPIES, page()->dirty);
        for (uint32_t name = 0; name < NAMES; name++) {
            CHECK_EQ(0x1002 * round + (name << 16), guest_get(&guest, 0, (WHV_REGISTER_NAME)name));
        }
        for (uint32_t name = 0; name < NAMES; name++) {
            CHECK_EQ(0x1002 * round + (name << 16), get_by_call(name));
        }
        CHECK_EQ(0, page()->dirty);
        for (uint32_t name = 0; name < NAMES; name++) {
            (void)by_call(WHB_CALL_VP_SET_REGISTERS, name, 0x2002 * round + name);
            CHECK_EQ(0x2002 * round + name, guest_get(&guest, 0, (WHV_REGISTER_NAME)name));
        }
    }
    guest_destroy(&guest);
}

/* The guest has what was set; the last setter of a register wins, by whichever way. */
static void seen_by_guest(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    start();
    CHECK_EQ(S_OK, set_two(WHvX64RegisterRsp, 0x7654, WHvX64RegisterRflags, FLAGS));
    guest_set(&guest, 0, WHvX64RegisterRcx, 41);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0, page()->dirty);
    CHECK_EQ(0x7654, guest_get(&guest, 0, WHvX64RegisterRax));
    CHECK_EQ(FLAGS, guest_get(&guest, 0, WHvX64RegisterRbx));
    CHECK_EQ(42, guest_get(&guest, 0, WHvX64RegisterRcx));
    CHECK_EQ(S_OK, set_two(WHvX64RegisterRsp, 0x7000, WHvX64RegisterRip, PAYLOAD_AT));
    (void)by_call(WHB_CALL_VP_SET_REGISTERS, WHvX64RegisterRsp, 0x7100);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0x7100, guest_get(&guest, 0, WHvX64RegisterRax));
    (void)by_call(WHB_CALL_VP_SET_REGISTERS, WHvX64RegisterRip, 0);
    CHECK_EQ(S_OK, set_two(WHvX64RegisterRsp, 0x7200, WHvX64RegisterRip, PAYLOAD_AT));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0x7200, guest_get(&guest, 0, WHvX64RegisterRax));
    CHECK_EQ(44, guest_get(&guest, 0, WHvX64RegisterRcx));
    guest_destroy(&guest);
}

/* A batch with a name beyond the page is the hypervisor's as a whole, and does not undo what the page had. */
static void mixed_batches(void)
{
    WHV_REGISTER_VALUE v[2];
    start();
    guest_set(&guest, 0, WHvX64RegisterRip, 0x1234);
    CHECK_EQ(WHB_HR_INVALID_PARAMETER, set_two(WHvX64RegisterRip, 0x5678, WHvX64RegisterCr8, 16));
    CHECK_EQ(0x1234, guest_get(&guest, 0, WHvX64RegisterRip));
    CHECK_EQ(0x1234, get_by_call(WHvX64RegisterRip));
    guest_set(&guest, 0, WHvX64RegisterRsp, 0x4320);
    CHECK_EQ(WHV_E_INVALID_VP_REGISTER_NAME, set_two(WHvX64RegisterRsp, 1, (WHV_REGISTER_NAME)0x7fff, 0));
    CHECK_EQ(WHV_E_INVALID_VP_REGISTER_NAME, set_two(WHvX64RegisterRsp, 1, (WHV_REGISTER_NAME)0x10004, 0));
    CHECK_EQ(WHV_E_INVALID_VP_REGISTER_NAME, set_two(WHvX64RegisterRsp, 1, (WHV_REGISTER_NAME)0x80001004u, 0));
    CHECK_EQ(0x4320, get_by_call(WHvX64RegisterRsp));
    CHECK_EQ(S_OK, set_two(WHvX64RegisterRsp, 0x4300, WHvX64RegisterCr8, 3));
    CHECK_EQ(S_OK, get_two(WHvX64RegisterRsp, WHvX64RegisterCr8, v));
    CHECK_EQ(0x4300, v[0].Reg64);
    CHECK_EQ(3, v[1].Reg64);
    CHECK_EQ(E_INVALIDARG, WHvSetVirtualProcessorRegisters(guest.partition, 0, (const WHV_REGISTER_NAME[]){0}, 0, v));
    CHECK_EQ(E_INVALIDARG, WHvGetVirtualProcessorRegisters(guest.partition, 0, (const WHV_REGISTER_NAME[]){0}, 0, v));
    guest_destroy(&guest);
}

/* What no VP can have is taken and ends the run, as if a hypercall had set it; bits that mean nothing are refused. */
static void impossible_values(void)
{
    static const struct {
        WHV_REGISTER_NAME name;
        uint64_t value, good;
    } bad[] = {{WHvX64RegisterRflags, 0, 2},
               {WHvX64RegisterRflags, 0x100000002, 2},
               {WHvX64RegisterRip, 0x0000800000000000, PAYLOAD_AT}};
    WHV_RUN_VP_EXIT_CONTEXT r;
    start();
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (uint32_t times = 0; times < 2; times++) {
            guest_set(&guest, 0, bad[i].name, bad[i].value);
            guest_run(&guest, 0, &r, WHvRunVpExitReasonInvalidVpRegisterValue);
            CHECK_EQ(bad[i].value, guest_get(&guest, 0, bad[i].name));
        }
        guest_set(&guest, 0, bad[i].name, bad[i].good);
        CHECK_EQ(i, guest_get(&guest, 0, WHvX64RegisterRcx));
        guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        guest_advance(&guest, 0, 2);
    }
    uint64_t rip = get_by_call(WHvX64RegisterRip);
    page()->dirty = WHB_RUN_DIRTY_ALL + 1;
    CHECK_EQ(E_INVALIDARG, WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r)));
    CHECK_EQ(E_INVALIDARG, set_two(WHvX64RegisterRip, 0, WHvX64RegisterCr8, 1));
    CHECK_EQ(WHB_RUN_DIRTY_ALL + 1, page()->dirty);
    page()->dirty = 0;
    CHECK_EQ(rip, get_by_call(WHvX64RegisterRip));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_destroy(&guest);
}

static void set_event(uint64_t flags, uint64_t event)
{
    CHECK_EQ(S_OK, set_two(WHvX64RegisterRflags, flags, WHvRegisterPendingInterruption, event));
}

static void check_refused(uint32_t check)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    struct whb_vp_diagnostics d = {0};
    guest_run(&guest, 0, &r, WHvRunVpExitReasonInvalidVpRegisterValue);
    guest_diagnostics(&guest, 0, &d);
    CHECK_EQ(check, d.check);
}

/* An event and what it needs, set one after the other by either way: the run is refused before the processor is asked.
 */
static void event_and_flags(void)
{
    const uint64_t interrupt = 1 | 0x40u << 16, handler = PAYLOAD_AT;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start();
    memcpy(guest.ram + 4 * 0x40, &handler, 4); /* real mode: offset and CS 0 */
    set_event(FLAGS | FLAG_IF, interrupt);
    guest_set(&guest, 0, WHvX64RegisterRflags, FLAGS);
    check_refused(WHB_CHECK_RFLAGS_IF);
    guest_set(&guest, 0, WHvX64RegisterRflags, FLAGS | FLAG_IF);
    guest_set(&guest, 0, WHvRegisterInterruptState, 1);
    check_refused(WHB_CHECK_SHADOW_EXTERNAL);
    guest_set(&guest, 0, WHvRegisterPendingInterruption, 0);
    guest_set(&guest, 0, WHvRegisterPendingInterruption, interrupt);
    check_refused(WHB_CHECK_SHADOW_EXTERNAL);
    guest_set(&guest, 0, WHvRegisterInterruptState, 0);
    guest_set(&guest, 0, WHvX64RegisterRflags, FLAGS);
    guest_set(&guest, 0, WHvRegisterPendingInterruption, interrupt);
    check_refused(WHB_CHECK_RFLAGS_IF);
    set_event(FLAGS | FLAG_IF, interrupt);
    guest_set(&guest, 0, WHvX64RegisterRip, 0xdead); /* where the interrupt comes back to: not seen here */
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0, guest_get(&guest, 0, WHvRegisterPendingInterruption));
    CHECK_EQ(FLAGS, guest_get(&guest, 0, WHvX64RegisterRbx)); /* the handler has IF off */
    guest_destroy(&guest);
}

static void check_reset(void)
{
    CHECK_EQ(0, page()->dirty);
    CHECK_EQ(0xfff0, guest_get(&guest, 0, WHvX64RegisterRip));
    CHECK_EQ(2, guest_get(&guest, 0, WHvX64RegisterRflags));
    for (uint32_t name = 0; name < NAMES; name++) {
        CHECK_EQ(get_by_call(name), guest_get(&guest, 0, (WHV_REGISTER_NAME)name));
    }
    CHECK_EQ(0, guest_get(&guest, 0, WHvX64RegisterRsp));
    CHECK_EQ(0, guest_get(&guest, 0, WHvX64RegisterR15));
}

/* Neither a reset nor a new VP inherits what the page had and no run took. */
static void reset_and_delete(void)
{
    WHV_REGISTER_VALUE v[2];
    start();
    CHECK_EQ(S_OK, set_two(WHvX64RegisterRip, 0x1111, WHvX64RegisterRflags, FLAGS));
    CHECK_EQ(S_OK, set_two(WHvX64RegisterRsp, 0x2222, WHvX64RegisterR15, 0x3333));
    CHECK_EQ(S_OK, WHvResetPartition(guest.partition));
    check_reset();
    CHECK_EQ(S_OK, set_two(WHvX64RegisterRip, 0x1111, WHvX64RegisterR15, 0x3333));
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(guest.partition, 0));
    CHECK_EQ(WHV_E_VP_DOES_NOT_EXIST, get_two(WHvX64RegisterRip, WHvX64RegisterRax, v));
    CHECK_EQ(WHV_E_VP_DOES_NOT_EXIST, set_two(WHvX64RegisterRip, 0, WHvX64RegisterRax, 0));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(guest.partition, 0, 0));
    check_reset();
    guest_destroy(&guest);
}

/* While another call has the page all others are refused; a run whose CPU was restarted only makes them hypercalls. */
static void claims(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_REGISTER_VALUE v[2];
    start();
    page()->root_own = CLAIMED;
    CHECK_EQ(WHV_E_INVALID_VP_STATE, get_two(WHvX64RegisterRip, WHvX64RegisterRax, v));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, get_two(WHvX64RegisterRip, WHvX64RegisterCr0, v));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, set_two(WHvX64RegisterRip, 0, WHvX64RegisterRax, 0));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, set_two(WHvX64RegisterRip, 0, WHvX64RegisterCr8, 0));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r)));
    CHECK_EQ(WHV_E_INVALID_VP_STATE, WHvDeleteVirtualProcessor(guest.partition, 0));
    CHECK_EQ(CLAIMED, page()->root_own);
    page()->root_own = 1;
    CHECK_EQ(S_OK, set_two(WHvX64RegisterRip, PAYLOAD_AT, WHvX64RegisterRcx, 0x10));
    CHECK_EQ(0, page()->dirty);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(S_OK, get_two(WHvX64RegisterRip, WHvX64RegisterRcx, v));
    CHECK_EQ(0x11, v[1].Reg64);
    CHECK_EQ(1, page()->root_own);
    guest_destroy(&guest);
}

const struct scenario scenarios_run_page[] = {
    {"run-page/after-exit", 1, after_exit},
    {"run-page/seen-by-calls", 1, seen_by_calls},
    {"run-page/seen-by-guest", 1, seen_by_guest},
    {"run-page/mixed-batches", 1, mixed_batches},
    {"run-page/impossible-values", 1, impossible_values},
    {"run-page/event-and-flags", 1, event_and_flags},
    {"run-page/reset-and-delete", 1, reset_and_delete},
    {"run-page/claims", 1, claims},
    {0},
};
