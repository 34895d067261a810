/* SPDX-License-Identifier: MIT */
/* Posted writes: kept in order in the VP's ring, without an exit; everything else exits as without them. */
#include "tests/scenarios/posted.h"

DECLARE_MEMORY_PAYLOAD(posted_mix);
DECLARE_MEMORY_PAYLOAD(posted_count);
DECLARE_MEMORY_PAYLOAD(posted_others);
DECLARE_MEMORY_PAYLOAD(posted_edges);
DECLARE_MEMORY_PAYLOAD(posted_trap);
DECLARE_MEMORY_PAYLOAD(posted_shadow);
DECLARE_MEMORY_PAYLOAD(mem_halt);
DECLARE_MEMORY_PAYLOAD(bell_32);
DECLARE_MEMORY_PAYLOAD(bell_16);
extern const uint8_t at_posted_trap[], at_posted_in[], at_posted_load[], at_posted_add[], at_posted_outs[];
extern const uint8_t at_posted_before[], at_posted_over[], at_posted_behind[], at_posted_wide[], at_posted_next[];

#define VALUE 0x1122334455667788ull

static struct guest guest;
static struct whb_posted_write taken[WHB_POSTED_SLOTS];

void posted_begin(struct guest *g, uint32_t vps)
{
    guest_create(g, vps, 0);
    CHECK_EQ(S_OK, whb_add_posted_range(g->partition, HOLE, 0x1000));
    CHECK_EQ(S_OK, whb_add_posted_range(g->partition, POSTED_PORT, 4));
}

void posted_registers(struct guest *g, uint32_t vp, uint64_t count)
{
    guest_set(g, vp, WHvX64RegisterRax, VALUE);
    guest_set(g, vp, WHvX64RegisterRbx, HOLE);
    guest_set(g, vp, WHvX64RegisterRcx, count);
    guest_set(g, vp, WHvX64RegisterRdx, PORT);
}

static UINT32 take(uint32_t vp, UINT32 room)
{
    UINT32 count = 0;
    CHECK_EQ(S_OK, whb_take_posted_writes(guest.partition, vp, taken, room, &count));
    return count;
}

static void check_write(uint32_t i, uint64_t address, uint32_t size, uint64_t value)
{
    CHECK_EQ(address, taken[i].address);
    CHECK_EQ(size, taken[i].size);
    CHECK_EQ(value, taken[i].value);
    CHECK_EQ(0, taken[i].reserved);
    CHECK(i == 0 || taken[i].tsc > taken[i - 1].tsc);
}

static void order(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    posted_begin(&guest, 1);
    START_64(&guest, 0, posted_mix);
    posted_registers(&guest, 0, 0);
    CHECK_EQ(0, whb_posted_waiting(guest.partition, 0));
    uint64_t before = cpu_rdtsc();
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0x1000 + payload_posted_mix_end - payload_posted_mix, r.VpContext.Rip);
    CHECK_EQ(8, whb_posted_waiting(guest.partition, 0));
    CHECK_EQ(3, take(0, 3));
    CHECK(taken[0].tsc > before && taken[2].tsc < cpu_rdtsc());
    check_write(0, POSTED_PORT, 1, 0x88);
    check_write(1, HOLE, 1, 0x88);
    check_write(2, POSTED_PORT, 2, 0x7788);
    CHECK_EQ(5, whb_posted_waiting(guest.partition, 0));
    CHECK_EQ(5, take(0, WHB_POSTED_SLOTS));
    check_write(0, HOLE + 4, 4, 0x55667788);
    check_write(1, POSTED_PORT, 4, 0x55667788);
    check_write(2, HOLE + 8, 8, VALUE);
    check_write(3, HOLE + 2, 2, 0x77);
    check_write(4, HOLE + 1, 1, 0x77);
    CHECK_EQ(0, take(0, WHB_POSTED_SLOTS));
    CHECK_EQ(1, whb_run_page(guest.partition, 0)->sequence);
    guest_destroy(&guest);
}

