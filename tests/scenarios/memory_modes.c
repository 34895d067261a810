/* SPDX-License-Identifier: MIT */
/* MemoryAccess in the modes with segment bases and PAE, accesses over two pages, and bytes at the edge of memory. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(access16);
DECLARE_PAYLOAD(mem32);
DECLARE_PAYLOAD(mem64);
DECLARE_AT(access16_store);
DECLARE_AT(access16_push);
DECLARE_AT(mem32_read);
DECLARE_AT(mem32_write);
DECLARE_AT(mem64_read);
DECLARE_AT(mem64_write);

#define HOLE 0x90000ull
#define HOLE_SIZE 0x2000ull
#define WINDOW 0x40000000ull /* GVA window onto GPA 0 */
#define BASE 0x88000ull      /* of the data segments */
#define UNION_OFFSET 48u
#define READ 0u
#define WRITE 1u
#define EXECUTE 2u
#define UNMAPPED 4u
#define GVA_VALID 8u

struct access {
    uint32_t info;
    uint64_t rip, gpa, gva;
    const uint8_t *bytes;
    unsigned count;
};

static void expect(struct guest *g, const struct access *a)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(g, 0, &r, WHvRunVpExitReasonMemoryAccess);
    records_check_context(g, &r, a->rip, 0, 0, 0);
    CHECK_EQ(a->info, r.MemoryAccess.AccessInfo.AsUINT32);
    CHECK_EQ(a->gpa, r.MemoryAccess.Gpa);
    CHECK_EQ(a->gva, r.MemoryAccess.Gva);
    CHECK_EQ(a->count, r.MemoryAccess.InstructionByteCount);
    if (a->bytes != NULL) {
        CHECK_EQ(0, memcmp(r.MemoryAccess.InstructionBytes, a->bytes, a->count < 4 ? a->count : 4));
    }
    check_zero_tail(&r, UNION_OFFSET + sizeof(r.MemoryAccess));
}

static void start(struct guest *g, enum guest_mode mode, const uint8_t *begin, const uint8_t *end)
{
    guest_create(g, 1, 0);
    records_start(g, mode, begin, end);
    CHECK_EQ(S_OK, WHvUnmapGpaRange(g->partition, HOLE, HOLE_SIZE));
}

static void set_segment(struct guest *g, WHV_REGISTER_NAME name, uint16_t attributes, uint32_t base, uint32_t limit)
{
    WHV_REGISTER_VALUE v = {0};
    v.Segment.Base = base;
    v.Segment.Selector = name == WHvX64RegisterCs ? 0x08 : (uint16_t)(base >> 4);
    v.Segment.Attributes = attributes;
    v.Segment.Limit = limit;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
}

/* Loads, stores and pushes with the segments' bases; Gva is the linear address. */
static void accesses_of_16_bit_code(struct guest *g)
{
    const WHV_REGISTER_NAME segments[] = {WHvX64RegisterDs, WHvX64RegisterEs, WHvX64RegisterSs};
    for (unsigned i = 0; i < 3; i++) {
        set_segment(g, segments[i], 0x93, BASE, 0xffff);
    }
    guest_set(g, 0, WHvX64RegisterRbx, 0x8123);
    guest_set(g, 0, WHvX64RegisterRdi, 0x8456);
    guest_set(g, 0, WHvX64RegisterRsp, 0x8800);
    expect(g, &(struct access){READ | UNMAPPED | GVA_VALID, PAYLOAD_AT, 0x90123, 0x90123, payload_access16, 16});
    guest_advance(g, 0, (uint64_t)(at_access16_store - payload_access16));
    expect(g, &(struct access){WRITE | UNMAPPED | GVA_VALID, RIP_OF(access16, access16_store), 0x90456, 0x90456,
                               at_access16_store, 16});
    guest_advance(g, 0, (uint64_t)(at_access16_push - at_access16_store));
    expect(g, &(struct access){WRITE | UNMAPPED | GVA_VALID, RIP_OF(access16, access16_push), 0x907fc, 0x907fc,
                               at_access16_push, 16});
    CHECK_EQ(0x8800, guest_get(g, 0, WHvX64RegisterRsp));
}

static void real_mode(void)
{
    struct guest g;
    start(&g, GUEST_REAL, payload_access16, payload_access16_end);
    accesses_of_16_bit_code(&g);
    guest_destroy(&g);
}

static void protected_16(void)
{
    struct guest g;
    start(&g, GUEST_PROTECTED, payload_access16, payload_access16_end);
    set_segment(&g, WHvX64RegisterCs, 0x9b, 0, 0xffff);
    accesses_of_16_bit_code(&g);
    guest_destroy(&g);
}

