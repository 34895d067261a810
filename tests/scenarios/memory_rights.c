/* SPDX-License-Identifier: MIT */
/* Rights of guest memory: changed at once, refused whole, in force when the call returns; bytes moved by calls. */
#include "tests/scenarios/memory.h"

DECLARE_MEMORY_PAYLOAD(mem_write);
DECLARE_MEMORY_PAYLOAD(mem_read);
DECLARE_MEMORY_PAYLOAD(mem_count);
DECLARE_MEMORY_PAYLOAD(mem_watch);
DECLARE_MEMORY_PAYLOAD(mem_halt);

#define BLOCK_PAGES 8u
#define R WHB_MAP_READ
#define RW (WHB_MAP_READ | WHB_MAP_WRITE)
#define RX (WHB_MAP_READ | WHB_MAP_EXECUTE)
#define RWX (RW | WHB_MAP_EXECUTE)
#define SEEN ((volatile uint32_t *)(void *)(guest.ram + 0x3000))

static struct guest guest;
static uint8_t *block; /* BLOCK_PAGES pages of the root, zeroed for each scenario */

static void begin(uint64_t flags)
{
    if (block == NULL) {
        block = root_alloc_pages(BLOCK_PAGES, ROOT_PAGE);
    }
    memset(block, 0, BLOCK_PAGES * ROOT_PAGE);
    guest_create(&guest, 1, 0);
    CHECK_EQ(WHB_OK, memory_map(&guest, block, HOLE, BLOCK_PAGES * ROOT_PAGE, flags));
}

static void write_at(uint64_t gpa)
{
    START_64(&guest, 0, mem_write);
    guest_set(&guest, 0, WHvX64RegisterRbx, gpa);
    guest_set(&guest, 0, WHvX64RegisterRcx, 1);
    guest_set(&guest, 0, WHvX64RegisterRax, 0x77);
}

static void check_access(const WHV_RUN_VP_EXIT_CONTEXT *r, WHV_MEMORY_ACCESS_TYPE type, uint64_t gpa)
{
    CHECK_EQ(type, r->MemoryAccess.AccessInfo.AccessType);
    CHECK_EQ(0, r->MemoryAccess.AccessInfo.GpaUnmapped);
    CHECK_EQ(gpa, r->MemoryAccess.Gpa);
}

static void protect(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin(RWX);
    write_at(HOLE + 0x1004);
    CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE + 0x1000, 0x1000, R));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&r, WHvMemoryAccessWrite, HOLE + 0x1004);
    CHECK_EQ(0, block[0x1004]);
    CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE + 0x1000, 0x1000, RW));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0x77, block[0x1004]);
    memcpy(block + 0x1000, payload_mem_halt, 1);
    memcpy(block + 0x2000, payload_mem_halt, 1);
    guest_set(&guest, 0, WHvX64RegisterRip, HOLE + 0x1000);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&r, WHvMemoryAccessExecute, HOLE + 0x1000);
    CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE + 0x1000, 0x1000, RX));
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_set(&guest, 0, WHvX64RegisterRip, HOLE + 0x2000); /* the neighbour kept its rights */
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&guest);
}

static void protect_refusals(void)
{
    static const uint64_t flags[] = {0, 2, 4, 6, 8, 10, 16, 17, R | 1ull << 32};
    uint64_t none = 0;
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin(RWX);
    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_protect(&guest, HOLE, 0x1000, flags[i]));
        CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_map(&guest, block, HOLE, 0x1000, flags[i]));
    }
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_protect(&guest, HOLE + 1, 0x1000, R));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_protect(&guest, HOLE, 0x800, R));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_protect(&guest, HOLE, 0, R));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_protect(&guest, 1ull << 52, 0x1000, R));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_protect(&guest, HOLE, ~0xfffull, R));
    uint64_t size = BLOCK_PAGES * ROOT_PAGE;
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, memory_protect(&guest, HOLE, size + 0x1000, R));
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, memory_protect(&guest, HOLE - 0x1000, 0x2000, R));
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, memory_protect(&guest, 0x100000000, 0x1000, R));
    CHECK_EQ(WHB_ERROR_INVALID_HANDLE, whb_call(WHB_CALL_GPA_PROTECT, 0, HOLE, size, R, 0, NULL));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &none));
    CHECK_EQ(WHB_ERROR_INVALID_STATE, whb_call(WHB_CALL_GPA_PROTECT, none, HOLE, size, R, 0, NULL));
    CHECK_EQ(WHB_ERROR_INVALID_STATE, whb_call(WHB_CALL_GPA_DIRTY, none, HOLE, size, 0, 0, NULL));
    CHECK_EQ(WHB_ERROR_INVALID_STATE, whb_call(WHB_CALL_GPA_READ, none, 0, (uintptr_t)block, 8, 0, NULL));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_DELETE, none, 0, 0, 0, 0, NULL));
    write_at(HOLE);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt); /* no refusal changed a right */
    guest_destroy(&guest);
}

