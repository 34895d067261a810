/* SPDX-License-Identifier: MIT */
/*
 * Every call that allocates, made to run out of memory at each of its allocations in turn: it must say so and leave the
 * accounting as it was, and the same call must succeed when nothing fails any more.
 */
#include "tests/scenarios/scenario.h"

#define MOST_ALLOCATIONS 64u
#define BLOCK (4ull << 20)

static struct {
    uint64_t partition;
    uint8_t *memory; /* BLOCK bytes, aligned to 2 MiB, of guest memory; nothing of it runs */
    void *run_page;
    void *buffer;
} test;

struct step {
    const char *name;
    enum whb_status (*call)(void);
    uint32_t allocations; /* that it makes at least */
};

static void read_statistics(struct whb_statistics *s)
{
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_STATISTICS, (uintptr_t)s, sizeof(*s), 0, 0, 0, NULL));
    s->heap_failed = 0; /* the failures are meant */
}

/* Arms, and answers how many allocations were made since the last arming. */
static uint64_t fail_allocation(uint64_t k)
{
    uint64_t made = 0;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_FAIL_ALLOCATION, k, 0, 0, 0, 0, &made));
    return made;
}

static void check_same(const char *name, const struct whb_statistics *before)
{
    struct whb_statistics now = {0};
    read_statistics(&now);
    check_equal(name, before->heap_free, now.heap_free);
    check_equal(name, before->heap_ept, now.heap_ept);
    check_equal(name, before->heap_partition, now.heap_partition);
    check_equal(name, before->heap_vp, now.heap_vp);
    check_equal(name, before->heap_page_tables, now.heap_page_tables);
    check_equal(name, before->partitions, now.partitions);
}

/* The last turn is the one in which nothing failed: it has taken effect. */
static void exhaust(const struct step *step)
{
    struct whb_statistics before = {0};
    read_statistics(&before);
    for (uint32_t k = 1; k <= MOST_ALLOCATIONS; k++) {
        (void)fail_allocation(k);
        enum whb_status status = step->call();
        uint64_t made = fail_allocation(0);
        if (made < k) {
            check_equal(step->name, WHB_OK, status);
            check_equal(step->name, 1, made >= step->allocations);
            return;
        }
        check_equal(step->name, WHB_ERROR_OUT_OF_MEMORY, status);
        check_same(step->name, &before);
    }
    check_equal(step->name, 0, MOST_ALLOCATIONS); /* it never succeeded */
}

static enum whb_status on_partition(enum whb_call number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return whb_call(number, test.partition, a, b, c, d, NULL);
}

static enum whb_status set_property(uint32_t code, uint64_t value, uint64_t size)
{
    memcpy(test.buffer, &value, sizeof(value));
    return on_partition(WHB_CALL_PROPERTY_SET, code, (uintptr_t)test.buffer, size, 0);
}

static enum whb_status create(void)
{
    uint64_t handle = 0;
    enum whb_status status = whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &handle);
    if (status == WHB_OK) {
        test.partition = handle;
    }
    return status;
}

static enum whb_status set_count(void)
{
    return set_property(WHvPartitionPropertyCodeProcessorCount, 2, 4);
}

static enum whb_status set_msr_classes(void)
{
    return set_property(WHvPartitionPropertyCodeX64MsrExitBitmap, 0x3f, 8);
}

static enum whb_status set_up(void)
{
    return on_partition(WHB_CALL_PARTITION_SETUP, 0, 0, 0, 0);
}

static enum whb_status create_vp0(void)
{
    return on_partition(WHB_CALL_VP_CREATE, 0, (uintptr_t)test.run_page, 0, 0);
}

static enum whb_status create_vp1(void)
{
    return on_partition(WHB_CALL_VP_CREATE, 1, (uintptr_t)test.run_page + ROOT_PAGE, 0, 0);
}

static enum whb_status map(uint64_t offset, uint64_t gpa, uint64_t size, uint64_t flags)
{
    return whb_map(test.partition, (const uint8_t *)test.memory + offset, gpa, size, flags);
}

static enum whb_status map_large(void)
{
    return map(0, 0, BLOCK, WHB_MAP_READ | WHB_MAP_WRITE);
}

