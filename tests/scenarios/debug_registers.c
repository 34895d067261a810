/* SPDX-License-Identifier: MIT */
/* Debug registers: hits and single steps within the guest, and that guests' and the root's do not mix. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(debug64);
DECLARE_PAYLOAD(debug_read64);
DECLARE_PAYLOAD(db_handler64);
DECLARE_AT(debug64_execute);
DECLARE_AT(debug64_stored);
DECLARE_AT(debug64_cpuid);
DECLARE_AT(debug64_rdmsr);
DECLARE_AT(debug64_wrmsr);
DECLARE_AT(debug64_mov_dr);
DECLARE_AT(debug64_general);

#define HANDLER_AT 0x1800u
#define HITS_AT 0x2000u
#define VECTOR_DB 1u
#define DR6_NONE 0xffff0ff0ull
#define DR6_B0 1ull
#define DR6_B1 2ull
#define DR6_BD (1ull << 13)
#define DR6_BS (1ull << 14)
#define DR7_NONE 0x400ull
#define DR7_STORE0 0xd0402ull /* G0, stores, 4 bytes */
#define TICKS 2000000000ull

static void put_handler(struct guest *g, uint32_t vp)
{
    memcpy(g->ram + HANDLER_AT, payload_db_handler64, (size_t)(payload_db_handler64_end - payload_db_handler64));
    guest_idt(g, vp, GUEST_LONG, VECTOR_DB, HANDLER_AT);
    guest_set(g, vp, WHvX64RegisterR15, HITS_AT);
}

/* #DB and its DR6: SDM vol. 3B, 18.2.3 and 18.3.1; a step over an instruction that the hypervisor carries out, too. */
static void hits(void)
{
    static const struct {
        const uint8_t *at;
        uint64_t dr6;
    } expected[] = {
        {at_debug64_execute, DR6_B0}, {at_debug64_stored, DR6_B1}, {at_debug64_cpuid, DR6_BS},
        {at_debug64_rdmsr, DR6_BS},   {at_debug64_wrmsr, DR6_BS},  {at_debug64_mov_dr, DR6_BS},
        {at_debug64_general, DR6_BD},
    };
    enum { HITS = sizeof(expected) / sizeof(expected[0]) };
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint64_t came[HITS][2];
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, debug64);
    put_handler(&g, 0);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    memcpy(came, g.ram + HITS_AT, sizeof(came));
    for (uint32_t i = 0; i < HITS; i++) {
        check_equal("RIP that #DB pushed", PAYLOAD_AT + (uint64_t)(expected[i].at - payload_debug64), came[i][1]);
        check_equal("DR6 in the handler", DR6_NONE | expected[i].dr6, came[i][0]);
    }
    CHECK_EQ(HITS_AT + sizeof(came), guest_get(&g, 0, WHvX64RegisterR15));
    CHECK_EQ(DR7_NONE, guest_get(&g, 0, WHvX64RegisterDr7));
    CHECK_EQ(DR6_NONE, guest_get(&g, 0, WHvX64RegisterDr6));
    CHECK_EQ(RIP_OF(debug64, debug64_execute), guest_get(&g, 0, WHvX64RegisterDr0));
    guest_destroy(&g);
}

/* DR0 to DR3, DR6 and DR7 of VP 0, of VP 1 and of the root; the root watches a place that the guests store to. */
static const uint64_t sets[3][6] = {
    {0x11110000, 0x11110010, 0x11110020, 0x11110030, DR6_NONE | 0x4001, DR7_NONE | 0x2aa},
    {0x22220000, 0x22220010, 0x22220020, 0x22220030, DR6_NONE | 0x8002, DR7_NONE},
    {0x3000, 0x33330010, 0x33330020, 0x33330030, DR6_NONE | 0x8004, DR7_STORE0},
};
static const WHV_REGISTER_NAME names[6] = {WHvX64RegisterDr0, WHvX64RegisterDr1, WHvX64RegisterDr2,
                                           WHvX64RegisterDr3, WHvX64RegisterDr6, WHvX64RegisterDr7};

static void read_root(uint64_t dr[6])
{
    __asm__ volatile(
        "mov %%dr0, %0\n\tmov %%dr1, %1\n\tmov %%dr2, %2\n\tmov %%dr3, %3\n\tmov %%dr6, %4\n\tmov %%dr7, %5"
        : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]), "=r"(dr[4]), "=r"(dr[5]));
}

