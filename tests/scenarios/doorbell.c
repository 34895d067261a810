/* SPDX-License-Identifier: MIT */
/* Doorbells: writes that signal an event and do not exit; everything else exits as without them. */
#include "tests/scenarios/memory.h"

DECLARE_MEMORY_PAYLOAD(bell_sizes);
DECLARE_MEMORY_PAYLOAD(bell_others);
DECLARE_MEMORY_PAYLOAD(bell_trap);
DECLARE_MEMORY_PAYLOAD(bell_storm);
DECLARE_MEMORY_PAYLOAD(bell_ports);
DECLARE_MEMORY_PAYLOAD(bell_port_others);
DECLARE_MEMORY_PAYLOAD(bell_port_in);
DECLARE_MEMORY_PAYLOAD(bell_32);
DECLARE_MEMORY_PAYLOAD(bell_16);
DECLARE_MEMORY_PAYLOAD(mem_halt);
extern const uint8_t at_bell_add[], at_bell_stos[], at_bell_cross[];

#define ANY 0u
#define BELL(n) (WHB_DOORBELL_PORT | (n))

static struct guest guest;
static struct whb_event events[4];

/* `length` ANY: every size; `on_value`: only `value`. */
static WHV_DOORBELL_MATCH_DATA match_of(uint64_t address, uint32_t length, bool on_value, uint64_t value)
{
    WHV_DOORBELL_MATCH_DATA m = {.GuestAddress = address, .Value = value, .Length = length};
    m.MatchOnLength = length != ANY;
    m.MatchOnValue = on_value;
    return m;
}

static enum whb_status call(enum whb_call number, const WHV_DOORBELL_MATCH_DATA *match, const struct whb_event *event)
{
    return whb_call(number, whb_handle(guest.partition), (uintptr_t)match, (uintptr_t)event, 0, 0, NULL);
}

static enum whb_status add(uint64_t address, uint32_t length, bool on_value, uint64_t value, unsigned event)
{
    static WHV_DOORBELL_MATCH_DATA match;
    match = match_of(address, length, on_value, value);
    return call(WHB_CALL_DOORBELL_ADD, &match, &events[event]);
}

static enum whb_status remove(uint64_t address, uint32_t length, bool on_value, uint64_t value)
{
    static WHV_DOORBELL_MATCH_DATA match;
    match = match_of(address, length, on_value, value);
    return call(WHB_CALL_DOORBELL_REMOVE, &match, NULL);
}

static void begin(void)
{
    memset(events, 0, sizeof(events));
    guest_create(&guest, 1, 0);
}

static void check_signals(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t expected[4] = {a, b, c, d};
    for (unsigned i = 0; i < 4; i++) {
        check_equal("signals", expected[i], __atomic_load_n(&events[i].signals, __ATOMIC_SEQ_CST));
    }
}

static void set_address(uint64_t gpa)
{
    guest_set(&guest, 0, WHvX64RegisterRbx, gpa);
    guest_set(&guest, 0, WHvX64RegisterRcx, 1);
    guest_set(&guest, 0, WHvX64RegisterRax, 0x1234);
}

static void memory(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin();
    CHECK_EQ(WHB_OK, add(HOLE + 0x10, ANY, false, 0, 0));
    CHECK_EQ(WHB_OK, add(HOLE + 0x10, ANY, true, 0x1234, 1));
    CHECK_EQ(WHB_OK, add(HOLE + 0x10, 8, false, 0, 2));
    CHECK_EQ(WHB_OK, add(HOLE + 0x10, 1, true, 0x12, 3));
    START_64(&guest, 0, bell_sizes);
    set_address(HOLE + 0x10);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0x1000 + payload_bell_sizes_end - payload_bell_sizes, r.VpContext.Rip);
    check_signals(7, 4, 2, 1); /* 1234H as word, dword, qword and immediate; two qwords; AH */
    CHECK_EQ(1, whb_run_page(guest.partition, 0)->sequence);
    guest_destroy(&guest);
}

/* Not the address, the length or the value: each exits as it would without doorbells, and can be handled. */
static void mismatches(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin();
    CHECK_EQ(WHB_OK, add(HOLE + 8, ANY, false, 0, 0));
    CHECK_EQ(WHB_OK, add(HOLE + 0x10, 2, false, 0, 1));
    CHECK_EQ(WHB_OK, add(HOLE + 0x10, ANY, true, 0x5555, 2));
    START_64(&guest, 0, bell_sizes);
    set_address(HOLE + 0x10);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    CHECK_EQ(0x1000, r.VpContext.Rip);
    CHECK_EQ(HOLE + 0x10, r.MemoryAccess.Gpa);
    CHECK_EQ(16, r.MemoryAccess.InstructionByteCount);
    CHECK_EQ(1, r.MemoryAccess.AccessInfo.GpaUnmapped);
    guest_advance(&guest, 0, 2);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess); /* the word did not exit, the dword does */
    CHECK_EQ(0x1005, r.VpContext.Rip);
    check_signals(0, 1, 0, 0);
    guest_destroy(&guest);
}

