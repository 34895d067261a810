/* SPDX-License-Identifier: MIT */
/* Dirty tracking: exactly what was written, once, also while VPs write; at a cost that follows what was written. */
#include "tests/scenarios/memory.h"

DECLARE_MEMORY_PAYLOAD(mem_write);
DECLARE_MEMORY_PAYLOAD(mem_sweep);
DECLARE_MEMORY_PAYLOAD(mem_events);
DECLARE_MEMORY_PAYLOAD(mem_halt);

#define BLOCK_SIZE (4 * MIB)
#define BLOCK_WORDS (BLOCK_SIZE / 4096 / 64)
#define RW (WHB_MAP_READ | WHB_MAP_WRITE)
#define TRACKED (RW | WHB_MAP_TRACK_DIRTY)

static struct guest guest;
static uint8_t *block;
static uint64_t bitmap[BLOCK_WORDS];

static void begin(uint32_t vps)
{
    if (block == NULL) {
        block = root_alloc_pages(BLOCK_SIZE / ROOT_PAGE, 2 * MIB);
    }
    memset(block, 0, BLOCK_SIZE);
    guest_create(&guest, vps, 0);
    CHECK_EQ(WHB_OK, memory_map(&guest, block, HOLE, BLOCK_SIZE, TRACKED));
}

/* The VP writes a byte to each of `count` pages, `stride` bytes apart, without any exit until it halts. */
static void guest_writes(uint64_t gpa, uint64_t stride, uint64_t count)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    START_64(&guest, 0, mem_write);
    guest_set(&guest, 0, WHvX64RegisterRbx, gpa);
    guest_set(&guest, 0, WHvX64RegisterRdx, stride);
    guest_set(&guest, 0, WHvX64RegisterRcx, count);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
}

static bool is_set(const uint64_t *bits, uint64_t page)
{
    return (bits[page / 64] >> (page % 64) & 1) != 0;
}

/* The dirty pages of the block, as bytes; each is queried once. */
static uint64_t query(void)
{
    uint64_t found = 0;
    memset(bitmap, 0xa5, sizeof(bitmap));
    CHECK_EQ(WHB_OK, memory_dirty(&guest, HOLE, BLOCK_SIZE, bitmap));
    for (uint64_t page = 0; page < BLOCK_SIZE / 4096; page++) {
        found += is_set(bitmap, page) ? 1 : 0;
    }
    return found;
}

static void exact(void)
{
    begin(1);
    CHECK_EQ(0, query());
    guest_writes(HOLE + 0x3123, 3 * ROOT_PAGE, 200); /* pages 3, 6, ... 600: both large pages */
    CHECK_EQ(200, query());
    for (uint64_t page = 0; page < BLOCK_SIZE / 4096; page++) {
        check_equal("page's dirty bit", page % 3 == 0 && page >= 3 && page <= 600, is_set(bitmap, page));
    }
    CHECK_EQ(0, query());
    guest_writes(HOLE + 0x6000, ROOT_PAGE, 1);
    guest_writes(HOLE + 0x6fff, ROOT_PAGE, 1);
    CHECK_EQ(1, query());
    CHECK(is_set(bitmap, 6));
    CHECK_EQ(0, query());
    guest_destroy(&guest);
}

/* Parts of the range: their pages are queried and cleared, the others wait. */
static void parts(void)
{
    uint64_t word[2] = {~0ull, ~0ull};
    begin(1);
    guest_writes(HOLE, ROOT_PAGE, 100);
    CHECK_EQ(WHB_OK, memory_dirty(&guest, HOLE + 10 * ROOT_PAGE, 3 * ROOT_PAGE, word));
    CHECK_EQ(7, word[0]);
    CHECK_EQ(~0ull, word[1]);
    CHECK_EQ(WHB_OK, memory_dirty(&guest, HOLE + 50 * ROOT_PAGE, ROOT_PAGE, NULL));
    CHECK_EQ(96, query());
    CHECK(is_set(bitmap, 9) && !is_set(bitmap, 10) && !is_set(bitmap, 12) && is_set(bitmap, 13) && !is_set(bitmap, 50));
    guest_destroy(&guest);
}