/* The write that finds no room exits; after the ring is empty, the same instruction is posted. */
static void full(void)
{
    const uint32_t room = WHB_POSTED_SLOTS - 1, writes = 3 * room + 5;
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint32_t value = 0;
    posted_begin(&guest, 1);
    START_64(&guest, 0, posted_count);
    posted_registers(&guest, 0, writes);
    for (uint32_t round = 0; round < 4; round++) {
        uint32_t expected = round < 3 ? room : 5;
        /* 91 writes a round: the odd ones go to the port. */
        guest_run(&guest, 0, &r,
                  round == 3       ? WHvRunVpExitReasonX64Halt
                  : round % 2 != 0 ? WHvRunVpExitReasonX64IoPortAccess
                                   : WHvRunVpExitReasonMemoryAccess);
        CHECK_EQ(expected, whb_posted_waiting(guest.partition, 0));
        CHECK_EQ(expected, take(0, WHB_POSTED_SLOTS));
        for (uint32_t i = 0; i < expected; i++) {
            value++;
            check_write(i, value % 2 != 0 ? POSTED_PORT : HOLE, 4, value);
        }
    }
    CHECK_EQ(writes, value);
    guest_destroy(&guest);
}

static void exits_at(const uint8_t *begin, const uint8_t *at, WHV_RUN_VP_EXIT_REASON reason, uint32_t waiting)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(&guest, 0, &r, reason);
    CHECK_EQ(0x1000 + (uint64_t)(at - begin), r.VpContext.Rip);
    CHECK_EQ(waiting, whb_posted_waiting(guest.partition, 0));
    CHECK_EQ(waiting, take(0, WHB_POSTED_SLOTS));
}

/* Reads of a range, and writes that are no MOV and no plain OUT: the client finds what came before. */
static void others(void)
{
    posted_begin(&guest, 1);
    START_64(&guest, 0, posted_others);
    posted_registers(&guest, 0, 0);
    guest_set(&guest, 0, WHvX64RegisterRsi, 0x2000);
    exits_at(payload_posted_others, at_posted_in, WHvRunVpExitReasonX64IoPortAccess, 1);
    guest_advance(&guest, 0, 1);
    exits_at(payload_posted_others, at_posted_load, WHvRunVpExitReasonMemoryAccess, 1);
    guest_advance(&guest, 0, 2);
    exits_at(payload_posted_others, at_posted_add, WHvRunVpExitReasonMemoryAccess, 1);
    guest_advance(&guest, 0, 2);
    exits_at(payload_posted_others, at_posted_outs, WHvRunVpExitReasonX64IoPortAccess, 1);
    guest_destroy(&guest);
}

static void edges(void)
{
    const uint8_t *begin = payload_posted_edges;
    guest_create(&guest, 1, 0);
    CHECK_EQ(S_OK, whb_add_posted_range(guest.partition, HOLE + 0x10, 8));
    CHECK_EQ(S_OK, whb_add_posted_range(guest.partition, POSTED_PORT, 2));
    START_64(&guest, 0, posted_edges);
    posted_registers(&guest, 0, 0);
    guest_set(&guest, 0, WHvX64RegisterRbx, HOLE + 0x10);
    exits_at(begin, at_posted_before, WHvRunVpExitReasonMemoryAccess, 1);
    guest_advance(&guest, 0, 3);
    exits_at(begin, at_posted_over, WHvRunVpExitReasonMemoryAccess, 0);
    guest_advance(&guest, 0, 3);
    exits_at(begin, at_posted_behind, WHvRunVpExitReasonMemoryAccess, 0);
    guest_advance(&guest, 0, 3);
    exits_at(begin, at_posted_wide, WHvRunVpExitReasonX64IoPortAccess, 2);
    guest_advance(&guest, 0, 1);
    exits_at(begin, at_posted_next, WHvRunVpExitReasonX64IoPortAccess, 1);
    guest_destroy(&guest);
}

