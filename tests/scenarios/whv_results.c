/* SPDX-License-Identifier: MIT */
/* Results of libwhv's functions as WHP has them, where nothing is mapped or little is allowed (docs/whp.md). */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(idle64);

#define FAR_GVA 0x40000000u /* scenario.h: maps to GPA 0 in the paged modes */
#define TABLES 0x100000u    /* scenario.h */
#define LEAF_AT (TABLES + 0x3000)
#define FREE_GPA 0x300000u
#define ROM_GPA 0x400000u
#define DATA_GPA 0x500000u
#define READ WHvTranslateGvaFlagValidateRead
#define WRITE WHvTranslateGvaFlagValidateWrite
#define EXECUTE WHvTranslateGvaFlagValidateExecute
#define EXEMPT WHvTranslateGvaFlagPrivilegeExempt
#define SET_BITS WHvTranslateGvaFlagSetPageTableBits

static const WHV_MAP_GPA_RANGE_FLAGS rx = (WHV_MAP_GPA_RANGE_FLAGS)(WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagExecute);
static const WHV_MAP_GPA_RANGE_FLAGS rw = (WHV_MAP_GPA_RANGE_FLAGS)(WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite);

static void check_translation(struct guest *g, uint64_t gva, unsigned flags, unsigned code, uint64_t expected)
{
    WHV_TRANSLATE_GVA_RESULT result = {.Reserved = 5};
    WHV_GUEST_PHYSICAL_ADDRESS gpa = 5;
    CHECK_EQ(S_OK, WHvTranslateGva(g->partition, 0, gva, (WHV_TRANSLATE_GVA_FLAGS)flags, &result, &gpa));
    CHECK_EQ(code, result.ResultCode);
    CHECK_EQ(0, result.Reserved);
    CHECK_EQ(expected, gpa);
}

/* Each right against each mapping; the rows hold in every mode, since all of them map these addresses to themselves. */
static void translate_mappings(void)
{
    static const struct {
        uint64_t gpa;
        unsigned flags, code;
    } rows[] = {
        {0x1234, 0, WHvTranslateGvaResultSuccess},
        {0x1234, READ | WRITE | EXECUTE, WHvTranslateGvaResultSuccess},
        {FREE_GPA + 0x12, 0, WHvTranslateGvaResultGpaUnmapped},
        {FREE_GPA + 0x12, EXEMPT, WHvTranslateGvaResultGpaUnmapped},
        {FREE_GPA + 0x12, READ, WHvTranslateGvaResultGpaUnmapped},
        {FREE_GPA + 0x12, WRITE | SET_BITS, WHvTranslateGvaResultGpaUnmapped},
        {FREE_GPA + 0x12, EXECUTE, WHvTranslateGvaResultGpaUnmapped},
        {ROM_GPA + 0xfff, 0, WHvTranslateGvaResultSuccess},
        {ROM_GPA + 0xfff, READ | EXECUTE | SET_BITS, WHvTranslateGvaResultSuccess},
        {ROM_GPA + 0xfff, WRITE, WHvTranslateGvaResultGpaNoWriteAccess},
        {ROM_GPA + 0xfff, READ | WRITE, WHvTranslateGvaResultGpaNoWriteAccess},
        {DATA_GPA, READ | WRITE, WHvTranslateGvaResultSuccess},
        {DATA_GPA, EXECUTE, WHvTranslateGvaResultGpaNoReadAccess},
        {DATA_GPA, WRITE | EXECUTE, WHvTranslateGvaResultGpaNoReadAccess},
    };
    for (enum guest_mode mode = GUEST_REAL; mode <= GUEST_LONG; mode++) {
        struct guest g;
        guest_create(&g, 1, 0);
        CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram, ROM_GPA, ROOT_PAGE, rx));
        CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram, DATA_GPA, ROOT_PAGE, rw));
        records_start(&g, mode, payload_idle64, payload_idle64_end);
        for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            check_translation(&g, rows[i].gpa, rows[i].flags, rows[i].code, rows[i].gpa);
        }
        if (mode >= GUEST_PAE) {
            check_translation(&g, FAR_GVA + 0x1234, READ | WRITE, WHvTranslateGvaResultSuccess, 0x1234);
            check_translation(&g, 2ull * FAR_GVA, READ, WHvTranslateGvaResultPageNotPresent, 0);
            guest_set(&g, 0, WHvX64RegisterCr3, FREE_GPA);
            check_translation(&g, FAR_GVA, READ, WHvTranslateGvaResultGpaUnmapped, WHB_NO_GPA);
        }
        guest_destroy(&g);
    }
}

