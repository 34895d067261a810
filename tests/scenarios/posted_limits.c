/* SPDX-License-Identifier: MIT */
/* Posted writes: what is refused, a ring that the client spoils, reset and deletion, other CPUs. */
#include "tests/scenarios/posted.h"

DECLARE_MEMORY_PAYLOAD(posted_count);
DECLARE_MEMORY_PAYLOAD(posted_storm);

static struct guest guest;
static struct whb_posted_write taken[WHB_POSTED_SLOTS];

static UINT32 take(void)
{
    UINT32 count = 0;
    CHECK_EQ(S_OK, whb_take_posted_writes(guest.partition, 0, taken, WHB_POSTED_SLOTS, &count));
    return count;
}

static HRESULT add(uint64_t address, uint64_t size)
{
    return whb_add_posted_range(guest.partition, address, size);
}

static void check_refused_ranges(void)
{
    const uint64_t bad[][2] = {
        {HOLE, 0},
        {1ull << 52, 1},
        {HOLE, 1ull << 52},
        {HOLE, ~0ull},
        {POSTED_PORT, 0},
        {WHB_POSTED_PORT | 0x10000, 1},
        {WHB_POSTED_PORT | 0xffff, 2},
        {POSTED_PORT, ~0ull},
        {HOLE - 1, 2},
        {HOLE + 0xfff, 1},
        {0, 1ull << 32},
        {POSTED_PORT + 3, 1},
        {WHB_POSTED_PORT, 0x10000},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(E_INVALIDARG, add(bad[i][0], bad[i][1]));
    }
}

static void check_refused_calls(void)
{
    UINT32 count;
    CHECK_EQ(E_HANDLE, whb_add_posted_range(NULL, HOLE, 1));
    CHECK_EQ(E_HANDLE, whb_remove_posted_range(NULL, HOLE, 1));
    CHECK_EQ(E_HANDLE, whb_take_posted_writes(NULL, 0, taken, 1, &count));
    CHECK_EQ(WHV_E_VP_DOES_NOT_EXIST, whb_take_posted_writes(guest.partition, 1, taken, 1, &count));
    CHECK_EQ(E_POINTER, whb_take_posted_writes(guest.partition, 0, NULL, 1, &count));
    CHECK_EQ(E_POINTER, whb_take_posted_writes(guest.partition, 0, taken, 1, NULL));
    CHECK_EQ(0, whb_posted_waiting(guest.partition, 1));
    CHECK_EQ(E_INVALIDARG, whb_remove_posted_range(guest.partition, HOLE, 0));
    CHECK_EQ(WHB_HR_NOT_FOUND, whb_remove_posted_range(guest.partition, HOLE, 0xfff));
    CHECK_EQ(WHB_HR_NOT_FOUND, whb_remove_posted_range(guest.partition, HOLE + 1, 0xfff));
    CHECK_EQ(WHB_HR_NOT_FOUND, whb_remove_posted_range(guest.partition, PORT, 4));
}

static void refusals(void)
{
    WHV_PARTITION_HANDLE raw;
    struct whb_statistics before, full, after;
    CHECK_EQ(S_OK, WHvCreatePartition(&raw));
    CHECK_EQ(WHB_HR_INVALID_STATE, whb_add_posted_range(raw, HOLE, 1));
    CHECK_EQ(S_OK, WHvDeletePartition(raw));
    guest_create(&guest, 1, 0);
    CHECK_EQ(WHB_HR_NOT_FOUND, whb_remove_posted_range(guest.partition, HOLE, 1));
    memory_statistics(&before);
    CHECK_EQ(S_OK, add(HOLE, 0x1000));
    CHECK_EQ(S_OK, add(POSTED_PORT, 4));
    check_refused_ranges();
    check_refused_calls();
    for (unsigned i = 2; i < WHB_MAX_POSTED_RANGES; i++) {
        CHECK_EQ(S_OK, add(HOLE + 0x1000 * i, 0x1000));
    }
    CHECK_EQ(E_OUTOFMEMORY, add(HOLE + 0x100000, 1));
    CHECK_EQ(S_OK, whb_remove_posted_range(guest.partition, POSTED_PORT, 4));
    CHECK_EQ(WHB_HR_NOT_FOUND, whb_remove_posted_range(guest.partition, POSTED_PORT, 4));
    CHECK_EQ(S_OK, add(HOLE + 0x100000, 1));
    memory_statistics(&full);
    CHECK_EQ(before.heap_partition + ROOT_PAGE, full.heap_partition);
    guest_destroy(&guest);
    memory_statistics(&after);
    CHECK(after.heap_partition + ROOT_PAGE < full.heap_partition);
}

/* No head is worse than another: the VP goes on, and only its own ring suffers. */
static void bad_head(void)
{
    const uint32_t heads[] = {WHB_POSTED_SLOTS, 0x10000, 0x7fffffff, 0xffffffff};
    WHV_RUN_VP_EXIT_CONTEXT r;
    posted_begin(&guest, 1);
    struct whb_posted_ring *ring = &whb_run_page(guest.partition, 0)->posted;
    for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        START_64(&guest, 0, posted_count);
        posted_registers(&guest, 0, 1000);
        ring->head = heads[i];
        ring->tail = heads[i] * 5;
        guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
        CHECK(ring->tail < WHB_POSTED_SLOTS);
    }
    ring->head = ring->tail;
    START_64(&guest, 0, posted_count);
    posted_registers(&guest, 0, 3);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(3, take());
    CHECK_EQ(1, taken[0].value);
    guest_destroy(&guest);
}