/* A large page is split at both ends only, and what it maps stays. */
static void protect_large(void)
{
    struct whb_statistics before, after;
    WHV_RUN_VP_EXIT_CONTEXT r;
    begin(RW);
    CHECK_EQ(WHB_OK, memory_map(&guest, guest.ram, 32 * MIB, 2 * MIB, RW));
    memory_statistics(&before);
    CHECK_EQ(WHB_OK, memory_protect(&guest, 32 * MIB, 2 * MIB, R));
    memory_statistics(&after);
    CHECK_EQ(before.heap_ept, after.heap_ept);
    CHECK_EQ(WHB_OK, memory_protect(&guest, 32 * MIB + 0x80000, 0x1000, RW));
    memory_statistics(&after);
    CHECK_EQ(before.heap_ept + ROOT_PAGE, after.heap_ept);
    write_at(32 * MIB + 0x80123);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0x77, guest.ram[0x80123]);
    write_at(32 * MIB + 0x81000);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&r, WHvMemoryAccessWrite, 32 * MIB + 0x81000);
    guest_destroy(&guest);
}

/* When the call has returned, no CPU writes any more. */
static void protect_running(void)
{
    static struct memory_run run;
    for (uint32_t round = 0; round < 20; round++) {
        begin(RW);
        volatile uint32_t *word = (volatile uint32_t *)(void *)(block + 0x1000);
        START_64(&guest, 0, mem_count);
        guest_set(&guest, 0, WHvX64RegisterRbx, HOLE + 0x1000);
        run = (struct memory_run){.guest = &guest, .expect = WHvRunVpExitReasonMemoryAccess};
        memory_run_on(1, &run);
        CHECK(memory_wait_change(word, 0));
        CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE, 0x3000, R));
        uint32_t value = *word;
        memory_run_end(1, &run);
        CHECK_EQ(value, *word);
        check_access(&run.record, WHvMemoryAccessWrite, HOLE + 0x1000);
        guest_destroy(&guest);
    }
}

/* While one mapping replaces another the VP always reads one of the two; it never exits. */
static void replace_storm(void)
{
    static struct memory_run run;
    begin(R);
    *(uint32_t *)(void *)block = 1;
    *(uint32_t *)(void *)(block + 0x1000) = 2;
    START_64(&guest, 0, mem_watch);
    guest_set(&guest, 0, WHvX64RegisterRbx, HOLE);
    run = (struct memory_run){.guest = &guest, .expect = WHvRunVpExitReasonCanceled};
    memory_run_on(1, &run);
    CHECK(memory_wait_change(&SEEN[1], 0));
    for (uint32_t i = 0; i < 300; i++) {
        CHECK_EQ(WHB_OK, memory_map(&guest, block + (i % 2 == 0 ? 0x1000 : 0), HOLE, 0x1000, i % 3 == 0 ? RW : R));
        if (i % 16 == 0) {
            uint32_t reads = SEEN[1];
            CHECK(memory_wait_change(&SEEN[1], reads));
        }
        CHECK_EQ(WHB_OK, memory_protect(&guest, HOLE, 0x2000, i % 2 == 0 ? RW : RX));
    }
    memory_run_end(1, &run);
    CHECK_EQ(6, SEEN[0]);
    guest_destroy(&guest);
}

static void read_write(void)
{
    uint8_t data[16] = {0};
    static const uint8_t text[16] = "0123456789abcde";
    begin(RW);
    for (uint64_t size = 1; size <= 16; size++) {
        uint64_t at = 0x1000 - size / 2; /* crosses into the next page */
        CHECK_EQ(WHB_OK, memory_write(&guest, HOLE + at, text, size));
        CHECK_EQ(0, memcmp(block + at, text, size));
        CHECK_EQ(0, block[at + size]);
        memset(data, 0xee, sizeof(data));
        CHECK_EQ(WHB_OK, memory_read(&guest, HOLE + at, data, size));
        CHECK_EQ(0, memcmp(data, text, size));
        CHECK(size == 16 || data[size] == 0xee);
        memset(block, 0, BLOCK_PAGES * ROOT_PAGE);
    }
    /* The two halves of a crossing access are two mappings. */
    CHECK_EQ(WHB_OK, memory_map(&guest, block + 0x5000, HOLE + 0x1000, 0x1000, RW));
    CHECK_EQ(WHB_OK, memory_write(&guest, HOLE + 0xffc, text, 8));
    CHECK_EQ(0, memcmp(block + 0xffc, text, 4));
    CHECK_EQ(0, memcmp(block + 0x5000, text + 4, 4));
    guest_destroy(&guest);
}

