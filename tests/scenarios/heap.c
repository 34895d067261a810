/* SPDX-License-Identifier: MIT */
/* Whose the hypervisor's heap is: what the root's accesses take of it, and partitions with a bound. */
#include "tests/scenarios/scenario.h"

#define GIB (1ull << 30)
#define TOUCHES 2000u /* more than a heap of 4 MiB has pages */
#define TOUCHES_AT_ONCE 250u
#define WINDOW_SLOT 100u /* of the root's top page table, far from its identity map */
#define WINDOW ((uint64_t)WINDOW_SLOT << 39)
#define ENTRY_TABLE 3ull    /* present, writable */
#define ENTRY_LARGE 0x9bull /* and uncached, 2 MiB */
#define DEADLINE 40000000000ull

static struct whb_statistics statistics(void)
{
    struct whb_statistics s = {0};
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_STATISTICS, (uintptr_t)&s, sizeof(s), 0, 0, 0, NULL));
    return s;
}

/* Of each CPU its own 2 MiB of the window, for any physical address. */
static uint64_t *windows;

static void open_windows(void)
{
    uint64_t *top;
    uint64_t cr3 = cpu_read_cr3() & ~(ROOT_PAGE - 1), *above = root_alloc_pages(1, ROOT_PAGE);
    memcpy(&top, &cr3, sizeof(top));
    windows = root_alloc_pages(1, ROOT_PAGE);
    above[0] = (uintptr_t)windows | ENTRY_TABLE;
    top[WINDOW_SLOT] = (uintptr_t)above | ENTRY_TABLE;
}

static void touch(uint32_t cpu, uint64_t pa)
{
    const uint64_t size = 2u << 20, at = WINDOW + cpu * size;
    const volatile uint8_t *byte;
    windows[cpu] = (pa & ~(size - 1)) | ENTRY_LARGE;
    __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
    uint64_t address = at + (pa & (size - 1));
    memcpy(&byte, &address, sizeof(address));
    (void)*byte;
}

struct toucher {
    uint32_t cpu, touches;
};

static uint64_t physical_size(void)
{
    uint64_t bits = cpu_cpuid(0x80000008, 0).eax & 0xff;
    return 1ull << (bits < 48 ? bits : 48);
}

/* All over the physical address space, in an order that comes back to none soon. */
static void touch_far(void *arg)
{
    const struct toucher *t = arg;
    uint64_t gibs = physical_size() / GIB;
    for (uint64_t i = 0; i < t->touches; i++) {
        uint64_t gib = (i * 2 + t->cpu) * 5 % gibs;
        touch(t->cpu, gib * GIB + (gib < 4 ? 0 : i * ROOT_PAGE));
    }
}

static uint32_t count_partitions(void)
{
    static uint64_t handles[WHB_MAX_PARTITIONS];
    uint32_t count = 0;
    while (count < 64 && whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &handles[count]) == WHB_OK) {
        count++;
    }
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_DELETE, handles[i], 0, 0, 0, 0, NULL));
    }
    return count;
}

static void check_same_heap(const struct whb_statistics *before)
{
    struct whb_statistics now = statistics();
    CHECK_EQ(before->heap_free, now.heap_free);
    CHECK_EQ(before->heap_root_map, now.heap_root_map);
    CHECK_EQ(before->heap_ept, now.heap_ept);
    CHECK_EQ(before->heap_page_tables, now.heap_page_tables);
}

static void root_touches(void)
{
    struct toucher self = {0, TOUCHES};
    struct whb_statistics before = statistics();
    open_windows();
    touch_far(&self);
    check_same_heap(&before);
    CHECK_EQ(64, count_partitions());
    check_same_heap(&before);
}

/* Each takes back the tables that the other uses. */
static void root_touches_at_once(void)
{
    static struct toucher touchers[2] = {{0, TOUCHES_AT_ONCE}, {1, TOUCHES_AT_ONCE}};
    struct whb_statistics before = statistics();
    open_windows();
    root_run_on(1, touch_far, &touchers[1]);
    touch_far(&touchers[0]);
    CHECK(root_wait(1, DEADLINE));
    check_same_heap(&before);
}