static void calls_mark(void)
{
    uint8_t data[16] = {1};
    begin(1);
    CHECK_EQ(WHB_OK, memory_read(&guest, HOLE + 0x5000, data, 16));
    CHECK_EQ(0, query());
    CHECK_EQ(WHB_OK, memory_write(&guest, HOLE + 0x5000, data, 1));
    CHECK_EQ(WHB_OK, memory_write(&guest, HOLE + 0x8ff8, data, 16));
    CHECK_EQ(3, query());
    CHECK(is_set(bitmap, 5) && is_set(bitmap, 8) && is_set(bitmap, 9));
    CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE, 0x1000, WHB_MAP_READ | WHB_MAP_TRACK_DIRTY));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, memory_write(&guest, HOLE, data, 1));
    CHECK_EQ(0, query());
    guest_destroy(&guest);
}

static void refusals(void)
{
    uint64_t p = 0;
    begin(1);
    p = whb_handle(guest.partition);
    guest_writes(HOLE, ROOT_PAGE, 1);
    memset(bitmap, 0x5a, sizeof(bitmap));
    uint64_t at = (uintptr_t)bitmap, size = 0;
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, memory_dirty(&guest, HOLE - 0x1000, 0x2000, bitmap));
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, memory_dirty(&guest, HOLE, BLOCK_SIZE + 0x1000, NULL));
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, memory_dirty(&guest, 0, 0x1000, bitmap)); /* mapped without tracking */
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_dirty(&guest, HOLE + 8, 0x1000, bitmap));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_dirty(&guest, HOLE, 0, bitmap));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, whb_call(WHB_CALL_GPA_DIRTY, p, HOLE, 0x1000, at + 4, 8, NULL));
    CHECK_EQ(WHB_ERROR_BUFFER_TOO_SMALL, whb_call(WHB_CALL_GPA_DIRTY, p, HOLE, 65 * 4096, at, 15, &size));
    CHECK_EQ(16, size);
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_GPA_DIRTY, p, HOLE, 0x1000, 0xfee00000, 8, NULL));
    CHECK_EQ(WHB_ERROR_INVALID_HANDLE, whb_call(WHB_CALL_GPA_DIRTY, 0, HOLE, 0x1000, at, 8, NULL));
    CHECK_EQ(0x5a5a5a5a5a5a5a5aull, bitmap[0]);
    CHECK_EQ(1, query()); /* none of them cleared anything */
    guest_destroy(&guest);
}

/* A page mapped read-only stays an exit; one that becomes writable does not. */
static void read_only(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin(1);
    CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE, 2 * MIB, WHB_MAP_READ | WHB_MAP_TRACK_DIRTY));
    START_64(&guest, 0, mem_write);
    guest_set(&guest, 0, WHvX64RegisterRbx, HOLE + 0x1234);
    guest_set(&guest, 0, WHvX64RegisterRcx, 1);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    CHECK_EQ(WHvMemoryAccessWrite, r.MemoryAccess.AccessInfo.AccessType);
    CHECK_EQ(0, r.MemoryAccess.AccessInfo.GpaUnmapped);
    CHECK_EQ(HOLE + 0x1234, r.MemoryAccess.Gpa);
    CHECK_EQ(0, query());
    CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE, 2 * MIB, TRACKED));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE, 0x2000, WHB_MAP_READ | WHB_MAP_TRACK_DIRTY));
    CHECK_EQ(1, query()); /* dirt stays through a change of rights */
    guest_destroy(&guest);
}

