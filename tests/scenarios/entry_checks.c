/* SPDX-License-Identifier: MIT */
/* InvalidVpRegisterValue says which check failed on which register, and the VP runs on once that is mended. */
#include "root/libwhv/diagnostics.h"
#include "root/libwhv/entry_check/entry_check.h"
#include "tests/scenarios/records.h"

#define RFLAGS_VM 0x20002u
#define SEGMENT(base, limit, selector, attributes)                                                                     \
    (base), (uint64_t)(limit) | (uint64_t)(selector) << 32 | (uint64_t)(attributes) << 48
#define FLAT 0xffffffffu

enum start { REAL, PROTECTED, PAE, LONG, V86 };

struct mutation {
    enum start start;
    WHV_REGISTER_NAME name;
    uint64_t low, high;
    enum whb_entry_check check;
    WHV_REGISTER_NAME blamed; /* 0: the one that was changed */
};

#define EVENT(vector, type, error, length, code)                                                                       \
    (1u | (uint64_t)(type) << 1 | (uint64_t)(error) << 4 | (uint64_t)(length) << 5 | (uint64_t)(vector) << 16 |        \
     (uint64_t)(code) << 32)

static const struct mutation mutations[] = {
    {LONG, WHvRegisterPendingInterruption, EVENT(14, 3, 0, 0, 0), 0, WHB_CHECK_EVENT_ERROR_BIT, 0},
    {REAL, WHvRegisterPendingInterruption, EVENT(13, 3, 1, 0, 0), 0, WHB_CHECK_EVENT_ERROR_BIT, 0},
    {LONG, WHvX64RegisterCr0, 0x80000030, 0, WHB_CHECK_CR0_PG_PE, 0},
    {LONG, WHvX64RegisterCr0, 0x100000031, 0, WHB_CHECK_CR0_FIXED, 0},
    {LONG, WHvX64RegisterCr0, 0x31, 0, WHB_CHECK_LONG_MODE_PG, 0},
    {LONG, WHvX64RegisterCr4, 0, 0, WHB_CHECK_LONG_MODE_PAE, 0},
    {PAE, WHvX64RegisterCr4, 0x20020, 0, WHB_CHECK_PCIDE, 0},
    {LONG, WHvX64RegisterCr3, 1ull << 52, 0, WHB_CHECK_CR3_WIDTH, 0},
    {PROTECTED, WHvX64RegisterCr3, 1ull << 63, 0, WHB_CHECK_CR3_WIDTH, 0},
    {LONG, WHvX64RegisterSysenterEsp, 1ull << 47, 0, WHB_CHECK_SYSENTER, 0},
    {REAL, WHvX64RegisterSysenterEip, 1ull << 63, 0, WHB_CHECK_SYSENTER, 0},
    {LONG, WHvX64RegisterPat, 2, 0, WHB_CHECK_PAT, 0},
    {PROTECTED, WHvX64RegisterPat, 0x0007040600070408, 0, WHB_CHECK_PAT, 0},
    {LONG, WHvX64RegisterEfer, 0x502, 0, WHB_CHECK_EFER_RESERVED, 0},
    {PROTECTED, WHvX64RegisterEfer, 0x1000, 0, WHB_CHECK_EFER_RESERVED, 0},
    {LONG, WHvX64RegisterEfer, 0x400, 0, WHB_CHECK_EFER_LME, 0},
    {PAE, WHvX64RegisterEfer, 0x100, 0, WHB_CHECK_EFER_LME, 0},
    {PROTECTED, WHvX64RegisterEfer, 0x500, 0, WHB_CHECK_LONG_MODE_PG, WHvX64RegisterCr0},
    {PAE, WHvX64RegisterTr, SEGMENT(0, 0xffff, 4, 0x8b), WHB_CHECK_TABLE_INDICATOR, 0},
    {PAE, WHvX64RegisterLdtr, SEGMENT(0, 0xffff, 4, 0x82), WHB_CHECK_TABLE_INDICATOR, 0},
    {V86, WHvX64RegisterDs, SEGMENT(0x1000, 0xffff, 0, 0xf3), WHB_CHECK_V86_BASE, 0},
    {LONG, WHvX64RegisterFs, SEGMENT(1ull << 47, FLAT, 0x10, 0xc093), WHB_CHECK_BASE_CANONICAL, 0},
    {LONG, WHvX64RegisterGs, SEGMENT(1ull << 62, FLAT, 0, 0), WHB_CHECK_BASE_CANONICAL, 0},
    {LONG, WHvX64RegisterTr, SEGMENT(1ull << 47, 0xffff, 0, 0x8b), WHB_CHECK_BASE_CANONICAL, 0},
    {LONG, WHvX64RegisterLdtr, SEGMENT(1ull << 47, 0xffff, 0, 0x82), WHB_CHECK_BASE_CANONICAL, 0},
    {LONG, WHvX64RegisterCs, SEGMENT(1ull << 32, FLAT, 0x18, 0xa09b), WHB_CHECK_BASE_HIGH, 0},
    {LONG, WHvX64RegisterDs, SEGMENT(1ull << 32, FLAT, 0x10, 0xc093), WHB_CHECK_BASE_HIGH, 0},
    {V86, WHvX64RegisterEs, SEGMENT(0, 0xfffff, 0, 0xf3), WHB_CHECK_V86_LIMIT, 0},
    {V86, WHvX64RegisterSs, SEGMENT(0, 0xffff, 0, 0x93), WHB_CHECK_V86_ACCESS, 0},
    {PROTECTED, WHvX64RegisterCs, SEGMENT(0, FLAT, 8, 0xc09a), WHB_CHECK_CODE_TYPE, 0},
    {LONG, WHvX64RegisterSs, SEGMENT(0, FLAT, 0x10, 0xc091), WHB_CHECK_STACK_TYPE, 0},
    {LONG, WHvX64RegisterDs, SEGMENT(0, FLAT, 0x10, 0xc092), WHB_CHECK_DATA_TYPE, 0},
    {PROTECTED, WHvX64RegisterGs, SEGMENT(0, FLAT, 8, 0xc099), WHB_CHECK_DATA_TYPE, 0},
    {PROTECTED, WHvX64RegisterCs, SEGMENT(0, FLAT, 8, 0xc08b), WHB_CHECK_NOT_SYSTEM, 0},
    {PROTECTED, WHvX64RegisterEs, SEGMENT(0, FLAT, 8, 0xc083), WHB_CHECK_NOT_SYSTEM, 0},
    {LONG, WHvX64RegisterCs, SEGMENT(0, FLAT, 0x18, 0xa0fb), WHB_CHECK_CODE_DPL, 0},
    {LONG, WHvX64RegisterCs, SEGMENT(0, FLAT, 0x18, 0xa0ff), WHB_CHECK_CODE_DPL, 0},
    {REAL, WHvX64RegisterSs, SEGMENT(0, 0xffff, 0, 0xf3), WHB_CHECK_CODE_DPL, WHvX64RegisterCs},
    {LONG, WHvX64RegisterCs, SEGMENT(0, FLAT, 0x18, 0xa01b), WHB_CHECK_PRESENT, 0},
    {LONG, WHvX64RegisterCs, SEGMENT(0, FLAT, 0x18, 0xe09b), WHB_CHECK_CODE_SIZE, 0},
    {PROTECTED, WHvX64RegisterCs, SEGMENT(0, FLAT, 8, 0x409b), WHB_CHECK_GRANULARITY, 0},
    {PROTECTED, WHvX64RegisterDs, SEGMENT(0, 0xfffffffe, 8, 0xc093), WHB_CHECK_GRANULARITY, 0},
    {LONG, WHvX64RegisterSs, SEGMENT(0, 0, 0x10, 0xc093), WHB_CHECK_GRANULARITY, 0},
    {LONG, WHvX64RegisterTr, SEGMENT(0, 0xffff, 0, 0x83), WHB_CHECK_TASK_TYPE, 0},
    {REAL, WHvX64RegisterTr, SEGMENT(0, 0xffff, 0, 0x89), WHB_CHECK_TASK_TYPE, 0},
    {PAE, WHvX64RegisterLdtr, SEGMENT(0, 0xffff, 0, 0x83), WHB_CHECK_LDT_TYPE, 0},
    {PAE, WHvX64RegisterTr, SEGMENT(0, 0xffff, 0, 0x9b), WHB_CHECK_SYSTEM, 0},
    {PAE, WHvX64RegisterTr, SEGMENT(0, 0xffff, 0, 0x0b), WHB_CHECK_TASK_USABLE, 0},
    {LONG, WHvX64RegisterGdtr, 0xffffull << 48, 1ull << 47, WHB_CHECK_TABLE_BASE, 0},
    {LONG, WHvX64RegisterIdtr, 0xffffull << 48, 1ull << 63, WHB_CHECK_TABLE_BASE, 0},
    {PROTECTED, WHvX64RegisterRip, 1ull << 32, 0, WHB_CHECK_RIP_HIGH, 0},
    {LONG, WHvX64RegisterRip, 1ull << 60, 0, WHB_CHECK_RIP_CANONICAL, 0},
    {LONG, WHvX64RegisterRflags, 0, 0, WHB_CHECK_RFLAGS_RESERVED, 0},
    {REAL, WHvX64RegisterRflags, 0x8002, 0, WHB_CHECK_RFLAGS_RESERVED, 0},
    {LONG, WHvX64RegisterRflags, 1ull << 22 | 2, 0, WHB_CHECK_RFLAGS_RESERVED, 0},
    {LONG, WHvRegisterPendingInterruption, EVENT(0x40, 0, 0, 0, 0), 0, WHB_CHECK_RFLAGS_IF, WHvX64RegisterRflags},
};