static void other_instructions(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin();
    CHECK_EQ(WHB_OK, add(HOLE, ANY, false, 0, 0));
    START_64(&guest, 0, bell_others);
    set_address(HOLE);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    CHECK_EQ(0x1000, r.VpContext.Rip);
    guest_set(&guest, 0, WHvX64RegisterRip, 0x1000 + (uint64_t)(at_bell_add - payload_bell_others));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    uint64_t stos = 0x1000 + (uint64_t)(at_bell_stos - payload_bell_others);
    CHECK_EQ(stos, r.VpContext.Rip);
    /* A store that begins on the page before is not a write to the doorbell, though the processor reports one part. */
    CHECK_EQ(WHB_OK, memory_map(&guest, guest.ram + 0x10000, HOLE - 0x1000, 0x1000, 3));
    guest_set(&guest, 0, WHvX64RegisterRip, 0x1000 + (uint64_t)(at_bell_cross - payload_bell_others));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_signals(0, 0, 0, 0);
    guest_destroy(&guest);
}

/* On read-only memory a doorbell rings; on writable memory there is nothing to see, tracked or not. */
static void mapped_memory(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin();
    uint64_t gpa = HOLE;
    CHECK_EQ(WHB_OK, memory_map(&guest, guest.ram + 0x10000, gpa, 0x1000, WHB_MAP_READ));
    CHECK_EQ(WHB_OK, add(gpa, ANY, false, 0, 0));
    START_64(&guest, 0, bell_sizes);
    set_address(gpa);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    check_signals(7, 0, 0, 0);
    CHECK_EQ(0, guest.ram[0x10000]);
    CHECK_EQ(WHB_OK, memory_protect(&guest, gpa, 0x1000, WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_TRACK_DIRTY));
    guest_set(&guest, 0, WHvX64RegisterRip, 0x1000);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    check_signals(7, 0, 0, 0);
    guest_destroy(&guest);
}

static void modes(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin();
    CHECK_EQ(WHB_OK, add(HOLE, ANY, false, 0, 0));
    CHECK_EQ(WHB_OK, add(HOLE, 2, true, 0x77, 1));
    guest_load(&guest, 0, payload_bell_32, payload_bell_32_end, 0x1000);
    guest_enter_mode(&guest, 0, GUEST_PROTECTED, 0x1000);
    set_address(HOLE);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    check_signals(3, 1, 0, 0);
    guest_set(&guest, 0, WHvX64RegisterRip, 0x1000);
    guest_enter_mode(&guest, 0, GUEST_PAE, 0x1000);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    check_signals(6, 2, 0, 0);
    guest_destroy(&guest);

    begin();
    CHECK_EQ(WHB_OK, memory_unmap(&guest, 0xf0000, 0x1000));
    CHECK_EQ(WHB_OK, add(0xf0000, ANY, false, 0, 0));
    guest_load(&guest, 0, payload_bell_16, payload_bell_16_end, 0x1000);
    WHV_REGISTER_NAME name = WHvX64RegisterDs;
    WHV_REGISTER_VALUE value = {0};
    value.Segment.Selector = 0xf000;
    value.Segment.Base = 0xf0000;
    value.Segment.Limit = 0xffff;
    value.Segment.Attributes = 0x93;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(guest.partition, 0, &name, 1, &value));
    guest_set(&guest, 0, WHvX64RegisterRbx, 0);
    guest_set(&guest, 0, WHvX64RegisterRsi, 0);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    check_signals(3, 0, 0, 0);
    guest_destroy(&guest);
}

/* The instruction is complete, so its single-step trap comes. */
static void single_step(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin();
    CHECK_EQ(WHB_OK, add(HOLE, ANY, false, 0, 0));
    START_64(&guest, 0, bell_trap);
    memcpy(guest.ram + 0x1800, payload_mem_halt, 1);
    guest_idt(&guest, 0, GUEST_LONG, 1, 0x1800);
    set_address(HOLE);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    check_signals(1, 0, 0, 0);
    uint64_t pushed_rip;
    memcpy(&pushed_rip, guest.ram + guest_get(&guest, 0, WHvX64RegisterRsp), sizeof(pushed_rip));
    CHECK_EQ(0x1000 + payload_bell_trap_end - payload_bell_trap - 2, pushed_rip);
    guest_destroy(&guest);
}