/* A push of event delivery is the first write: the event is delivered all the same. */
static void event_delivery(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin(1);
    START_64(&guest, 0, mem_events);
    memcpy(guest.ram + 0x1800, payload_mem_halt, 1);
    guest_idt(&guest, 0, GUEST_LONG, 6, 0x1800);
    guest_idt(&guest, 0, GUEST_LONG, 0x30, 0x1800);
    guest_set(&guest, 0, WHvX64RegisterRsp, HOLE + 0x2000);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0x1801, r.VpContext.Rip);
    CHECK_EQ(0x1000, *(uint64_t *)(void *)(block + 0x2000 - 40));
    guest_set(&guest, 0, WHvX64RegisterRsp, HOLE + 0x4000);
    guest_set(&guest, 0, WHvX64RegisterRip, 0x1002);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0x1801, r.VpContext.Rip);
    CHECK_EQ(0x1004, *(uint64_t *)(void *)(block + 0x4000 - 40));
    CHECK_EQ(2, query());
    CHECK(is_set(bitmap, 1) && is_set(bitmap, 3));
    guest_destroy(&guest);
}

/*
 * Accessed bits that a call sets in the guest's page tables are writes. Those that the processor sets are not looked
 * at: Bochs 2.7 sets them without asking the EPT for the right to write.
 */
static void page_tables(void)
{
    const uint64_t tables = 0x100000, flags = WHvTranslateGvaFlagValidateRead | WHvTranslateGvaFlagSetPageTableBits;
    static struct whb_translation translation;
    uint64_t word = 0, p;
    begin(1);
    p = whb_handle(guest.partition);
    CHECK_EQ(WHB_OK, memory_protect(&guest, tables, 0x5000, TRACKED));
    guest_writes(0x3000, 1, 1);
    CHECK_EQ(WHB_OK, memory_dirty(&guest, tables, 0x5000, NULL));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_TRANSLATE_GVA, p, 0, HOLE, flags, (uintptr_t)&translation, NULL));
    CHECK_EQ(WHvTranslateGvaResultSuccess, translation.code);
    CHECK_EQ(HOLE, translation.gpa);
    CHECK_EQ(WHB_OK, memory_dirty(&guest, tables, 0x5000, &word));
    CHECK((word & 4) != 0 && (word & ~7ull) == 0);
    guest_destroy(&guest);
}

/* No memory to split a large page: all of it counts as dirty, and nothing is lost. */
static void out_of_memory(void)
{
    struct whb_statistics s;
    uint64_t far = 1ull << 32;
    begin(1);
    guest_writes(0x3000, 1, 1); /* the set-up of the VP's registers needs no memory later */
    while (memory_map(&guest, block, far, ROOT_PAGE, RW) == WHB_OK) {
        far += 2 * MIB;
    }
    memory_statistics(&s);
    CHECK_EQ(0, s.heap_free);
    guest_writes(HOLE + 0x5000, ROOT_PAGE, 3);
    CHECK_EQ(512, query());
    CHECK(is_set(bitmap, 0) && is_set(bitmap, 511) && !is_set(bitmap, 512));
    CHECK_EQ(0, query());
    for (uint64_t gpa = 1ull << 32; gpa < far; gpa += 2 * MIB) {
        check_equal("unmap", WHB_OK, (uint64_t)memory_unmap(&guest, gpa, ROOT_PAGE));
    }
    guest_writes(HOLE + 0x5000, ROOT_PAGE, 3);
    CHECK_EQ(3, query());
    guest_destroy(&guest);
}

static uint64_t query_ticks(uint64_t gpa, uint64_t size)
{
    uint64_t begun = cpu_rdtsc();
    CHECK_EQ(WHB_OK, memory_dirty(&guest, gpa, size, NULL));
    return cpu_rdtsc() - begun;
}

#define HUGE_AT (1ull << 30)
#define HUGE_SIZE (1ull << 30)

