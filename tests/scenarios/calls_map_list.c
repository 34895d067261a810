/* SPDX-License-Identifier: MIT */
/* GPA_MAP of lists: order, all or nothing, how far a long one comes, and what it costs. */
#include "root/lib/hypercall.h"
#include "tests/scenarios/memory.h"

#define GIB (1ull << 30)
#define LIST 1024u
#define TABLE (2 * MIB) /* what one table of 4 KiB pages maps */

static struct whb_extent list[LIST] __attribute__((aligned(ROOT_PAGE)));

static enum whb_status map(const struct guest *g, uint64_t count, uint64_t *bytes)
{
    return whb_call(WHB_CALL_GPA_MAP, whb_handle(g->partition), (uintptr_t)list, count, 0, 0, bytes);
}

/* Pages of guest memory from the last to the first, so that no two could be one large page, `stride` bytes apart. */
static void scatter(const struct guest *g, uint32_t count, uint64_t gpa, uint64_t stride)
{
    for (uint32_t i = 0; i < count; i++) {
        list[i] = (struct whb_extent){
            .gpa = gpa + i * stride,
            .pa = (uintptr_t)g->ram + (511 - i % 512) * ROOT_PAGE,
            .size = ROOT_PAGE,
            .flags = WHB_MAP_READ | WHB_MAP_WRITE,
        };
    }
}

static WHV_PARTITION_MEMORY_COUNTERS counters(const struct guest *g)
{
    WHV_PARTITION_MEMORY_COUNTERS c = {0};
    uint64_t size = 0;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_COUNTERS, whb_handle(g->partition), WHvPartitionCounterSetMemory,
                              (uintptr_t)&c, sizeof(c), 0, &size));
    return c;
}

/* The page at `gpa` is the one that scatter() put there. */
static void check_page(const struct guest *g, uint64_t gpa, uint32_t i)
{
    uint8_t *page = g->ram + (size_t)(511 - i % 512) * ROOT_PAGE;
    uint64_t word = 0x77 + i;
    memcpy(page, &word, sizeof(word));
    word = 0;
    CHECK_EQ(WHB_OK,
             whb_call(WHB_CALL_GPA_READ, whb_handle(g->partition), gpa, (uintptr_t)&word, sizeof(word), 0, NULL));
    CHECK_EQ(0x77 + i, word);
}

static void lists(void)
{
    struct guest g;
    uint64_t bytes = 0;
    guest_create(&g, 1, 0);
    scatter(&g, WHB_MAP_EXTENTS, GIB - 3 * ROOT_PAGE, ROOT_PAGE); /* over the edges of tables of two levels */
    uint64_t before = counters(&g).Mapped4KPageCount;
    CHECK_EQ(WHB_OK, map(&g, WHB_MAP_EXTENTS, &bytes));
    CHECK_EQ(WHB_MAP_EXTENTS * ROOT_PAGE, bytes);
    CHECK_EQ(before + WHB_MAP_EXTENTS, counters(&g).Mapped4KPageCount);
    for (uint32_t i = 0; i < WHB_MAP_EXTENTS; i++) {
        check_page(&g, GIB - 3 * ROOT_PAGE + i * ROOT_PAGE, i);
    }
    CHECK_EQ(WHB_OK, map(&g, WHB_MAP_EXTENTS, &bytes)); /* over itself */
    CHECK_EQ(before + WHB_MAP_EXTENTS, counters(&g).Mapped4KPageCount);
    guest_destroy(&g);
}

static void nothing_changes(const struct guest *g, enum whb_status expected, uint64_t count)
{
    WHV_PARTITION_MEMORY_COUNTERS before = counters(g), after;
    uint64_t bytes = 1;
    CHECK_EQ(expected, map(g, count, &bytes));
    CHECK_EQ(0, bytes);
    after = counters(g);
    CHECK_EQ(0, memcmp(&before, &after, sizeof(before)));
}

static uint64_t hypervisor_page(void)
{
    for (uint32_t i = 0; i < scenario_machine->range_count; i++) {
        if (scenario_machine->ranges[i].type == WHB_MEMORY_HYPERVISOR) {
            return scenario_machine->ranges[i].base;
        }
    }
    return 0;
}

static void refusals(void)
{
    struct guest g;
    guest_create(&g, 1, 0);
    scatter(&g, 8, GIB, 2 * ROOT_PAGE);
    nothing_changes(&g, WHB_ERROR_INVALID_ARGUMENT, 0);
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT,
             whb_call(WHB_CALL_GPA_MAP, whb_handle(g.partition), (uintptr_t)list + 4, 1, 0, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_GPA_MAP, whb_handle(g.partition), 1ull << 45, 1, 0, 0, NULL));
    list[5].gpa = list[4].gpa; /* twice the same */
    nothing_changes(&g, WHB_ERROR_INVALID_ARGUMENT, 8);
    list[5].gpa = list[3].gpa; /* not ascending */
    nothing_changes(&g, WHB_ERROR_INVALID_ARGUMENT, 8);
    scatter(&g, 8, GIB, 2 * ROOT_PAGE);
    list[3].size = 3 * ROOT_PAGE; /* into the next */
    nothing_changes(&g, WHB_ERROR_INVALID_ARGUMENT, 8);
    scatter(&g, 8, GIB, 2 * ROOT_PAGE);
    list[7].flags = WHB_MAP_WRITE;
    nothing_changes(&g, WHB_ERROR_INVALID_ARGUMENT, 8);
    list[7].flags = WHB_MAP_READ;
    list[7].size = 0;
    nothing_changes(&g, WHB_ERROR_INVALID_ARGUMENT, 8);
    list[7].size = ROOT_PAGE;
    list[7].pa = hypervisor_page();
    nothing_changes(&g, WHB_ERROR_ACCESS_DENIED, 8);
    guest_destroy(&g);
}