/* With no page of the heap left, what is kept for the root's accesses is still there. */
static void root_touches_full(void)
{
    struct guest g;
    struct toucher self = {0, TOUCHES_AT_ONCE};
    uint64_t mapped = 0;
    guest_create(&g, 1, 0);
    open_windows();
    struct whb_statistics before = statistics();
    while (whb_map(whb_handle(g.partition), g.ram, GIB + (mapped << 21), 4096, 1) == WHB_OK) {
        mapped++;
    }
    CHECK_EQ(0, statistics().heap_free);
    touch_far(&self);
    CHECK_EQ(before.heap_root_map, statistics().heap_root_map);
    guest_destroy(&g);
}

static struct {
    uint64_t partition;
    uint8_t *ram;
    void *buffer;
} bounded;

static enum whb_status on_bounded(enum whb_call number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return whb_call(number, bounded.partition, a, b, c, d, NULL);
}

static uint64_t property(uint32_t code)
{
    uint64_t value = 0;
    CHECK_EQ(WHB_OK, on_bounded(WHB_CALL_PROPERTY_GET, code, (uintptr_t)&value, sizeof(value), 0));
    return value;
}

static enum whb_status set_property(uint32_t code, uint64_t value, uint64_t size)
{
    memcpy(bounded.buffer, &value, sizeof(value));
    return on_bounded(WHB_CALL_PROPERTY_SET, code, (uintptr_t)bounded.buffer, size, 0);
}

static enum whb_status set_up(void)
{
    return on_bounded(WHB_CALL_PARTITION_SETUP, 0, 0, 0, 0);
}

static enum whb_status own_msr_bitmap(void)
{
    return set_property(WHvPartitionPropertyCodeX64MsrExitBitmap, 0x3f, 8);
}

static enum whb_status vp_create(void)
{
    return on_bounded(WHB_CALL_VP_CREATE, 0, (uintptr_t)bounded.buffer + ROOT_PAGE, 0, 0);
}

static enum whb_status map_tracked(void)
{
    return whb_map(bounded.partition, bounded.ram, 0, GUEST_RAM, WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_TRACK_DIRTY);
}

static enum whb_status protect_part(void)
{
    return on_bounded(WHB_CALL_GPA_PROTECT, ROOT_PAGE, ROOT_PAGE, WHB_MAP_READ, 0);
}

static enum whb_status map_far(void)
{
    return whb_map(bounded.partition, bounded.ram, (1ull << 36) - ROOT_PAGE, 2 * ROOT_PAGE, WHB_MAP_READ);
}

static enum whb_status add_posted(void)
{
    return on_bounded(WHB_CALL_POSTED_ADD, WHB_POSTED_PORT | 0x80, 1, 0, 0);
}

static const struct {
    const char *name;
    enum whb_status (*call)(void);
    uint32_t pages; /* that it takes at least */
} bounded_steps[] = {
    {"MSR bitmap", own_msr_bitmap, 1}, {"set up", set_up, 1},        {"VP create", vp_create, 4},
    {"map tracked", map_tracked, 2},   {"protect", protect_part, 0}, {"map far", map_far, 2},
    {"add posted", add_posted, 1},
};