/* The walk's own results come first, and only those about the page itself have an address. */
static void translate_tables(void)
{
    struct guest g;
    uint64_t *leaf;
    guest_create(&g, 1, 0);
    records_start(&g, GUEST_LONG, payload_idle64, payload_idle64_end);
    leaf = (uint64_t *)(void *)(g.ram + LEAF_AT);
    *leaf = FREE_GPA / GUEST_RAM * GUEST_RAM | 0x81; /* read-only, of supervisors, and nothing there */
    guest_set(&g, 0, WHvX64RegisterCr0, guest_get(&g, 0, WHvX64RegisterCr0) | 1u << 16);
    const uint64_t at = FREE_GPA / GUEST_RAM * GUEST_RAM + 0x321;
    check_translation(&g, FAR_GVA + 0x321, WRITE, WHvTranslateGvaResultPrivilegeViolation, 0);
    check_translation(&g, FAR_GVA + 0x321, READ, WHvTranslateGvaResultGpaUnmapped, at);
    check_translation(&g, FAR_GVA + 0x321, READ | SET_BITS, WHvTranslateGvaResultGpaUnmapped, at);
    CHECK_EQ(0x20, *leaf & 0x60); /* the processor, too, sets the bit before it finds that there is no memory */
    *leaf |= 1ull << 13;
    check_translation(&g, FAR_GVA, READ, WHvTranslateGvaResultInvalidPageTableFlags, 0);
    check_translation(&g, 1ull << 50, READ, WHvTranslateGvaResultPageNotPresent, 0);
    CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram + LEAF_AT, LEAF_AT, ROOT_PAGE, rx));
    *leaf = 0x83;
    check_translation(&g, FAR_GVA, READ, WHvTranslateGvaResultSuccess, 0);
    check_translation(&g, FAR_GVA, READ | SET_BITS, WHvTranslateGvaResultGpaNoWriteAccess, WHB_NO_GPA);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g.partition, LEAF_AT, ROOT_PAGE));
    check_translation(&g, FAR_GVA, READ, WHvTranslateGvaResultGpaUnmapped, WHB_NO_GPA);
    guest_destroy(&g);
}

/* What is not mapped may be unmapped, alone and together with what is: QEMU unmaps its flash twice, and aborts. */
static void unmap_nothing(void)
{
    struct guest g;
    WHV_PARTITION_MEMORY_COUNTERS before, after;
    guest_create(&g, 1, 0);
    WHV_PARTITION_HANDLE p = g.partition;
    CHECK_EQ(S_OK, WHvGetPartitionCounters(p, WHvPartitionCounterSetMemory, &before, sizeof(before), NULL));
    CHECK_EQ(S_OK, WHvUnmapGpaRange(p, FREE_GPA, ROOT_PAGE));
    CHECK_EQ(S_OK, WHvUnmapGpaRange(p, 0x100000000, 0x40000000));
    CHECK_EQ(S_OK, WHvUnmapGpaRange(p, GUEST_RAM, (1ull << 36) - GUEST_RAM));
    CHECK_EQ(S_OK, WHvGetPartitionCounters(p, WHvPartitionCounterSetMemory, &after, sizeof(after), NULL));
    CHECK_EQ(0, memcmp(&before, &after, sizeof(before)));
    check_translation(&g, GUEST_RAM - 1, READ, WHvTranslateGvaResultSuccess, GUEST_RAM - 1);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(p, GUEST_RAM - ROOT_PAGE, 4 * ROOT_PAGE)); /* one page of them is there */
    CHECK_EQ(S_OK, WHvUnmapGpaRange(p, GUEST_RAM - ROOT_PAGE, ROOT_PAGE));
    check_translation(&g, GUEST_RAM - 1, READ, WHvTranslateGvaResultGpaUnmapped, GUEST_RAM - 1);
    check_translation(&g, GUEST_RAM - ROOT_PAGE - 1, READ, WHvTranslateGvaResultSuccess, GUEST_RAM - ROOT_PAGE - 1);
    CHECK_EQ(E_INVALIDARG, WHvUnmapGpaRange(p, FREE_GPA + 1, ROOT_PAGE));
    CHECK_EQ(E_INVALIDARG, WHvUnmapGpaRange(p, FREE_GPA, ROOT_PAGE - 1));
    CHECK_EQ(E_INVALIDARG, WHvUnmapGpaRange(p, FREE_GPA, 0));
    CHECK_EQ(WHV_E_GPA_RANGE_NOT_FOUND, whb_protect_gpa_range(p, GUEST_RAM - ROOT_PAGE, ROOT_PAGE, rx));
    guest_destroy(&g);
}

const struct scenario scenarios_whv_results[] = {
    {"whv/translate-mappings", 1, translate_mappings},
    {"whv/translate-tables", 1, translate_tables},
    {"whv/unmap-nothing", 1, unmap_nothing},
    {0},
};