/* Splits a leaf of 2 MiB where the machine has such leaves. */
static enum whb_status map_split(void)
{
    return map(0x5000, 0x3000, 0x1000, WHB_MAP_READ);
}

static enum whb_status map_far(void)
{
    return map(0x1000, 1ull << 35, 0x2000, WHB_MAP_READ | WHB_MAP_EXECUTE);
}

/* In two tables of 4 KiB leaves at once. */
static enum whb_status map_across(void)
{
    return map(0x1000, (3ull << 30) - 0x1000, 0x2000, WHB_MAP_READ);
}

static enum whb_status unmap_split(void)
{
    return on_partition(WHB_CALL_GPA_UNMAP, 0x200000 + 0x7000, 0x1000, 0, 0);
}

#define PROTECTED (1ull << 36)

static enum whb_status map_protected(void)
{
    return map(0, PROTECTED, BLOCK, WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_TRACK_DIRTY);
}

/* Cuts a leaf of 2 MiB at each end. */
static enum whb_status protect_split(void)
{
    return on_partition(WHB_CALL_GPA_PROTECT, PROTECTED + 0x1000, 0x200000, WHB_MAP_READ, 0);
}

static enum whb_status add_doorbell(void)
{
    WHV_DOORBELL_MATCH_DATA match = {.GuestAddress = 0x80 | WHB_DOORBELL_PORT};
    memcpy(test.buffer, &match, sizeof(match));
    return on_partition(WHB_CALL_DOORBELL_ADD, (uintptr_t)test.buffer, (uintptr_t)test.buffer + 64, 0, 0);
}

static enum whb_status add_posted(void)
{
    return on_partition(WHB_CALL_POSTED_ADD, WHB_POSTED_PORT | 0x80, 1, 0, 0);
}

static const struct step life[] = {
    {"partition create", create, 2},
    {"processor count", set_count, 0},
    {"MSR classes", set_msr_classes, 1},
    {"partition setup", set_up, 1},
    {"VP create", create_vp0, 4},
    {"second VP create", create_vp1, 4},
    {"map", map_large, 2},
    {"map, splitting", map_split, 1},
    {"map, new tables", map_far, 2},
    {"map, two tables", map_across, 4},
    {"unmap, splitting", unmap_split, 1},
    {"map, tracked", map_protected, 1},
    {"protect, splitting", protect_split, 2},
    {"first posted range", add_posted, 1},
    {"doorbell in the same table", add_doorbell, 0},
};

static void prepare(void)
{
    if (test.memory == NULL) {
        test.memory = root_alloc_pages(BLOCK / ROOT_PAGE, 2 << 20);
        test.run_page = root_alloc_pages(2, ROOT_PAGE);
        test.buffer = root_alloc_pages(1, ROOT_PAGE);
    }
    CHECK(test.memory != NULL && test.run_page != NULL && test.buffer != NULL);
}

static void run_life(void)
{
    struct whb_statistics before = {0};
    prepare();
    read_statistics(&before);
    for (uint32_t i = 0; i < sizeof(life) / sizeof(life[0]); i++) {
        exhaust(&life[i]);
    }
    CHECK_EQ(WHB_OK, on_partition(WHB_CALL_PARTITION_DELETE, 0, 0, 0, 0));
    check_same("after deletion", &before);
}

/* A VP's struct outlives the VP: creation again takes the other path, and must leave as little behind. */
static void run_vp_again(void)
{
    const struct step again = {"VP create again", create_vp0, 3};
    struct whb_statistics before = {0};
    prepare();
    read_statistics(&before);
    CHECK_EQ(WHB_OK, create());
    CHECK_EQ(WHB_OK, set_count());
    CHECK_EQ(WHB_OK, set_up());
    CHECK_EQ(WHB_OK, create_vp0());
    CHECK_EQ(WHB_OK, on_partition(WHB_CALL_VP_DELETE, 0, 0, 0, 0));
    exhaust(&again);
    CHECK_EQ(WHB_ERROR_VP_EXISTS, create_vp0());
    CHECK_EQ(WHB_OK, on_partition(WHB_CALL_PARTITION_DELETE, 0, 0, 0, 0));
    check_same("after deletion", &before);
}

const scenario_list scenarios_out_of_memory = {
    {"out-of-memory-each-call", 1, run_life},
    {"out-of-memory-vp-again", 1, run_vp_again},
    {0},
};
