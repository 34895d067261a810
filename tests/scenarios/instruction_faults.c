/* SPDX-License-Identifier: MIT */
/* Instructions that exit fault in every mode as they would without VMX: vmm/run/instruction_check.h, executed. */
#include "tests/scenarios/records.h"

#define HANDLERS_AT 0x1800u /* sixteen bytes for each vector, which begin with HLT */
#define TSS_AT 0x5000u
#define TABLES_AT 0x100000u
#define KERNEL_STACK 0x4000u
#define USER_STACK 0x8000u
#define RFLAGS_FIXED 2u
#define RFLAGS_VM (1u << 17)
#define CR4_TSD (1u << 2)
#define CR4_DE (1u << 3)
#define CR4_PAE (1u << 5)
#define CR4_PCE (1u << 8)
#define CR4_OSXSAVE (1u << 18)
#define DR7_RESET 0x400u
#define DR7_GD (1u << 13)
#define EXITS_RDTSC_HYPERCALL ((1ull << 3) | (1ull << 5))
#define MAX_CODE 4u

/* What becomes of an instruction: an exception at it, its end, or an exit for the client. */
enum outcome { FAULT_UD, FAULT_GP, FAULT_DB, EXECUTED, EXIT_RDTSC, EXIT_HYPERCALL };

static const uint8_t vector_of[] = {[FAULT_UD] = 6, [FAULT_GP] = 13, [FAULT_DB] = 1, [EXECUTED] = 6};

enum place {
    IN_REAL,
    IN_VM86,
    IN_PROTECTED,
    IN_PROTECTED_L,
    IN_PROTECTED_USER,
    IN_COMPATIBILITY,
    IN_LONG,
    IN_LONG_USER,
    PLACES
};

static const struct {
    const char *name;
    enum guest_mode mode;
    uint8_t cpl;
} places[PLACES] = {
    [IN_REAL] = {"real mode", GUEST_REAL, 0},
    [IN_VM86] = {"virtual-8086 mode", GUEST_PROTECTED, 3},
    [IN_PROTECTED] = {"protected mode", GUEST_PROTECTED, 0},
    [IN_PROTECTED_L] = {"protected mode with CS.L", GUEST_PROTECTED, 0},
    [IN_PROTECTED_USER] = {"protected mode at CPL 3", GUEST_PROTECTED, 3},
    [IN_COMPATIBILITY] = {"compatibility mode", GUEST_LONG, 0},
    [IN_LONG] = {"64-bit mode", GUEST_LONG, 0},
    [IN_LONG_USER] = {"64-bit mode at CPL 3", GUEST_LONG, 3},
};

struct trial {
    const char *name;
    uint8_t code[MAX_CODE], size;
    uint32_t cr4, dr7;
    uint64_t rax;
    enum outcome real, user, kernel; /* in real mode, at CPL 3, at CPL 0 */
};

