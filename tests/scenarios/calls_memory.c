/* SPDX-License-Identifier: MIT */
/* Hypercalls and memory: buffers that are not the root's RAM, and a heap that runs out. */
#include "tests/scenarios/scenario.h"

#define MMIO 0xfee00000ull
#define BEYOND_RAM (1ull << 38)

static struct whb_statistics *statistics(void)
{
    static struct whb_statistics s;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_STATISTICS, (uintptr_t)&s, sizeof(s), 0, 0, 0, NULL));
    return &s;
}

/* Every call that takes a buffer or page, with one that starts at `at`. */
static void refuse_everywhere(uint64_t p, uint64_t at, uint64_t good)
{
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_LOG_READ, 0, at, 4096, 0, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_STATISTICS, at, 4096, 0, 0, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_AUDIT_MAPPINGS, at, 4096, 0, 0, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_GET_CAPABILITY, 0, at, 4096, 0, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_PROPERTY_GET, p, 0x1fff, at, 4096, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_PROPERTY_SET, p, 1, at, 8, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_VP_GET_REGISTERS, p, 0, at, good, 1, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_VP_GET_REGISTERS, p, 0, good, at, 1, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_VP_SET_REGISTERS, p, 0, at, good, 1, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_VP_SET_REGISTERS, p, 0, good, at, 1, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_VP_CREATE, p, 1, at & ~4095ull, 0, 0, NULL));
}

static void foreign_buffers(void)
{
    struct guest g;
    guest_create(&g, 2, 0);
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(g.partition, 1));
    g.vps = 1;
    uint64_t p = whb_handle(g.partition), good = (uintptr_t)g.ram;
    struct whb_statistics before = *statistics();
    for (uint32_t i = 0; i < scenario_machine->range_count; i++) {
        const struct whb_memory_range *r = &scenario_machine->ranges[i];
        if (r->type != WHB_MEMORY_HYPERVISOR) {
            continue;
        }
        refuse_everywhere(p, r->base, good);
        refuse_everywhere(p, r->base + r->size - 16, good);
        CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_STATISTICS, r->base - 8, sizeof(before), 0, 0, 0, NULL));
        CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_map(p, (const void *)r->base, 0x400000, 4096, 7));
        CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_map(p, (const void *)(r->base - 4096), 0x400000, 8192, 1));
        CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_map(p, (const void *)(r->base + r->size - 4096), 0x400000, 8192, 7));
    }
    refuse_everywhere(p, MMIO, good);
    refuse_everywhere(p, BEYOND_RAM, good);
    refuse_everywhere(p, UINT64_MAX - 4095, good);
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_STATISTICS, UINT64_MAX - 8, sizeof(before), 0, 0, 0, NULL));
    CHECK_EQ(0, memcmp(&before, statistics(), sizeof(before)));
    guest_destroy(&g);
}

/* Partitions up to the limit; the next one is refused, and works again when one has gone. */
static void partitions_limit(void)
{
    static uint64_t handles[WHB_MAX_PARTITIONS];
    struct whb_statistics before = *statistics();
    for (uint32_t i = 0; i < WHB_MAX_PARTITIONS; i++) {
        CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &handles[i]));
    }
    struct whb_statistics full = *statistics();
    CHECK_EQ(WHB_MAX_PARTITIONS, full.partitions);
    CHECK_EQ(WHB_ERROR_OUT_OF_MEMORY, whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, NULL));
    CHECK_EQ(0, memcmp(&full, statistics(), sizeof(full)));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_DELETE, handles[7], 0, 0, 0, 0, NULL));
    uint64_t old = handles[7];
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &handles[7]));
    CHECK(old != handles[7]);
    CHECK_EQ(WHB_ERROR_INVALID_HANDLE, whb_call(WHB_CALL_PARTITION_DELETE, old, 0, 0, 0, 0, NULL));
    for (uint32_t i = 0; i < WHB_MAX_PARTITIONS; i++) {
        CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_DELETE, handles[i], 0, 0, 0, 0, NULL));
    }
    CHECK_EQ(0, memcmp(&before, statistics(), sizeof(before)));
}

