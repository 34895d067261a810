/* SPDX-License-Identifier: MIT */
/* Whose the hypervisor's heap is: what the root's accesses take of it. */
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
    while (whb_call(WHB_CALL_GPA_MAP, whb_handle(g.partition), (uintptr_t)g.ram, GIB + (mapped << 21), 4096, 1, NULL) ==
           WHB_OK) {
        mapped++;
    }
    CHECK_EQ(0, statistics().heap_free);
    touch_far(&self);
    CHECK_EQ(before.heap_root_map, statistics().heap_root_map);
    guest_destroy(&g);
}

const scenario_list scenarios_heap = {
    {"heap/root-touches", 1, root_touches},
    {"heap/root-touches-at-once", 2, root_touches_at_once},
    {"heap/root-touches-full", 1, root_touches_full},
    {0},
};