static void ports(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin();
    CHECK_EQ(WHB_OK, add(BELL(0x3f8), ANY, false, 0, 0));
    CHECK_EQ(WHB_OK, add(BELL(0x3f8), 2, true, 0x1234, 1));
    CHECK_EQ(WHB_OK, add(BELL(0x3f8), 4, true, 0x1234, 2));
    CHECK_EQ(WHB_OK, add(0x3f8, ANY, false, 0, 3)); /* a GPA, not the port */
    START_64(&guest, 0, bell_ports);
    guest_set(&guest, 0, WHvX64RegisterRax, 0x9999999900001234);
    guest_set(&guest, 0, WHvX64RegisterRdx, 0x3f8);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0x80, r.IoPortAccess.PortNumber);
    check_signals(3, 1, 1, 0);
    START_64(&guest, 0, bell_port_others);
    guest_set(&guest, 0, WHvX64RegisterRsi, 0x2000);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    START_64(&guest, 0, bell_port_in);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    check_signals(3, 1, 1, 0);
    guest_destroy(&guest);
}

static void refusals(void)
{
    struct whb_statistics before, full, after;
    WHV_DOORBELL_MATCH_DATA match = match_of(HOLE, ANY, false, 0);
    begin();
    memory_statistics(&before);
    CHECK_EQ(WHB_ERROR_NOT_FOUND, call(WHB_CALL_DOORBELL_REMOVE, &match, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, call(WHB_CALL_DOORBELL_ADD, (const void *)0xfee00000, &events[0]));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, call(WHB_CALL_DOORBELL_REMOVE, (const void *)0xfee00000, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, call(WHB_CALL_DOORBELL_ADD, &match, (const void *)0xfee00000));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT,
             call(WHB_CALL_DOORBELL_ADD, &match, (const void *)((uintptr_t)&events[0] + 4)));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, add(1ull << 52, ANY, false, 0, 0));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, add(BELL(0x10000), ANY, false, 0, 0));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, add(HOLE, 3, false, 0, 0));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, add(HOLE, 1, true, 0x100, 0));
    match.Reserved = 1;
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, call(WHB_CALL_DOORBELL_ADD, &match, &events[0]));
    memory_statistics(&after);
    CHECK_EQ(0, memcmp(&before, &after, sizeof(before)));
    for (unsigned i = 0; i < WHB_MAX_DOORBELLS; i++) {
        CHECK_EQ(WHB_OK, add(HOLE + 8 * i, ANY, false, 0, 0));
    }
    memory_statistics(&full);
    CHECK_EQ(before.heap_partition + ROOT_PAGE, full.heap_partition);
    CHECK_EQ(WHB_ERROR_OUT_OF_MEMORY, add(HOLE + 0x1000, ANY, false, 0, 0));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, add(HOLE, ANY, false, 99, 0)); /* there is one: its value does not count */
    CHECK_EQ(WHB_OK, remove(HOLE + 8, ANY, false, 0));
    CHECK_EQ(WHB_ERROR_NOT_FOUND, remove(HOLE + 8, ANY, false, 0));
    CHECK_EQ(WHB_ERROR_NOT_FOUND, remove(HOLE, 4, false, 0));
    CHECK_EQ(WHB_OK, add(HOLE + 0x1000, ANY, false, 0, 0));
    guest_destroy(&guest);
    memory_statistics(&after);
    CHECK(after.heap_partition + ROOT_PAGE < full.heap_partition);
}

/* When the removal returns, the event is signalled no more, and the VP exits. */
static void remove_running(void)
{
    static struct memory_run run;
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin();
    START_64(&guest, 0, bell_storm);
    set_address(HOLE);
    for (unsigned round = 0; round < 30; round++) {
        CHECK_EQ(WHB_OK, add(HOLE, 4, true, 0x1234, 0));
        run = (struct memory_run){.guest = &guest, .expect = WHvRunVpExitReasonMemoryAccess};
        uint32_t before = (uint32_t)events[0].signals;
        memory_run_on(1, &run);
        CHECK(memory_wait_change((volatile uint32_t *)(void *)&events[0], before));
        CHECK_EQ(WHB_OK, remove(HOLE, 4, true, 0x1234));
        uint64_t signals = __atomic_load_n(&events[0].signals, __ATOMIC_SEQ_CST);
        memory_run_end(1, &run);
        CHECK_EQ(signals, __atomic_load_n(&events[0].signals, __ATOMIC_SEQ_CST));
        CHECK_EQ(signals, *(uint32_t *)(void *)(guest.ram + 0x3000));
    }
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    guest_destroy(&guest);
}

const struct scenario scenarios_doorbell[] = {
    {"doorbell-memory", 1, memory},
    {"doorbell-mismatches", 1, mismatches},
    {"doorbell-other-instructions", 1, other_instructions},
    {"doorbell-mapped-memory", 1, mapped_memory},
    {"doorbell-modes", 1, modes},
    {"doorbell-single-step", 1, single_step},
    {"doorbell-ports", 1, ports},
    {"doorbell-refusals", 1, refusals},
    {"doorbell-remove-running", 2, remove_running},
    {0},
};