static const struct trial trials[] = {
    {"MOV from DR0", {0x0f, 0x21, 0xc0}, 3, 0, 0, 0, EXECUTED, FAULT_GP, EXECUTED},
    {"MOV to DR3", {0x0f, 0x23, 0xd8}, 3, 0, 0, 0, EXECUTED, FAULT_GP, EXECUTED},
    {"MOV from DR4", {0x0f, 0x21, 0xe0}, 3, 0, 0, 0, EXECUTED, FAULT_GP, EXECUTED},
    {"MOV from DR4, DE", {0x0f, 0x21, 0xe0}, 3, CR4_DE, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"MOV to DR5, DE", {0x0f, 0x23, 0xe8}, 3, CR4_DE, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"MOV to DR5, DE and GD", {0x0f, 0x23, 0xe8}, 3, CR4_DE, DR7_GD, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"MOV from DR6, DE", {0x0f, 0x21, 0xf0}, 3, CR4_DE, 0, 0, EXECUTED, FAULT_GP, EXECUTED},
    {"MOV to DR7", {0x0f, 0x23, 0xf8}, 3, 0, 0, DR7_RESET, EXECUTED, FAULT_GP, EXECUTED},
    {"MOV from DR1, GD", {0x0f, 0x21, 0xc8}, 3, 0, DR7_GD, 0, FAULT_DB, FAULT_GP, FAULT_DB},
    {"MOV to DR7, GD", {0x0f, 0x23, 0xf8}, 3, 0, DR7_GD, DR7_RESET, FAULT_DB, FAULT_GP, FAULT_DB},
    {"XSETBV without OSXSAVE", {0x0f, 0x01, 0xd1}, 3, 0, 0, 1, FAULT_UD, FAULT_UD, FAULT_UD},
    {"XSETBV", {0x0f, 0x01, 0xd1}, 3, CR4_OSXSAVE, 0, 1, EXECUTED, FAULT_GP, EXECUTED},
    {"XSETBV without x87", {0x0f, 0x01, 0xd1}, 3, CR4_OSXSAVE, 0, 2, FAULT_GP, FAULT_GP, FAULT_GP},
    {"INVD", {0x0f, 0x08}, 2, 0, 0, 0, EXECUTED, FAULT_GP, EXECUTED},
    {"WBINVD", {0x0f, 0x09}, 2, 0, 0, 0, EXECUTED, FAULT_GP, EXECUTED},
    {"CLTS", {0x0f, 0x06}, 2, 0, 0, 0, EXECUTED, FAULT_GP, EXECUTED},
    {"RDPMC", {0x0f, 0x33}, 2, 0, 0, 0, FAULT_GP, FAULT_GP, FAULT_GP},
    {"RDPMC, PCE", {0x0f, 0x33}, 2, CR4_PCE, 0, 0, FAULT_GP, FAULT_GP, FAULT_GP},
    {"RDTSC", {0x0f, 0x31}, 2, 0, 0, 0, EXIT_RDTSC, EXIT_RDTSC, EXIT_RDTSC},
    {"RDTSC, TSD", {0x0f, 0x31}, 2, CR4_TSD, 0, 0, EXIT_RDTSC, FAULT_GP, EXIT_RDTSC},
    {"RDMSR of none", {0x0f, 0x32}, 2, 0, 0, 0, FAULT_GP, FAULT_GP, FAULT_GP},
    {"VMCALL", {0x0f, 0x01, 0xc1}, 3, 0, 0, 0, FAULT_UD, FAULT_UD, EXIT_HYPERCALL},
    {"VMLAUNCH", {0x0f, 0x01, 0xc2}, 3, 0, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"VMXOFF", {0x0f, 0x01, 0xc4}, 3, 0, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"VMREAD", {0x0f, 0x78, 0xc1}, 3, 0, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"MONITOR", {0x0f, 0x01, 0xc8}, 3, 0, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"MWAIT", {0x0f, 0x01, 0xc9}, 3, 0, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"GETSEC", {0x0f, 0x37}, 2, 0, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"RSM", {0x0f, 0xaa}, 2, 0, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"SEAMCALL", {0x66, 0x0f, 0x01, 0xcf}, 4, 0, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
    {"TDCALL", {0x66, 0x0f, 0x01, 0xcc}, 4, 0, 0, 0, FAULT_UD, FAULT_UD, FAULT_UD},
};

static void set_segment(struct guest *g, WHV_REGISTER_NAME name, uint64_t base, uint32_t limit, uint16_t selector,
                        uint16_t attributes)
{
    WHV_REGISTER_VALUE v = {0};
    v.Segment.Base = base;
    v.Segment.Limit = limit;
    v.Segment.Selector = selector;
    v.Segment.Attributes = attributes;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v));
}

/* SS0:ESP0 of a 32-bit TSS, RSP0 of a 64-bit one (SDM vol. 3A, 8.2.1 and 8.7). */
static void put_tss(struct guest *g, bool long_mode)
{
    const uint32_t stack = KERNEL_STACK, selector = long_mode ? 0 : 0x10;
    memcpy(g->ram + TSS_AT + 4, &stack, sizeof(stack));
    memcpy(g->ram + TSS_AT + 8, &selector, sizeof(selector));
    set_segment(g, WHvX64RegisterTr, TSS_AT, 0x67, 0x20, 0x8b);
}

static void let_user_in(struct guest *g)
{
    const uint32_t entries[] = {0, 0x1000, 0x2000};
    for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        g->ram[TABLES_AT + entries[i]] |= 4;
    }
}

static void go_to_user(struct guest *g, enum place place)
{
    const WHV_REGISTER_NAME data[] = {WHvX64RegisterSs, WHvX64RegisterDs, WHvX64RegisterEs, WHvX64RegisterFs,
                                      WHvX64RegisterGs};
    bool vm86 = place == IN_VM86;
    for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        set_segment(g, data[i], 0, vm86 ? 0xffff : 0xffffffff, vm86 ? 0 : 0x23, vm86 ? 0xf3 : 0xc0f3);
    }
    if (vm86) {
        set_segment(g, WHvX64RegisterCs, 0, 0xffff, 0, 0xf3);
        guest_set(g, 0, WHvX64RegisterRflags, RFLAGS_FIXED | RFLAGS_VM);
    } else {
        set_segment(g, WHvX64RegisterCs, 0, 0xffffffff, 0x1b, place == IN_LONG_USER ? 0xa0fb : 0xc0fb);
    }
}