static uint64_t small_partition(uint32_t vps)
{
    uint64_t handle = 0;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &handle));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PROPERTY_SET, handle, 0x1fff, (uintptr_t)&vps, 4, 0, NULL));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_SETUP, handle, 0, 0, 0, 0, NULL));
    return handle;
}

static void check_failure_is_clean(enum whb_status came, const struct whb_statistics *before)
{
    struct whb_statistics after = *statistics();
    CHECK_EQ(WHB_ERROR_OUT_OF_MEMORY, came);
    CHECK(after.heap_failed > before->heap_failed);
    after.heap_failed = before->heap_failed;
    CHECK_EQ(0, memcmp(before, &after, sizeof(after)));
}

/* One page at each 2 MiB takes an EPT page table each; at each 1 GiB also a directory. */
static enum whb_status map_far_pages(uint64_t p, uint64_t page, uint64_t from, uint64_t stride, uint64_t *mapped)
{
    for (;;) {
        enum whb_status status = whb_map(p, (const void *)page, from + *mapped * stride, 4096, 1);
        if (status != WHB_OK) {
            return status;
        }
        ++*mapped;
    }
}

static void exhaustion(void)
{
    static uint64_t handles[WHB_MAX_PARTITIONS];
    uint8_t *page = root_alloc_pages(1, ROOT_PAGE);
    struct whb_statistics start = *statistics(), before;
    uint64_t p = small_partition(WHB_MAX_VPS), mapped = 0, more = 0;
    uint32_t vps = 0, partitions = 0;
    CHECK_EQ(WHB_ERROR_OUT_OF_MEMORY, map_far_pages(p, (uintptr_t)page, 0, 1u << 21, &mapped));
    CHECK_EQ(0, statistics()->heap_free);
    CHECK(mapped > 100);
    before = *statistics();
    check_failure_is_clean(map_far_pages(p, (uintptr_t)page, 1ull << 37, 1ull << 30, &more), &before);
    CHECK_EQ(0, more);
    before = *statistics();
    check_failure_is_clean(whb_call(WHB_CALL_VP_CREATE, p, 0, (uintptr_t)page, 0, 0, NULL), &before);
    before = *statistics();
    check_failure_is_clean(whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, NULL), &before);
    /* Room for a little: unmapping gives some back, which VPs and then partitions use up. */
    for (uint32_t i = 0; i < 40; i++) {
        CHECK_EQ(WHB_OK, whb_call(WHB_CALL_GPA_UNMAP, p, (uint64_t)i << 21, 4096, 0, 0, NULL));
    }
    enum whb_status status;
    while ((status = whb_call(WHB_CALL_VP_CREATE, p, vps, (uintptr_t)page, 0, 0, NULL)) == WHB_OK) {
        before = *statistics();
        vps++;
    }
    CHECK(vps > 0 && vps < WHB_MAX_VPS);
    check_failure_is_clean(status, &before);
    before = *statistics();
    while ((status = whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &handles[partitions])) == WHB_OK) {
        before = *statistics();
        partitions++;
    }
    check_failure_is_clean(status, &before);
    while (partitions > 0) {
        CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_DELETE, handles[--partitions], 0, 0, 0, 0, NULL));
    }
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_DELETE, p, 0, 0, 0, 0, NULL));
    before = *statistics();
    before.heap_failed = start.heap_failed;
    CHECK_EQ(0, memcmp(&start, &before, sizeof(start)));
    root_free_page(page);
}

const struct scenario scenarios_calls_memory[] = {
    {"calls-foreign-buffers", 1, foreign_buffers},
    {"calls-partitions-limit", 1, partitions_limit},
    {"calls-out-of-memory", 1, exhaustion},
    {0},
};