static void set(struct guest *g, WHV_REGISTER_NAME name, uint64_t low, uint64_t high)
{
    WHV_REGISTER_VALUE v = {0};
    v.Reg128.Low64 = low;
    v.Reg128.High64 = high;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
}

static void enter_v86(struct guest *g)
{
    static const WHV_REGISTER_NAME segments[] = {WHvX64RegisterCs, WHvX64RegisterSs, WHvX64RegisterDs,
                                                 WHvX64RegisterEs, WHvX64RegisterFs, WHvX64RegisterGs};
    for (unsigned i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        set(g, segments[i], SEGMENT(0, 0xffff, 0, 0xf3));
    }
    set(g, WHvX64RegisterRflags, RFLAGS_VM, 0);
}

/* OUT is the same in every mode. In virtual-8086 mode the zeros of the guest's memory are its I/O permission bitmap. */
static void start(struct guest *g, enum start mode)
{
    static const uint8_t code[] = {0xe6, 0x10}; /* outb %al, $0x10 */
    static const enum guest_mode modes[] = {GUEST_REAL, GUEST_PROTECTED, GUEST_PAE, GUEST_LONG, GUEST_PROTECTED};
    guest_create(g, 1, 0);
    records_start(g, modes[mode], code, code + sizeof(code));
    if (mode == V86) {
        enter_v86(g);
    }
}