/* The last extents need tables that there is no memory for: the first ones are not mapped either. */
static void out_of_memory(void)
{
    struct guest g;
    uint64_t bytes = 0, count = 0;
    guest_create(&g, 1, 0);
    scatter(&g, 16, GIB, TABLE);
    for (uint64_t k = 0;; k++) {
        CHECK_EQ(WHB_OK, whb_call(WHB_CALL_FAIL_ALLOCATION, k + 1, 0, 0, 0, 0, NULL));
        WHV_PARTITION_MEMORY_COUNTERS before = counters(&g), after;
        if (map(&g, 16, &bytes) == WHB_OK) {
            break;
        }
        after = counters(&g);
        CHECK_EQ(0, memcmp(&before, &after, sizeof(before)));
        count++;
    }
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_FAIL_ALLOCATION, 0, 0, 0, 0, 0, NULL));
    CHECK_EQ(17, count); /* a directory, and a table for each page */
    CHECK_EQ(16 * ROOT_PAGE, bytes);
    guest_destroy(&g);
}

/* More extents than one call takes, and an extent with more pages than one call maps. */
static void long_lists(void)
{
    struct guest g;
    uint64_t bytes = 0;
    guest_create(&g, 1, 0);
    uint64_t before = counters(&g).Mapped4KPageCount;
    scatter(&g, LIST, GIB, ROOT_PAGE);
    CHECK_EQ(WHB_OK, map(&g, LIST, &bytes));
    CHECK_EQ(WHB_MAP_EXTENTS * ROOT_PAGE, bytes);
    check_page(&g, GIB + (WHB_MAP_EXTENTS - 1) * ROOT_PAGE, WHB_MAP_EXTENTS - 1);
    uint64_t word;
    CHECK_EQ(WHB_ERROR_GPA_NOT_MAPPED, whb_call(WHB_CALL_GPA_READ, whb_handle(g.partition),
                                                GIB + WHB_MAP_EXTENTS * ROOT_PAGE, (uintptr_t)&word, 8, 0, NULL));
    list[0] =
        (struct whb_extent){.gpa = 3 * GIB + ROOT_PAGE, .pa = (uintptr_t)g.ram, .size = 2 * ROOT_PAGE, .flags = 1};
    list[1] = (struct whb_extent){.gpa = 4 * GIB + ROOT_PAGE, .pa = 0x100000000, .size = 8 * MIB, .flags = 1};
    CHECK_EQ(WHB_OK, map(&g, 2, &bytes));
    CHECK_EQ(WHB_MAP_LEAVES * ROOT_PAGE, bytes);
    CHECK_EQ(WHB_OK, whb_map(whb_handle(g.partition), (const void *)0x100000000, 5 * GIB + ROOT_PAGE, 9 * MIB, 1));
    CHECK_EQ(before + WHB_MAP_EXTENTS + WHB_MAP_LEAVES + 9 * MIB / ROOT_PAGE, counters(&g).Mapped4KPageCount);
    guest_destroy(&g);
}

/* 1 GiB of 4 KiB pages, no two of them neighbours: at most 25 million ticks (issue 14). */
static void cost(void)
{
    struct guest g;
    uint64_t bytes = 0, ticks = 0;
    guest_create(&g, 1, 0);
    for (uint64_t gpa = GIB; gpa < 2 * GIB; gpa += bytes) {
        scatter(&g, WHB_MAP_EXTENTS, gpa, ROOT_PAGE);
        uint64_t begin = cpu_rdtsc();
        enum whb_status status = map(&g, WHB_MAP_EXTENTS, &bytes);
        ticks += cpu_rdtsc() - begin;
        if (status != WHB_OK || bytes != WHB_MAP_EXTENTS * ROOT_PAGE) {
            CHECK_EQ(WHB_OK, status);
            break;
        }
    }
    root_printf("1 GiB of 4 KiB pages: %lu ticks\n", ticks);
    CHECK(ticks <= 25000000);
    guest_destroy(&g);
}

const struct scenario scenarios_calls_map_list[] = {
    {"map-list/scattered", 1, lists}, {"map-list/refusals", 1, refusals}, {"map-list/out-of-memory", 1, out_of_memory},
    {"map-list/long", 1, long_lists}, {"map-list/cost", 1, cost},         {0},
};
