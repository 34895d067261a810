/* SPDX-License-Identifier: MIT */
/*
 * Mapping, unmapping and changing rights, of a partition whose VP has run since the last change: what the processor
 * may have cached of the old mapping has to go.
 */
#include "root/bench/guest.h"

BENCH_CODE(pio);

#define ALL (WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute)
#define READ_ONLY (WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagExecute)
#define LARGE 0x200000u
#define AT_4K 0x10000000u /* GPA; the page behind it stays mapped, so that the tables stay */
#define AT_2M 0x40000000u

static struct guest guest;
static uint8_t *block; /* LARGE bytes */
static HRESULT result;

static void must(HRESULT hr)
{
    if (FAILED(hr)) {
        result = hr;
    }
}

static void map(uint64_t gpa, uint64_t size, WHV_MAP_GPA_RANGE_FLAGS flags)
{
    must(WHvMapGpaRange(guest.partition, block, gpa, size, flags));
}

static void unmap(uint64_t gpa, uint64_t size)
{
    must(WHvUnmapGpaRange(guest.partition, gpa, size));
}

static void run_vp(void)
{
    do {
        guest_run(&guest);
    } while (guest_judge(&guest, WHvRunVpExitReasonX64IoPortAccess) == BENCH_DISCARD);
    must(guest.hr);
}

static void before_map(void *arg)
{
    (void)arg;
    run_vp();
}

static void work_map_4k(void *arg)
{
    (void)arg;
    map(AT_4K, ROOT_PAGE, ALL);
}

static void work_map_2m(void *arg)
{
    (void)arg;
    map(AT_2M, LARGE, ALL);
}

static enum bench_verdict after(void *arg)
{
    (void)arg;
    return FAILED(result) ? BENCH_FAILED : BENCH_GOOD;
}

static enum bench_verdict after_map_4k(void *arg)
{
    unmap(AT_4K, ROOT_PAGE);
    return after(arg);
}

static enum bench_verdict after_map_2m(void *arg)
{
    unmap(AT_2M, LARGE);
    return after(arg);
}

static void before_unmap(void *arg)
{
    (void)arg;
    map(AT_4K, ROOT_PAGE, ALL);
    run_vp();
}

static void work_unmap(void *arg)
{
    (void)arg;
    unmap(AT_4K, ROOT_PAGE);
}

/* Each time a right is taken away. */
static void before_protect(void *arg)
{
    before_unmap(arg);
}

static void work_protect(void *arg)
{
    (void)arg;
    must(whb_protect_gpa_range(guest.partition, AT_4K, ROOT_PAGE, READ_ONLY));
}

static void measure(const char *name, const struct bench_work *work)
{
    result = S_OK;
    if (bench_wants(name)) {
        bench_measure(name, work);
    }
}

void bench_memory(void)
{
    const struct guest_options options = {0};
    const struct bench_work map_4k = {before_map, work_map_4k, after_map_4k, NULL};
    const struct bench_work map_2m = {before_map, work_map_2m, after_map_2m, NULL};
    const struct bench_work unmap_4k = {before_unmap, work_unmap, after, NULL};
    const struct bench_work protect_4k = {before_protect, work_protect, after_map_4k, NULL};
    if (!(bench_wants("map_4k") || bench_wants("map_2m") || bench_wants("unmap_4k") || bench_wants("protect_4k")) ||
        !guest_create(&guest, "memory", &options)) {
        return;
    }
    block = block != NULL ? block : root_alloc_pages(LARGE / ROOT_PAGE, LARGE);
    if (block != NULL && GUEST_LOAD(&guest, 0, pio)) {
        map(AT_4K + ROOT_PAGE, ROOT_PAGE, ALL);
        measure("map_4k", &map_4k);
        measure("map_2m", &map_2m);
        measure("unmap_4k", &unmap_4k);
        measure("protect_4k", &protect_4k);
    } else {
        bench_failed("memory", "memory", E_OUTOFMEMORY);
    }
    guest_destroy(&guest);
}
