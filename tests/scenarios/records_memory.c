/* SPDX-License-Identifier: MIT */
/* MemoryAccess: access types, rights, addresses, instruction bytes, mapping and retrying. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(mem64);
DECLARE_PAYLOAD(mem32);
DECLARE_AT(mem64_read);
DECLARE_AT(mem64_write);
DECLARE_AT(mem64_rmw);
DECLARE_AT(mem64_hlt);
DECLARE_AT(mem64_jump);
DECLARE_AT(mem32_read);
DECLARE_AT(mem32_write);

#define HOLE 0x400000ull     /* mapped by the guest's page tables, not by the partition */
#define WINDOW 0x40000000ull /* GVA window onto GPA 0 */
#define UNION_OFFSET 48u
#define READ 0u
#define WRITE 1u
#define EXECUTE 2u
#define UNMAPPED 4u
#define GVA_VALID 8u

static void check_access(struct guest *g, const WHV_RUN_VP_EXIT_CONTEXT *r, uint64_t rip, uint32_t info, uint64_t gpa,
                         uint64_t gva, const uint8_t *bytes, unsigned count)
{
    records_check_context(g, r, rip, 0, 0, 0);
    CHECK_EQ(info, r->MemoryAccess.AccessInfo.AsUINT32);
    CHECK_EQ(gpa, r->MemoryAccess.Gpa);
    CHECK_EQ(gva, r->MemoryAccess.Gva);
    CHECK_EQ(count, r->MemoryAccess.InstructionByteCount);
    if (bytes != NULL) {
        CHECK_EQ(0, memcmp(r->MemoryAccess.InstructionBytes, bytes, count < 8 ? count : 8));
    }
    CHECK_EQ(0, r->MemoryAccess.Reserved[0] | r->MemoryAccess.Reserved[1] | r->MemoryAccess.Reserved[2]);
    check_zero_tail(r, UNION_OFFSET + sizeof(r->MemoryAccess));
}

static void memory_long_mode(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, mem64);
    guest_set(&g, 0, WHvX64RegisterRbx, HOLE + 0x123);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&g, &r, RIP_OF(mem64, mem64_read), READ | UNMAPPED | GVA_VALID, HOLE + 0x123, HOLE + 0x123,
                 at_mem64_read, 16);
    guest_advance(&g, 0, (uint64_t)(at_mem64_write - at_mem64_read));
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&g, &r, RIP_OF(mem64, mem64_write), WRITE | UNMAPPED | GVA_VALID, HOLE + 0x12b, HOLE + 0x12b,
                 at_mem64_write, 16);
    guest_advance(&g, 0, (uint64_t)(at_mem64_rmw - at_mem64_write));
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    CHECK_EQ(HOLE + 0x133, r.MemoryAccess.Gpa);
    CHECK_EQ(1, r.MemoryAccess.AccessInfo.GpaUnmapped);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(mem64, mem64_jump));
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&g, &r, HOLE + 0x123, EXECUTE | UNMAPPED | GVA_VALID, HOLE + 0x123, HOLE + 0x123, NULL, 0);
    guest_destroy(&g);
}

static void memory_protected_mode(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_PROTECTED, mem32);
    guest_set(&g, 0, WHvX64RegisterRbx, HOLE);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&g, &r, RIP_OF(mem32, mem32_read), READ | UNMAPPED | GVA_VALID, HOLE, HOLE, at_mem32_read, 16);
    guest_advance(&g, 0, (uint64_t)(at_mem32_write - at_mem32_read));
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&g, &r, RIP_OF(mem32, mem32_write), WRITE | UNMAPPED | GVA_VALID, HOLE + 4, HOLE + 4, at_mem32_write,
                 16);
    guest_destroy(&g);
}