static void protected_32(void)
{
    struct guest g;
    start(&g, GUEST_PROTECTED, payload_mem32, payload_mem32_end);
    set_segment(&g, WHvX64RegisterDs, 0xc093, BASE, 0xffffffff);
    guest_set(&g, 0, WHvX64RegisterRbx, HOLE - BASE + 0x10);
    expect(&g, &(struct access){READ | UNMAPPED | GVA_VALID, PAYLOAD_AT, HOLE + 0x10, HOLE + 0x10, at_mem32_read, 16});
    guest_advance(&g, 0, (uint64_t)(at_mem32_write - at_mem32_read));
    expect(&g, &(struct access){WRITE | UNMAPPED | GVA_VALID, RIP_OF(mem32, mem32_write), HOLE + 0x14, HOLE + 0x14,
                                at_mem32_write, 16});
    guest_destroy(&g);
}

static void pae(void)
{
    struct guest g;
    start(&g, GUEST_PAE, payload_mem32, payload_mem32_end);
    guest_set(&g, 0, WHvX64RegisterRbx, WINDOW + HOLE + 0x20);
    expect(&g, &(struct access){READ | UNMAPPED | GVA_VALID, PAYLOAD_AT, HOLE + 0x20, WINDOW + HOLE + 0x20,
                                at_mem32_read, 16});
    guest_advance(&g, 0, (uint64_t)(at_mem32_write - at_mem32_read));
    expect(&g, &(struct access){WRITE | UNMAPPED | GVA_VALID, RIP_OF(mem32, mem32_write), HOLE + 0x24,
                                WINDOW + HOLE + 0x24, at_mem32_write, 16});
    /* Code in a page that may not be executed, by its alias. */
    CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram + 0x3000, 0x3000, 0x1000, WHvMapGpaRangeFlagRead));
    guest_set(&g, 0, WHvX64RegisterRip, WINDOW + 0x3010);
    expect(&g, &(struct access){EXECUTE | GVA_VALID, WINDOW + 0x3010, 0x3010, WINDOW + 0x3010, NULL, 0});
    guest_destroy(&g);
}

/* What the record names is the first byte that could not be reached. */
static void two_pages(void)
{
    struct guest g;
    start(&g, GUEST_LONG, payload_mem64, payload_mem64_end);
    guest_set(&g, 0, WHvX64RegisterRbx, WINDOW + HOLE - 4); /* the second page is missing */
    expect(&g, &(struct access){READ | UNMAPPED | GVA_VALID, PAYLOAD_AT, HOLE, WINDOW + HOLE, at_mem64_read, 16});
    guest_set(&g, 0, WHvX64RegisterRbx, WINDOW + HOLE + 0xffc); /* both are */
    expect(&g, &(struct access){READ | UNMAPPED | GVA_VALID, PAYLOAD_AT, HOLE + 0xffc, WINDOW + HOLE + 0xffc,
                                at_mem64_read, 16});
    guest_set(&g, 0, WHvX64RegisterRbx, WINDOW + HOLE + HOLE_SIZE - 4); /* the first is */
    expect(&g, &(struct access){READ | UNMAPPED | GVA_VALID, PAYLOAD_AT, HOLE + HOLE_SIZE - 4,
                                WINDOW + HOLE + HOLE_SIZE - 4, at_mem64_read, 16});
    guest_destroy(&g);
}

/* An instruction whose end lies in the missing page: its fetch is the access, not what it would do. */
static void instruction_over_two_pages(void)
{
    struct guest g;
    const unsigned length = (unsigned)(at_mem64_write - at_mem64_read);
    start(&g, GUEST_LONG, payload_mem64, payload_mem64_end);
    memcpy(g.ram + HOLE - 1, at_mem64_read, 1);
    guest_set(&g, 0, WHvX64RegisterRip, HOLE - 1);
    expect(&g, &(struct access){EXECUTE | UNMAPPED | GVA_VALID, HOLE - 1, HOLE, HOLE, NULL, 0});
    memcpy(g.ram + HOLE - length, at_mem64_read, length);
    guest_set(&g, 0, WHvX64RegisterRip, HOLE - length);
    guest_set(&g, 0, WHvX64RegisterRbx, HOLE + 0x40);
    expect(&g, &(struct access){READ | UNMAPPED | GVA_VALID, HOLE - length, HOLE + 0x40, HOLE + 0x40, at_mem64_read,
                                length});
    guest_destroy(&g);
}

const struct scenario scenarios_memory_modes[] = {
    {"memory-mode/real", 1, real_mode},
    {"memory-mode/protected-16", 1, protected_16},
    {"memory-mode/protected-32", 1, protected_32},
    {"memory-mode/pae", 1, pae},
    {"memory-mode/two-pages", 1, two_pages},
    {"memory-mode/instruction-over-two-pages", 1, instruction_over_two_pages},
    {0},
};