static void read_write_refusals(void)
{
    uint8_t data[16] = {0x11};
    begin(RW);
    uint64_t end = HOLE + BLOCK_PAGES * ROOT_PAGE, p = whb_handle(guest.partition);
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_read(&guest, HOLE, data, 0));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_read(&guest, HOLE, data, 17));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_write(&guest, HOLE, data, 0));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, memory_write(&guest, HOLE, data, 1ull << 40));
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, memory_read(&guest, end - 4, data, 8));
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, memory_write(&guest, end - 4, data, 8));
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, memory_write(&guest, UINT64_MAX, data, 8));
    CHECK_EQ(WHB_OK, memory_protect(&guest, end - 0x1000, 0x1000, R));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, memory_write(&guest, end - 0x1004, data, 8));
    CHECK_EQ(WHB_OK, memory_read(&guest, end - 0x1004, data, 8));
    CHECK_EQ(WHB_OK, memory_map(&guest, (const void *)0xfee00000, HOLE, 0x1000, RW)); /* no RAM behind it */
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, memory_read(&guest, HOLE, data, 4));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, memory_write(&guest, HOLE, data, 4));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_GPA_READ, p, HOLE + 0x1000, 0xfee00000, 8, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_GPA_WRITE, p, HOLE + 0x1000, 0xfee00000, 8, 0, NULL));
    CHECK_EQ(WHB_ERROR_INVALID_HANDLE, whb_call(WHB_CALL_GPA_READ, 0, HOLE, (uintptr_t)data, 8, 0, NULL));
    for (uint32_t i = 0; i < BLOCK_PAGES * ROOT_PAGE; i++) {
        check_equal("byte that a refused write left alone", 0, block[i]);
    }
    guest_destroy(&guest);
}

static void check_counters(uint64_t small, uint64_t large)
{
    WHV_PARTITION_MEMORY_COUNTERS c = {0};
    uint64_t size = 0, p = whb_handle(guest.partition);
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_COUNTERS, p, WHvPartitionCounterSetMemory, (uintptr_t)&c, sizeof(c), 0,
                              &size));
    CHECK_EQ(sizeof(c), size);
    CHECK_EQ(small, c.Mapped4KPageCount);
    CHECK_EQ(large, c.Mapped2MPageCount);
    CHECK_EQ(0, c.Mapped1GPageCount);
}

#define MANY 4096u

/* Thousands of small mappings, of which no two neighbours could be one; all comes back. */
static void many_small(void)
{
    struct whb_statistics before, after;
    uint64_t size = 0;
    begin(RW);
    uint64_t p = whb_handle(guest.partition);
    check_counters(BLOCK_PAGES, 1);
    memory_statistics(&before);
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t page = (i * 5 + i / 7) % BLOCK_PAGES;
        enum whb_status status = memory_map(&guest, block + page * ROOT_PAGE, 32 * MIB + i * ROOT_PAGE, ROOT_PAGE, R);
        check_equal("map one more", WHB_OK, (uint64_t)status);
    }
    check_counters(BLOCK_PAGES + MANY, 1);
    for (uint32_t i = 0; i < BLOCK_PAGES; i++) {
        block[i * ROOT_PAGE] = (uint8_t)(i + 1);
    }
    for (uint64_t i = 0; i < MANY; i++) {
        uint8_t byte = 0;
        (void)memory_read(&guest, 32 * MIB + i * ROOT_PAGE, &byte, 1);
        check_equal("byte read", (i * 5 + i / 7) % BLOCK_PAGES + 1, byte);
    }
    CHECK_EQ(WHB_OK, memory_unmap(&guest, 32 * MIB, MANY * ROOT_PAGE));
    memory_statistics(&after);
    CHECK_EQ(0, memcmp(&before, &after, sizeof(before)));
    check_counters(BLOCK_PAGES, 1);
    CHECK_EQ(WHB_ERROR_BUFFER_TOO_SMALL,
             whb_call(WHB_CALL_PARTITION_COUNTERS, p, WHvPartitionCounterSetMemory, (uintptr_t)block, 23, 0, &size));
    CHECK_EQ(24, size);
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, whb_call(WHB_CALL_PARTITION_COUNTERS, p, 99, (uintptr_t)block, 24, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED,
             whb_call(WHB_CALL_PARTITION_COUNTERS, p, WHvPartitionCounterSetMemory, 0xfee00000, 24, 0, NULL));
    guest_destroy(&guest);
}

const struct scenario scenarios_memory_rights[] = {
    {"memory-protect", 1, protect},
    {"memory-protect-refusals", 1, protect_refusals},
    {"memory-protect-large", 1, protect_large},
    {"memory-protect-running", 2, protect_running},
    {"memory-replace-storm", 2, replace_storm},
    {"memory-read-write", 1, read_write},
    {"memory-read-write-refusals", 1, read_write_refusals},
    {"memory-many-small", 1, many_small},
    {0},
};
