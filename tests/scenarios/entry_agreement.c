/* SPDX-License-Identifier: MIT */
/* libwhv's entry checks against the processor's: random changes of valid states, with a fixed seed. */
#include "root/libwhv/diagnostics.h"
#include "root/libwhv/entry_check/entry_check.h"
#include "tests/scenarios/records.h"

#define CASES 400u
#define HLT 0xf4

static const WHV_REGISTER_NAME names[] = {
    WHvX64RegisterEs,          WHvX64RegisterCs,
    WHvX64RegisterSs,          WHvX64RegisterDs,
    WHvX64RegisterFs,          WHvX64RegisterGs,
    WHvX64RegisterLdtr,        WHvX64RegisterTr,
    WHvX64RegisterGdtr,        WHvX64RegisterIdtr,
    WHvX64RegisterRip,         WHvX64RegisterRflags,
    WHvX64RegisterCr0,         WHvX64RegisterCr3,
    WHvX64RegisterCr4,         WHvX64RegisterEfer,
    WHvX64RegisterPat,         WHvX64RegisterSysenterEip,
    WHvX64RegisterSysenterEsp, WHvRegisterPendingInterruption,
    WHvRegisterInterruptState, WHvX64RegisterPendingDebugException,
};

#define NAMES (sizeof(names) / sizeof(names[0]))

struct outcome {
    uint32_t refused, taken, differ;
};

static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static WHV_REGISTER_VALUE reset_values[NAMES];

/* HLT wherever a changed register may lead, so that every case ends soon. */
static void create(struct guest *g)
{
    guest_create(g, 1, 0);
    memset(g->ram + PAYLOAD_AT, HLT, 0x5000);
    memset(g->ram + 0x9000, HLT, 0x100000 - 0x9000);
    memset(g->ram + 0x110000, HLT, GUEST_RAM - 0x110000);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g->partition, 0, names, NAMES, reset_values));
}

static void prepare(struct guest *g, enum guest_mode mode)
{
    static const uint8_t code[] = {0xe6, 0x10}; /* outb %al, $0x10 */
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, names, NAMES, reset_values));
    records_start(g, mode, code, code + sizeof(code));
}

static void change(struct guest *g)
{
    WHV_REGISTER_NAME name = names[next_random() % NAMES];
    WHV_REGISTER_VALUE v = {0};
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
    uint64_t bit = next_random() % 64;
    bool two_words = name >= WHvX64RegisterEs && name <= WHvX64RegisterGdtr;
    if (two_words && (next_random() & 1) != 0) {
        v.Reg128.High64 ^= 1ull << bit;
    } else if (name == WHvRegisterPendingInterruption) {
        v.Reg128.Low64 = (next_random() & 0x1f01fe) | 1;
    } else {
        v.Reg128.Low64 ^=
            1ull << (name == WHvRegisterInterruptState || name == WHvX64RegisterPendingDebugException ? bit % 5 : bit);
    }
    /* Values that can never be right are refused here already. */
    (void)WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v);
}

/* What would be refused, by the registers as they are. The run first makes single steps and shadows fit each other. */
static uint32_t failing_check(const struct guest *g)
{
    const struct vp_of_client vp = {whb_handle(g->partition), 0, whb_run_page(g->partition, 0)};
    struct entry_verdict verdict;
    CHECK_EQ(WHB_OK, entry_check_vp(&vp, &verdict));
    bool mended = verdict.check == WHB_CHECK_DEBUG_STEP_MISSING || verdict.check == WHB_CHECK_DEBUG_STEP_UNEXPECTED;
    return mended ? 0 : (uint32_t)verdict.check;
}

static void judge(struct guest *g, uint32_t number, uint32_t reason, uint32_t expected, struct outcome *sum)
{
    struct whb_vp_diagnostics d;
    guest_diagnostics(g, 0, &d);
    bool refused = reason == (uint32_t)WHvRunVpExitReasonInvalidVpRegisterValue;
    sum->refused += refused ? 1 : 0;
    sum->taken += refused ? 0 : 1;
    if (d.check == expected && refused == (d.check != 0)) {
        return;
    }
    sum->differ++;
    root_printf("case %u: record %x, check %u (%s), before the run %u\n", number, reason, d.check,
                whb_entry_check_text(d.check), expected);
}

static void run_case(struct guest *g, uint32_t number, struct outcome *sum)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    HRESULT hr;
    prepare(g, (enum guest_mode)(next_random() % 4));
    for (uint64_t i = next_random() % 3; i < 3; i++) {
        change(g);
    }
    uint32_t expected = failing_check(g);
    do {
        hr = WHvRunVirtualProcessor(g->partition, 0, &r, sizeof(r));
        __asm__ volatile("sti; nop; cli" : : : "memory");
    } while (hr == WHB_HR_INTERRUPTED);
    CHECK_EQ(S_OK, hr);
    judge(g, number, (uint32_t)r.ExitReason, expected, sum);
}

static void agreement(void)
{
    struct guest g;
    struct outcome sum = {0};
    create(&g);
    random_state = 0x9e3779b97f4a7c15;
    for (uint32_t i = 0; i < CASES; i++) {
        run_case(&g, i, &sum);
    }
    guest_destroy(&g);
    root_printf("%u states refused, %u taken\n", sum.refused, sum.taken);
    CHECK_EQ(0, sum.differ);
    CHECK(sum.refused > CASES / 8);
    CHECK(sum.taken > CASES / 8);
}

const struct scenario scenarios_entry_agreement[] = {
    {"entry-check/agreement", 1, agreement},
    {0},
};