/* Page by page until the call has enough: what it is short of changes nothing, and its last page is the bound's. */
static void raise_until_enough(const char *name, enum whb_status (*call)(void), uint32_t least)
{
    uint64_t used = property(WHB_PROPERTY_HEAP_USED), bound = used;
    for (;; bound += ROOT_PAGE) {
        CHECK_EQ(WHB_OK, set_property(WHB_PROPERTY_HEAP_BOUND, bound, 8));
        check_equal(name, bound, property(WHB_PROPERTY_HEAP_BOUND));
        struct whb_statistics before = statistics();
        enum whb_status status = call();
        if (status == WHB_OK || bound - used > 16 * ROOT_PAGE) {
            check_equal(name, WHB_OK, status);
            break;
        }
        check_equal(name, WHB_ERROR_OUT_OF_MEMORY, status);
        check_equal(name, used, property(WHB_PROPERTY_HEAP_USED));
        check_same_heap(&before);
        CHECK(statistics().heap_failed > before.heap_failed);
    }
    check_equal(name, bound, property(WHB_PROPERTY_HEAP_USED));
    check_equal(name, 1, bound - used >= least * ROOT_PAGE);
}

static void bounded_create(void)
{
    if (bounded.ram == NULL) {
        bounded.ram = root_alloc_pages(GUEST_RAM / ROOT_PAGE, GUEST_RAM);
        bounded.buffer = root_alloc_pages(2, ROOT_PAGE);
    }
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &bounded.partition));
    CHECK_EQ(WHB_OK, set_property(WHvPartitionPropertyCodeProcessorCount, 1, 4));
}

static void bound(void)
{
    struct whb_statistics before = statistics();
    bounded_create();
    CHECK_EQ(0, property(WHB_PROPERTY_HEAP_BOUND));
    for (unsigned i = 0; i < sizeof(bounded_steps) / sizeof(bounded_steps[0]); i++) {
        raise_until_enough(bounded_steps[i].name, bounded_steps[i].call, bounded_steps[i].pages);
    }
    struct whb_statistics full = statistics();
    CHECK_EQ(before.heap_free - full.heap_free, property(WHB_PROPERTY_HEAP_USED));
    CHECK_EQ(WHB_OK, on_bounded(WHB_CALL_PARTITION_DELETE, 0, 0, 0, 0));
    check_same_heap(&before);
    bounded_create(); /* in the same slot */
    CHECK_EQ(0, property(WHB_PROPERTY_HEAP_BOUND));
    CHECK_EQ(WHB_OK, set_up());
    CHECK_EQ(WHB_OK, on_bounded(WHB_CALL_PARTITION_DELETE, 0, 0, 0, 0));
}

/* A partition at its bound keeps what it has, and others do not notice. */
static void bound_is_its_own(void)
{
    struct guest g;
    bounded_create();
    uint64_t used = property(WHB_PROPERTY_HEAP_USED);
    CHECK_EQ(WHB_OK, set_property(WHB_PROPERTY_HEAP_BOUND, ROOT_PAGE, 8)); /* below what it has */
    CHECK_EQ(WHB_ERROR_OUT_OF_MEMORY, set_up());
    CHECK_EQ(used, property(WHB_PROPERTY_HEAP_USED));
    guest_create(&g, 1, 0);
    guest_destroy(&g);
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, set_property(WHB_PROPERTY_HEAP_BOUND, ROOT_PAGE + 8, 8));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, set_property(WHB_PROPERTY_HEAP_BOUND, 0, 4));
    CHECK_EQ(WHB_ERROR_NOT_SUPPORTED, set_property(WHB_PROPERTY_HEAP_USED, 0, 8));
    CHECK_EQ(ROOT_PAGE, property(WHB_PROPERTY_HEAP_BOUND));
    CHECK_EQ(WHB_OK, set_property(WHB_PROPERTY_HEAP_BOUND, 0, 8));
    CHECK_EQ(WHB_OK, set_up());
    CHECK_EQ(WHB_OK, on_bounded(WHB_CALL_PARTITION_DELETE, 0, 0, 0, 0));
}

const scenario_list scenarios_heap = {
    {"heap/root-touches", 1, root_touches},           {"heap/root-touches-at-once", 2, root_touches_at_once},
    {"heap/root-touches-full", 1, root_touches_full}, {"heap/bound", 1, bound},
    {"heap/bound-is-its-own", 1, bound_is_its_own},   {0},
};
