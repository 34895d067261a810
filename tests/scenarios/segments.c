/* SPDX-License-Identifier: MIT */
/*
 * Segment registers that no descriptor gives (docs/whp.md, "Segments"): what is changed when it is written, what is
 * taken, and what the next run refuses by name.
 */
#include "root/libwhv/diagnostics.h"
#include "root/libwhv/entry_check/entry_check.h"
#include "tests/scenarios/records.h"

#define FLAT 0xffffffffu

enum start { REAL, PROTECTED, LONG };

struct row {
    enum start start;
    WHV_REGISTER_NAME name;
    uint64_t base;
    uint32_t limit;
    uint16_t selector, attributes, reads; /* as attributes read back */
    enum whb_entry_check check;           /* WHB_CHECK_NONE: the VP runs */
    WHV_REGISTER_NAME blamed;             /* 0: the one that was written */
};

static const struct row rows[] = {
    /* Bits 11:8 of the attributes are the limit's in a descriptor: QEMU leaves them there. */
    {REAL, WHvX64RegisterCs, 0, 0xffff, 0, 0x0f9b, 0x009b, WHB_CHECK_NONE, 0},
    {PROTECTED, WHvX64RegisterDs, 0, FLAT, 0x10, 0xcf93, 0xc093, WHB_CHECK_NONE, 0},
    {LONG, WHvX64RegisterCs, 0, FLAT, 0x18, 0xaf9b, 0xa09b, WHB_CHECK_NONE, 0},
    {LONG, WHvX64RegisterTr, 0, 0xffff, 0, 0x0f8b, 0x008b, WHB_CHECK_NONE, 0},
    /* Not present is unusable: no other bit counts, and they stay. */
    {REAL, WHvX64RegisterDs, 0, 0, 0, 0, 0, WHB_CHECK_NONE, 0},
    {PROTECTED, WHvX64RegisterEs, 0, 0x123456, 0, 0x0000, 0x0000, WHB_CHECK_NONE, 0},
    {PROTECTED, WHvX64RegisterFs, 0x1000, FLAT, 3, 0x4f6c, 0x406c, WHB_CHECK_NONE, 0},
    {LONG, WHvX64RegisterDs, 1ull << 32, 0x1000, 0, 0x0018, 0x0018, WHB_CHECK_NONE, 0},
    {LONG, WHvX64RegisterSs, 0, 0, 0, 0, 0, WHB_CHECK_NONE, 0},
    {LONG, WHvX64RegisterLdtr, 0, 0, 0, 0, 0, WHB_CHECK_NONE, 0},
    {LONG, WHvX64RegisterLdtr, 1ull << 32, 0xfffff123, 4, 0x401f, 0x401f, WHB_CHECK_NONE, 0},
    {REAL, WHvX64RegisterTr, 0, 0, 0, 0, 0, WHB_CHECK_TASK_USABLE, 0},
    {PROTECTED, WHvX64RegisterCs, 0, FLAT, 8, 0xc01b, 0xc01b, WHB_CHECK_PRESENT, 0},
    /* CPL is SS.DPL; other segments' RPLs and DPLs are not held against it, but CS.DPL (and Bochs 2.7 wants CS.RPL). */
    {PROTECTED, WHvX64RegisterDs, 0, FLAT, 0x13, 0xc093, 0xc093, WHB_CHECK_NONE, 0},
    {PROTECTED, WHvX64RegisterSs, 0, FLAT, 0x13, 0xc093, 0xc093, WHB_CHECK_NONE, 0},
    {REAL, WHvX64RegisterDs, 0, 0xffff, 0, 0xf3, 0xf3, WHB_CHECK_NONE, 0},
    {PROTECTED, WHvX64RegisterCs, 0, FLAT, 8, 0xc0fb, 0xc0fb, WHB_CHECK_CODE_DPL, 0},
    {PROTECTED, WHvX64RegisterSs, 0, FLAT, 0x13, 0xc0f3, 0xc0f3, WHB_CHECK_CODE_DPL, WHvX64RegisterCs},
    {REAL, WHvX64RegisterCs, 0, 0xffff, 0, 0xfb, 0xfb, WHB_CHECK_CODE_DPL, 0},
    /* A data segment as CS, as real mode has it on old processors, and another as no processor has it. */
    {REAL, WHvX64RegisterCs, 0, 0xffff, 0, 0x93, 0x93, WHB_CHECK_NONE, 0},
    {REAL, WHvX64RegisterCs, 0, 0xffff, 0, 0x91, 0x91, WHB_CHECK_CODE_TYPE, 0},
    {REAL, WHvX64RegisterCs, 0, 0xffff, 0, 0xf3, 0xf3, WHB_CHECK_CODE_DPL, 0},
    /* Limits in bytes, with the granularity that can give them. */
    {REAL, WHvX64RegisterDs, 0, FLAT, 0, 0x8093, 0x8093, WHB_CHECK_NONE, 0},
    {REAL, WHvX64RegisterDs, 0, 0xfffff, 0, 0x93, 0x93, WHB_CHECK_NONE, 0},
    {REAL, WHvX64RegisterDs, 0, 0xfffff, 0, 0x8093, 0x8093, WHB_CHECK_NONE, 0},
    {REAL, WHvX64RegisterDs, 0, FLAT, 0, 0x93, 0x93, WHB_CHECK_GRANULARITY, 0},
    {PROTECTED, WHvX64RegisterFs, 0, 0x100000, 8, 0x4093, 0x4093, WHB_CHECK_GRANULARITY, 0},
    {PROTECTED, WHvX64RegisterGs, 0, 0x1ffe, 8, 0xc093, 0xc093, WHB_CHECK_GRANULARITY, 0},
    {LONG, WHvX64RegisterTr, 0, 0x67, 0, 0x808b, 0x808b, WHB_CHECK_GRANULARITY, 0},
    {LONG, WHvX64RegisterLdtr, 0, FLAT, 0, 0x82, 0x82, WHB_CHECK_GRANULARITY, 0},
};