static void run_three(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    START_64(&guest, 0, posted_count);
    posted_registers(&guest, 0, 3);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(3, whb_posted_waiting(guest.partition, 0));
}

/* Both empty the ring; the ranges are the partition's and stay. */
static void start_over(void)
{
    struct whb_statistics before, after;
    posted_begin(&guest, 1);
    memory_statistics(&before);
    run_three();
    CHECK_EQ(S_OK, WHvResetPartition(guest.partition));
    CHECK_EQ(0, whb_posted_waiting(guest.partition, 0));
    run_three();
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(guest.partition, 0));
    CHECK_EQ(0, whb_posted_waiting(guest.partition, 0));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(guest.partition, 0, 0));
    CHECK_EQ(0, whb_posted_waiting(guest.partition, 0));
    run_three();
    CHECK_EQ(3, take());
    memory_statistics(&after);
    CHECK_EQ(before.heap_free, after.heap_free);
    guest_destroy(&guest);
}

/* Partitions that come and go with what waits in them. */
static void create_delete(void)
{
    struct whb_statistics before, after;
    memory_statistics(&before);
    for (unsigned i = 0; i < 20; i++) {
        posted_begin(&guest, 1);
        CHECK_EQ(0, whb_posted_waiting(guest.partition, 0));
        run_three();
        guest_destroy(&guest);
    }
    memory_statistics(&after);
    CHECK_EQ(before.heap_free, after.heap_free);
}

#define STREAM 5000u

static struct stream {
    volatile uint32_t stop;
    volatile uint32_t end; /* the exit that ended it */
} stream;

/*
 * Runs the VP on and on: a full ring is left to the other CPU, then the same write is tried again. Ends with any other
 * exit, or with a write to memory once it is told to stop.
 */
static void stream_main(void *arg)
{
    static WHV_RUN_VP_EXIT_CONTEXT r;
    struct guest *g = arg;
    HRESULT hr;
    do {
        hr = WHvRunVirtualProcessor(g->partition, 0, &r, sizeof(r));
        bool memory = hr == S_OK && r.ExitReason == WHvRunVpExitReasonMemoryAccess;
        bool full = memory || (hr == S_OK && r.ExitReason == WHvRunVpExitReasonX64IoPortAccess);
        if (memory && __atomic_load_n(&stream.stop, __ATOMIC_ACQUIRE) != 0) {
            break;
        }
        while (full && whb_posted_waiting(g->partition, 0) != 0 && stream.stop == 0) {
            cpu_pause();
        }
        hr = full ? WHB_HR_INTERRUPTED : hr;
    } while (hr == WHB_HR_INTERRUPTED);
    __atomic_store_n(&stream.end, hr == S_OK || stream.stop != 0 ? r.ExitReason : 0, __ATOMIC_RELEASE);
}

static void drain_running(void)
{
    uint32_t value = 0;
    posted_begin(&guest, 1);
    START_64(&guest, 0, posted_count);
    posted_registers(&guest, 0, STREAM);
    stream = (struct stream){0};
    root_run_on(1, stream_main, &guest);
    for (uint64_t begin = cpu_rdtsc(); value < STREAM && cpu_rdtsc() - begin < MEMORY_TICKS;) {
        uint32_t count = take();
        for (uint32_t i = 0; i < count; i++) {
            value++;
            CHECK_EQ(value, taken[i].value);
            CHECK_EQ(value % 2 != 0 ? POSTED_PORT : HOLE, taken[i].address);
        }
        if (count == 0) {
            cpu_pause();
        }
    }
    CHECK_EQ(STREAM, value);
    CHECK(root_wait(1, MEMORY_TICKS));
    CHECK_EQ(WHvRunVpExitReasonX64Halt, stream.end);
    CHECK_EQ(0, take());
    guest_destroy(&guest);
}

/* When the removal returns, no more comes, and the VP exits; what waited still waits. */
static void remove_round(void)
{
    uint64_t got = 0;
    stream = (struct stream){0};
    root_run_on(1, stream_main, &guest);
    for (uint64_t begin = cpu_rdtsc(); got < 200 && cpu_rdtsc() - begin < MEMORY_TICKS;) {
        got += take();
    }
    CHECK(got >= 200);
    CHECK_EQ(S_OK, whb_remove_posted_range(guest.partition, HOLE, 0x1000));
    (void)take();
    __atomic_store_n(&stream.stop, 1, __ATOMIC_RELEASE);
    CHECK(root_wait(1, MEMORY_TICKS));
    CHECK_EQ(WHvRunVpExitReasonMemoryAccess, stream.end);
    uint32_t left = take();
    for (uint32_t i = 0; i < left; i++) {
        CHECK_EQ(POSTED_PORT, taken[i].address);
    }
    CHECK(left <= 1);
}

static void remove_running(void)
{
    posted_begin(&guest, 1);
    START_64(&guest, 0, posted_storm);
    posted_registers(&guest, 0, 0);
    for (unsigned round = 0; round < 30; round++) {
        remove_round();
        CHECK_EQ(S_OK, add(HOLE, 0x1000));
    }
    guest_destroy(&guest);
}

const struct scenario scenarios_posted_limits[] = {
    {"posted-refusals", 1, refusals},
    {"posted-bad-head", 1, bad_head},
    {"posted-start-over", 1, start_over},
    {"posted-create-delete", 1, create_delete},
    {"posted-drain-running", 2, drain_running},
    {"posted-remove-running", 2, remove_running},
    {0},
};