static void prepare(struct guest *g, enum place place, const struct trial *t)
{
    enum guest_mode mode = places[place].mode;
    const uint8_t end[] = {0x0f, 0x0b}; /* UD2 */
    guest_set(g, 0, WHvX64RegisterRflags, RFLAGS_FIXED);
    records_start(g, mode, t->code, t->code + t->size);
    memcpy(g->ram + PAYLOAD_AT + t->size, end, sizeof(end));
    if (mode != GUEST_REAL) {
        put_tss(g, mode == GUEST_LONG);
    }
    if (place == IN_COMPATIBILITY || place == IN_PROTECTED_L) {
        set_segment(g, WHvX64RegisterCs, 0, 0xffffffff, 0x08, place == IN_PROTECTED_L ? 0xe09b : 0xc09b);
    }
    if (places[place].cpl != 0) {
        go_to_user(g, place);
    }
    if (mode == GUEST_LONG) {
        let_user_in(g);
    }
    for (unsigned i = EXECUTED + 1; i-- > 0;) {
        g->ram[HANDLERS_AT + 16u * vector_of[i]] = 0xf4;
        guest_idt(g, 0, mode, vector_of[i], HANDLERS_AT + 16u * vector_of[i]);
    }
    guest_set(g, 0, WHvX64RegisterCr4, t->cr4 | (mode == GUEST_LONG ? CR4_PAE : 0));
    guest_set(g, 0, WHvX64RegisterDr7, DR7_RESET | t->dr7);
    guest_set(g, 0, WHvX64RegisterRax, t->rax);
    guest_set(g, 0, WHvX64RegisterRcx, 0);
    guest_set(g, 0, WHvX64RegisterRdx, 0);
    guest_set(g, 0, WHvX64RegisterRsp, USER_STACK);
}

/* The RIP that the exception pushed. */
static uint64_t pushed_rip(struct guest *g, enum guest_mode mode, bool error_code)
{
    static const uint8_t sizes[] = {[GUEST_REAL] = 2, [GUEST_PROTECTED] = 4, [GUEST_LONG] = 8};
    size_t size = sizes[mode];
    uint64_t rip = 0, rsp = guest_get(g, 0, WHvX64RegisterRsp) & 0xffff;
    memcpy(&rip, g->ram + rsp + (error_code && mode != GUEST_REAL ? size : 0), size);
    return rip;
}

static void check_trial(struct guest *g, enum place place, const struct trial *t)
{
    enum outcome expected = place == IN_REAL ? t->real : places[place].cpl != 0 ? t->user : t->kernel;
    WHV_RUN_VP_EXIT_CONTEXT r;
    prepare(g, place, t);
    if (expected == EXIT_RDTSC || expected == EXIT_HYPERCALL) {
        guest_run(g, 0, &r, expected == EXIT_RDTSC ? WHvRunVpExitReasonX64Rdtsc : WHvRunVpExitReasonHypercall);
        check_equal(t->name, PAYLOAD_AT, r.VpContext.Rip);
        return;
    }
    guest_run(g, 0, &r, WHvRunVpExitReasonX64Halt);
    uint64_t vector = (r.VpContext.Rip - HANDLERS_AT) / 16;
    if (vector != vector_of[expected]) {
        root_printf("  %s in %s:\n", t->name, places[place].name);
    }
    check_equal(t->name, vector_of[expected], vector);
    uint64_t rip = pushed_rip(g, places[place].mode, vector_of[expected] == 13);
    check_equal(t->name, PAYLOAD_AT + (expected == EXECUTED ? t->size : 0u), rip);
}

static void check_place(enum place place)
{
    struct guest g;
    guest_create(&g, 1, EXITS_RDTSC_HYPERCALL);
    for (unsigned i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
        check_trial(&g, place, &trials[i]);
    }
    guest_destroy(&g);
}

static void real(void)
{
    check_place(IN_REAL);
}

static void vm86(void)
{
    check_place(IN_VM86);
}

static void protected(void)
{
    check_place(IN_PROTECTED);
    check_place(IN_PROTECTED_L);
    check_place(IN_PROTECTED_USER);
}

static void long_mode(void)
{
    check_place(IN_COMPATIBILITY);
    check_place(IN_LONG);
    check_place(IN_LONG_USER);
}

/* The high half of a general register counts in 64-bit mode alone, where that of DR7 is reserved. */
static void high_half(void)
{
    static const struct trial ignored = {"MOV to DR7 with a high half",  {0x0f, 0x23, 0xf8}, 3,        0,       0,
                                         0xffffffff00000000 | DR7_RESET, EXECUTED,           FAULT_GP, EXECUTED};
    struct trial reserved = ignored;
    struct guest g;
    reserved.kernel = FAULT_GP;
    guest_create(&g, 1, 0);
    check_trial(&g, IN_REAL, &ignored);
    check_trial(&g, IN_PROTECTED, &ignored);
    check_trial(&g, IN_PROTECTED_L, &ignored);
    check_trial(&g, IN_COMPATIBILITY, &ignored);
    check_trial(&g, IN_LONG, &reserved);
    guest_destroy(&g);
}

const struct scenario scenarios_instruction_faults[] = {
    {"instruction-faults/real", 1, real},           {"instruction-faults/virtual-8086", 1, vm86},
    {"instruction-faults/protected", 1, protected}, {"instruction-faults/long", 1, long_mode},
    {"instruction-faults/high-half", 1, high_half}, {0},
};