static void write_root(const uint64_t dr[6])
{
    __asm__ volatile(
        "mov %0, %%dr0\n\tmov %1, %%dr1\n\tmov %2, %%dr2\n\tmov %3, %%dr3\n\tmov %4, %%dr6\n\tmov %5, %%dr7"
        :
        : "r"(dr[0]), "r"(dr[1]), "r"(dr[2]), "r"(dr[3]), "r"(dr[4]), "r"(dr[5]));
}

static struct guest guest;
static volatile uint32_t root_traps;

static void on_root_trap(struct root_frame *frame)
{
    (void)frame;
    __atomic_fetch_add(&root_traps, 1, __ATOMIC_SEQ_CST);
}

static void run_vp(uint32_t vp)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    uint64_t seen[6];
    guest_run(&guest, vp, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_skip(&guest, vp, &r);
    memcpy(seen, guest.ram + 0x4000 + 0x100 * vp, sizeof(seen));
    for (uint32_t i = 0; i < 6; i++) {
        check_equal("debug register that the guest read", sets[vp][i], seen[i]);
        CHECK_EQ(sets[vp][i], guest_get(&guest, vp, names[i]));
    }
}

/* With debug registers of its own, a CPU runs both VPs. */
static void take_turns(void *arg)
{
    const uint64_t none[6] = {0, 0, 0, 0, DR6_NONE, DR7_NONE};
    uint64_t mine[6];
    (void)arg;
    write_root(sets[2]);
    for (uint32_t turn = 0; turn < 6; turn++) {
        run_vp(turn & 1);
        read_root(mine);
        for (uint32_t i = 0; i < 6; i++) {
            check_equal("debug register of the root", sets[2][i], mine[i]);
        }
    }
    write_root(none);
}

static void apart(void)
{
    root_traps = 0;
    root_set_handler(VECTOR_DB, on_root_trap);
    guest_create(&guest, 2, 0);
    for (uint32_t vp = 0; vp < 2; vp++) {
        guest_load(&guest, vp, payload_debug_read64, payload_debug_read64_end, PAYLOAD_AT);
        guest_enter_mode(&guest, vp, GUEST_LONG, PAYLOAD_AT);
        put_handler(&guest, vp);
        guest_set(&guest, vp, WHvX64RegisterRdi, 0x4000 + 0x100 * vp);
        for (uint32_t i = 0; i < 6; i++) {
            guest_set(&guest, vp, names[i], sets[vp][i]);
        }
    }
    for (uint32_t round = 0; round < 4; round++) {
        uint32_t cpu = round % root_cpu_count();
        if (cpu == 0) {
            take_turns(NULL);
        } else {
            root_run_on(cpu, take_turns, NULL);
            CHECK(root_wait(cpu, TICKS));
        }
    }
    CHECK_EQ(HITS_AT, guest_get(&guest, 0, WHvX64RegisterR15));
    CHECK_EQ(HITS_AT, guest_get(&guest, 1, WHvX64RegisterR15));
    CHECK_EQ(0, root_traps);
    root_set_handler(VECTOR_DB, NULL);
    guest_destroy(&guest);
}

/* The guest watches a linear address that is a variable of the root: neither sees the other's stores. */
static void not_across(void)
{
    static volatile uint32_t watched;
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    root_traps = 0;
    root_set_handler(VECTOR_DB, on_root_trap);
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, debug_read64);
    put_handler(&g, 0);
    guest_set(&g, 0, WHvX64RegisterRdi, 0x4000);
    guest_set(&g, 0, WHvX64RegisterDr0, (uint64_t)(uintptr_t)&watched);
    guest_set(&g, 0, WHvX64RegisterDr7, DR7_STORE0);
    for (uint32_t i = 0; i < 3; i++) {
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        watched++;
        guest_skip(&g, 0, &r);
    }
    CHECK_EQ(0, root_traps);
    CHECK_EQ(HITS_AT, guest_get(&g, 0, WHvX64RegisterR15));
    guest_set(&g, 0, WHvX64RegisterDr0, 0x3000);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(HITS_AT + 16, guest_get(&g, 0, WHvX64RegisterR15));
    CHECK_EQ(0, root_traps);
    root_set_handler(VECTOR_DB, NULL);
    guest_destroy(&g);
}

const struct scenario scenarios_debug_registers[] = {
    {"debug/hits-in-guest", 1, hits},
    {"debug/apart", 1, apart},
    {"debug/apart-across-cpus", 2, apart},
    {"debug/not-across", 1, not_across},
    {0},
};