static void expect_running(struct guest *g)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    struct whb_vp_diagnostics d;
    guest_run(g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(PAYLOAD_AT, r.VpContext.Rip);
    guest_diagnostics(g, 0, &d);
    CHECK_EQ(0, d.sequence | d.exit_reason | d.check | d.register_name | d.value[0] | d.value[1]);
}

/* Of these states; a processor refuses them. */
static bool entered_by_bochs(const struct mutation *m)
{
    return m->check == WHB_CHECK_RIP_CANONICAL || (m->check == WHB_CHECK_LONG_MODE_PG && m->blamed == 0);
}

static void expect_named(const struct guest *g, enum whb_entry_check check, WHV_REGISTER_NAME blamed)
{
    const struct vp_of_client vp = {whb_handle(g->partition), 0, whb_run_page(g->partition, 0)};
    struct entry_verdict verdict;
    CHECK_EQ(WHB_OK, entry_check_vp(&vp, &verdict));
    CHECK_EQ(check, verdict.check);
    CHECK_EQ(blamed, verdict.name);
}

static void expect_check(struct guest *g, enum whb_entry_check check, WHV_REGISTER_NAME blamed)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_REGISTER_VALUE is = {0};
    struct whb_vp_diagnostics d;
    guest_run(g, 0, &r, WHvRunVpExitReasonInvalidVpRegisterValue);
    guest_diagnostics(g, 0, &d);
    CHECK_EQ(check, d.check);
    CHECK_EQ(blamed, d.register_name);
    CHECK_EQ(WHvRunVpExitReasonInvalidVpRegisterValue, d.exit_reason);
    CHECK_EQ(whb_run_page(g->partition, 0)->sequence, d.sequence);
    CHECK_EQ(0, d.step_count);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g->partition, 0, &blamed, 1, &is));
    CHECK_EQ(is.Reg128.Low64, d.value[0]);
    CHECK_EQ(is.Reg128.High64, d.value[1]);
}