static void modes(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    posted_begin(&guest, 1);
    guest_load(&guest, 0, payload_bell_32, payload_bell_32_end, 0x1000);
    guest_enter_mode(&guest, 0, GUEST_PROTECTED, 0x1000);
    posted_registers(&guest, 0, 0);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(3, take(0, WHB_POSTED_SLOTS));
    check_write(0, HOLE, 4, 0x55667788);
    check_write(1, HOLE, 2, 0x77);
    check_write(2, HOLE, 1, 0x88);
    guest_destroy(&guest);

    guest_create(&guest, 1, 0);
    CHECK_EQ(WHB_OK, memory_unmap(&guest, 0, 0x1000));
    CHECK_EQ(S_OK, whb_add_posted_range(guest.partition, 0, 0x1000));
    guest_load(&guest, 0, payload_bell_16, payload_bell_16_end, 0x1000);
    guest_set(&guest, 0, WHvX64RegisterRax, VALUE);
    guest_set(&guest, 0, WHvX64RegisterRbx, 0x10);
    guest_set(&guest, 0, WHvX64RegisterRsi, 0x20);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(3, take(0, WHB_POSTED_SLOTS));
    check_write(0, 0, 2, 0x7788);
    check_write(1, 0x20, 4, 0x55667788);
    check_write(2, 0x30, 1, 0x77);
    guest_destroy(&guest);
}

/* The instruction is complete: its single-step trap comes, and the shadow of STI is over. */
static void completed(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    posted_begin(&guest, 1);
    START_64(&guest, 0, posted_trap);
    posted_registers(&guest, 0, 0);
    memcpy(guest.ram + 0x1800, payload_mem_halt, 1);
    guest_idt(&guest, 0, GUEST_LONG, 1, 0x1800);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(1, take(0, WHB_POSTED_SLOTS));
    uint64_t pushed_rip;
    memcpy(&pushed_rip, guest.ram + guest_get(&guest, 0, WHvX64RegisterRsp), sizeof(pushed_rip));
    CHECK_EQ(0x1000 + (uint64_t)(at_posted_trap - payload_posted_trap), pushed_rip);
    START_64(&guest, 0, posted_shadow);
    posted_registers(&guest, 0, 0);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0, r.IoPortAccess.AccessInfo.IsWrite);
    CHECK_EQ(1, take(0, WHB_POSTED_SLOTS));
    CHECK_EQ(0, r.VpContext.ExecutionState.InterruptShadow);
    guest_destroy(&guest);
}

/* A doorbell of the range rings instead; memory that may be written is written, what may only be read is posted. */
static void beside_others(void)
{
    static struct whb_event event;
    WHV_DOORBELL_MATCH_DATA match = {.GuestAddress = HOLE + 4};
    WHV_RUN_VP_EXIT_CONTEXT r;
    event.signals = 0;
    posted_begin(&guest, 1);
    CHECK_EQ(S_OK, WHvRegisterPartitionDoorbellEvent(guest.partition, &match, &event));
    START_64(&guest, 0, posted_mix);
    posted_registers(&guest, 0, 0);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(1, event.signals);
    CHECK_EQ(7, take(0, WHB_POSTED_SLOTS));
    CHECK_EQ(WHB_OK, memory_map(&guest, guest.ram + 0x10000, HOLE, 0x1000, WHB_MAP_READ));
    guest_set(&guest, 0, WHvX64RegisterRip, 0x1000);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(2, event.signals);
    CHECK_EQ(7, take(0, WHB_POSTED_SLOTS));
    CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE, 0x1000, WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_TRACK_DIRTY));
    guest_set(&guest, 0, WHvX64RegisterRip, 0x1000);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(2, event.signals);
    CHECK_EQ(3, take(0, WHB_POSTED_SLOTS));
    guest_destroy(&guest);
}

/* Each VP has its own ring; by the TSC their writes can be put in order. */
static void two_vps(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    posted_begin(&guest, 2);
    for (uint32_t vp = 0; vp < 2; vp++) {
        START_64(&guest, vp, posted_count);
        posted_registers(&guest, vp, 2 + vp);
        guest_run(&guest, vp, &r, WHvRunVpExitReasonX64Halt);
    }
    CHECK_EQ(2, take(0, WHB_POSTED_SLOTS));
    uint64_t last = taken[1].tsc;
    CHECK_EQ(3, take(1, WHB_POSTED_SLOTS));
    CHECK(taken[0].tsc > last);
    guest_destroy(&guest);
}

const struct scenario scenarios_posted[] = {
    {"posted-order", 1, order},
    {"posted-full", 1, full},
    {"posted-others", 1, others},
    {"posted-edges", 1, edges},
    {"posted-modes", 1, modes},
    {"posted-completed", 1, completed},
    {"posted-beside-others", 1, beside_others},
    {"posted-two-vps", 1, two_vps},
    {0},
};