/* A GVA that is not its GPA, and a page that may be read but not written. */
static void memory_rights_and_window(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, mem64);
    CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram + 0x3000, 0x3000, 0x1000, WHvMapGpaRangeFlagRead));
    memset(g.ram + 0x3000, 0x5a, 0x1000);
    guest_set(&g, 0, WHvX64RegisterRbx, WINDOW + 0x3010);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&g, &r, RIP_OF(mem64, mem64_write), WRITE | GVA_VALID, 0x3018, WINDOW + 0x3018, at_mem64_write, 16);
    CHECK_EQ(0x5a5a5a5a5a5a5a5a, guest_get(&g, 0, WHvX64RegisterRax));
    guest_set(&g, 0, WHvX64RegisterRbx, WINDOW + 0x3000);
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(mem64, mem64_jump));
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&g, &r, WINDOW + 0x3000, EXECUTE | GVA_VALID, 0x3000, WINDOW + 0x3000, NULL, 0);
    guest_destroy(&g);
}

static void memory_map_and_retry(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    const WHV_MAP_GPA_RANGE_FLAGS all = WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute;
    uint64_t *page = root_alloc_pages(1, ROOT_PAGE);
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, mem64);
    page[0] = 0x0123456789abcdef;
    guest_set(&g, 0, WHvX64RegisterRbx, HOLE);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, page, HOLE, ROOT_PAGE, all));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(RIP_OF(mem64, mem64_hlt) + 1, r.VpContext.Rip);
    CHECK_EQ(0x0123456789abcdef, guest_get(&g, 0, WHvX64RegisterRax));
    CHECK_EQ(0x89abcdef, page[1]);
    CHECK_EQ(1, page[2]);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, HOLE, ROOT_PAGE));
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, HOLE, ROOT_PAGE));
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    guest_destroy(&g);
    root_free_page(page);
}

/* One page out of the middle of a large mapping; all around it stays. */
static void memory_partial_unmap(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, mem64);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, 0x80000, 0x1000));
    guest_set(&g, 0, WHvX64RegisterRbx, 0x7ffe0);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_set(&g, 0, WHvX64RegisterRbx, 0x81000);
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_set(&g, 0, WHvX64RegisterRbx, 0x80ff0);
    guest_set(&g, 0, WHvX64RegisterRip, PAYLOAD_AT);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&g, &r, PAYLOAD_AT, READ | UNMAPPED | GVA_VALID, 0x80ff0, 0x80ff0, at_mem64_read, 16);
    guest_destroy(&g);
}

/* The walk itself meets a hole: no GVA to report. */
static void memory_page_walk(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, mem64);
    uint64_t entry = HOLE | 3;
    memcpy(g.ram + 0x101000 + 8 * 8, &entry, sizeof(entry)); /* PDPT entry for 8 GiB */
    guest_set(&g, 0, WHvX64RegisterRbx, 8ull << 30);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    CHECK_EQ(HOLE, r.MemoryAccess.Gpa);
    CHECK_EQ(0, r.MemoryAccess.AccessInfo.GvaValid);
    CHECK_EQ(0, r.MemoryAccess.Gva);
    CHECK_EQ(1, r.MemoryAccess.AccessInfo.GpaUnmapped);
    guest_destroy(&g);
}

/* The instruction ends where mapped memory ends: only its own bytes can be fetched. */
static void memory_short_bytes(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, mem64);
    const unsigned length = (unsigned)(at_mem64_write - at_mem64_read);
    memcpy(g.ram + 0x90000 - length, at_mem64_read, length);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, 0x90000, 0x1000));
    guest_set(&g, 0, WHvX64RegisterRbx, HOLE);
    guest_set(&g, 0, WHvX64RegisterRip, 0x90000 - length);
    guest_run(&g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    check_access(&g, &r, 0x90000 - length, READ | UNMAPPED | GVA_VALID, HOLE, HOLE, at_mem64_read, length);
    guest_destroy(&g);
}

const struct scenario scenarios_records_memory[] = {
    {"record/memory-long", 1, memory_long_mode},
    {"record/memory-protected", 1, memory_protected_mode},
    {"record/memory-rights-gva", 1, memory_rights_and_window},
    {"record/memory-map-and-retry", 1, memory_map_and_retry},
    {"record/memory-partial-unmap", 1, memory_partial_unmap},
    {"record/memory-page-walk", 1, memory_page_walk},
    {"record/memory-short-bytes", 1, memory_short_bytes},
    {0},
};