static void start_guest(struct guest *g, enum start start)
{
    static const uint8_t code[] = {0xe6, 0x10}; /* outb %al, $0x10 */
    static const enum guest_mode modes[] = {GUEST_REAL, GUEST_PROTECTED, GUEST_LONG};
    guest_create(g, 1, 0);
    records_start(g, modes[start], code, code + sizeof(code));
}

static void check_refused(struct guest *g, const struct row *r)
{
    const struct vp_of_client vp = {whb_handle(g->partition), 0, whb_run_page(g->partition, 0)};
    WHV_RUN_VP_EXIT_CONTEXT record;
    struct whb_vp_diagnostics d;
    struct entry_verdict verdict;
    CHECK_EQ(WHB_OK, entry_check_vp(&vp, &verdict));
    CHECK_EQ(r->check, verdict.check);
    CHECK_EQ(r->blamed != 0 ? r->blamed : r->name, verdict.name);
    if (r->check == WHB_CHECK_CODE_DPL && r->blamed != 0) {
        return; /* Bochs 2.7 enters it */
    }
    guest_run(g, 0, &record, WHvRunVpExitReasonInvalidVpRegisterValue);
    guest_diagnostics(g, 0, &d);
    CHECK_EQ(r->check, d.check);
    CHECK_EQ(r->blamed != 0 ? r->blamed : r->name, d.register_name);
}

static void segments(void)
{
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        struct guest g;
        WHV_RUN_VP_EXIT_CONTEXT record;
        WHV_REGISTER_VALUE in = {0}, out = {0};
        start_guest(&g, r->start);
        in.Segment.Base = r->base;
        in.Segment.Limit = r->limit;
        in.Segment.Selector = r->selector;
        in.Segment.Attributes = r->attributes;
        CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &r->name, 1, &in));
        CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &r->name, 1, &out));
        in.Segment.Attributes = r->reads;
        CHECK_EQ(0, memcmp(&in, &out, sizeof(in)));
        if (r->check == WHB_CHECK_NONE) {
            guest_run(&g, 0, &record, WHvRunVpExitReasonX64IoPortAccess);
        } else {
            check_refused(&g, r);
        }
        guest_destroy(&g);
    }
}

/* What a table register has besides base and limit is not kept. */
static void tables(void)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterGdtr, WHvX64RegisterIdtr};
    struct guest g;
    guest_create(&g, 1, 0);
    for (unsigned i = 0; i < 2; i++) {
        WHV_REGISTER_VALUE in = {0}, out = {0};
        in.Table.Pad[0] = in.Table.Pad[2] = 0xffff;
        in.Table.Limit = 0x7fff;
        in.Table.Base = 0x123456;
        CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &names[i], 1, &in));
        CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &names[i], 1, &out));
        CHECK_EQ(0, out.Table.Pad[0] | out.Table.Pad[1] | out.Table.Pad[2]);
        CHECK_EQ(0x7fff, out.Table.Limit);
        CHECK_EQ(0x123456, out.Table.Base);
    }
    guest_destroy(&g);
}

const struct scenario scenarios_segments[] = {
    {"segments/odd-ones", 1, segments},
    {"segments/tables", 1, tables},
    {0},
};