/* Twice, because a record must not change what is wrong; then mended. */
static void try_mutation(const struct mutation *m)
{
    struct guest g;
    WHV_REGISTER_VALUE before = {0};
    WHV_REGISTER_NAME blamed = m->blamed != 0 ? m->blamed : m->name;
    start(&g, m->start);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &m->name, 1, &before));
    set(&g, m->name, m->low, m->high);
    expect_named(&g, m->check, blamed);
    if (entered_by_bochs(m)) {
        guest_destroy(&g);
        return;
    }
    expect_check(&g, m->check, blamed);
    expect_check(&g, m->check, blamed);
    set(&g, m->name, before.Reg128.Low64, before.Reg128.High64);
    expect_running(&g);
    guest_destroy(&g);
}

static void single_registers(void)
{
    for (unsigned i = 0; i < sizeof(mutations) / sizeof(mutations[0]); i++) {
        try_mutation(&mutations[i]);
    }
}

/* A refused entry leaves what it would have changed with the event: RF of a fault, DR7.GD of #DB. */
static void with_event(void)
{
    static const struct {
        uint64_t event, dr7;
    } cases[] = {{EVENT(6, 3, 0, 0, 0), 0x400}, {EVENT(13, 3, 1, 0, 0x10), 0x400}, {EVENT(1, 3, 0, 0, 0), 0x2400}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guest g;
        start(&g, LONG);
        uint64_t pat = guest_get(&g, 0, WHvX64RegisterPat), rflags = guest_get(&g, 0, WHvX64RegisterRflags);
        set(&g, WHvX64RegisterDr7, cases[i].dr7, 0);
        set(&g, WHvRegisterPendingInterruption, cases[i].event, 0);
        set(&g, WHvX64RegisterPat, 2, 0);
        for (unsigned times = 0; times < 2; times++) {
            expect_check(&g, WHB_CHECK_PAT, WHvX64RegisterPat);
            CHECK_EQ(rflags, guest_get(&g, 0, WHvX64RegisterRflags));
            CHECK_EQ(cases[i].dr7, guest_get(&g, 0, WHvX64RegisterDr7));
            CHECK_EQ(cases[i].event, guest_get(&g, 0, WHvRegisterPendingInterruption));
        }
        set(&g, WHvX64RegisterPat, pat, 0);
        set(&g, WHvX64RegisterDr7, 0x400, 0);
        set(&g, WHvRegisterPendingInterruption, 0, 0);
        expect_running(&g);
        guest_destroy(&g);
    }
}

const struct scenario scenarios_entry_checks[] = {
    {"entry-check/single-registers", 1, single_registers},
    {"entry-check/with-event", 1, with_event},
    {0},
};