/* 1 GiB is 1024 times 1 MiB, but what a query costs is what was written. */
static void cost(void)
{
    uint8_t byte = 1;
    begin(1);
    for (uint64_t at = 0; at < HUGE_SIZE; at += BLOCK_SIZE) {
        check_equal("map", WHB_OK, (uint64_t)memory_map(&guest, block, HUGE_AT + at, BLOCK_SIZE, TRACKED));
    }
    (void)query_ticks(HOLE, MIB);
    uint64_t small_clean = query_ticks(HOLE, MIB), huge_clean = query_ticks(HUGE_AT, HUGE_SIZE);
    for (uint64_t page = 0; page < 4; page++) {
        CHECK_EQ(WHB_OK, memory_write(&guest, HOLE + page * 0x10000, &byte, 1));
        CHECK_EQ(WHB_OK, memory_write(&guest, HUGE_AT + 700 * MIB + page * 0x10000, &byte, 1));
    }
    uint64_t small = query_ticks(HOLE, MIB), huge = query_ticks(HUGE_AT, HUGE_SIZE);
    root_printf("dirty query, ticks: 1 MiB clean %lu, 4 pages %lu; 1 GiB clean %lu, 4 pages %lu\n", small_clean, small,
                huge_clean, huge);
    CHECK(huge_clean < 3 * small_clean);
    CHECK(huge < 3 * small);
    guest_destroy(&guest);
}

#define SWEEP_PAGES 64u

static volatile uint32_t *page_word(uint64_t page)
{
    return (volatile uint32_t *)(void *)(block + page * ROOT_PAGE);
}

/* VPs write while the root queries: a page that changed between two queries is in the second. */
static void running(uint32_t vps)
{
    static struct memory_run runs[3];
    uint32_t after[SWEEP_PAGES], before[SWEEP_PAGES];
    begin(vps);
    for (uint32_t i = 0; i < vps; i++) {
        START_64(&guest, i, mem_sweep);
        guest_set(&guest, i, WHvX64RegisterRbx, HOLE);
        guest_set(&guest, i, WHvX64RegisterRcx, SWEEP_PAGES - 1);
        runs[i] = (struct memory_run){.guest = &guest, .vp = i, .expect = WHvRunVpExitReasonCanceled};
        memory_run_on(i + 1, &runs[i]);
    }
    CHECK(memory_wait_change(page_word(0), 0));
    (void)query();
    for (uint32_t round = 0; round < 200; round++) {
        for (uint64_t i = 0; i < SWEEP_PAGES; i++) {
            after[i] = *page_word(i);
        }
        for (uint32_t wait = 0; wait < round; wait++) {
            cpu_pause();
        }
        for (uint64_t i = 0; i < SWEEP_PAGES; i++) {
            before[i] = *page_word(i);
        }
        (void)query();
        for (uint64_t i = 0; i < SWEEP_PAGES; i++) {
            check_equal("page that changed and was not reported", 0, before[i] != after[i] && !is_set(bitmap, i));
        }
        CHECK(!is_set(bitmap, SWEEP_PAGES - 1));
        CHECK_EQ(0, bitmap[1] | bitmap[BLOCK_WORDS - 1]);
    }
    for (uint32_t i = 0; i < vps; i++) {
        memory_run_end(i + 1, &runs[i]);
    }
    (void)query();
    CHECK_EQ(0, query());
    guest_destroy(&guest);
}

static void running_one(void)
{
    running(1);
}

static void running_three(void)
{
    running(3);
}

const struct scenario scenarios_memory_dirty[] = {
    {"dirty-exact", 1, exact},
    {"dirty-parts", 1, parts},
    {"dirty-calls", 1, calls_mark},
    {"dirty-refusals", 1, refusals},
    {"dirty-read-only", 1, read_only},
    {"dirty-event-delivery", 1, event_delivery},
    {"dirty-page-tables", 1, page_tables},
    {"dirty-out-of-memory", 1, out_of_memory},
    {"dirty-cost", 1, cost},
    {"dirty-running", 2, running_one},
    {"dirty-running-three", 4, running_three},
    {0},
};
