/* SPDX-License-Identifier: MIT */
/* Each VP and the root keep their own registers, also those that the hardware does not switch. */
#include "tests/scenarios/scenario.h"

extern const uint8_t payload_state[], payload_state_end[];

#define MSR_LIST 0x3100u
#define MSR_VALUES 0x3200u
#define CR2_VALUE 0x3300u
#define XMM_VALUES 0x3310u
#define CR4_SSE 0x600u
#define CPUID_80000001_EDX_RDTSCP (1u << 27)

/* A register, its MSR (0: none) and the values that VP 0, VP 1 and the root have. */
struct row {
    WHV_REGISTER_NAME name;
    uint32_t msr;
    uint64_t vp[2], root, reset;
};

static const struct row rows[] = {
    {WHvX64RegisterStar, 0xc0000081, {0x1111222233334444, 0x5555666677778888}, 0x123456789abcdef0, 0},
    {WHvX64RegisterLstar, 0xc0000082, {0x7fff11110000, 0xffff800022220000}, 0x7fff33330000, 0},
    {WHvX64RegisterCstar, 0xc0000083, {0x7fff11110008, 0xffff800022220008}, 0x7fff33330008, 0},
    {WHvX64RegisterSfmask, 0xc0000084, {0x700, 0x40600}, 0x300, 0},
    {WHvX64RegisterKernelGsBase, 0xc0000102, {0x7fff11110010, 0xffff800022220010}, 0x7fff33330010, 0},
    {WHvX64RegisterSysenterCs, 0x174, {0x10, 0x20}, 0x30, 0},
    {WHvX64RegisterSysenterEsp, 0x175, {0x11110000, 0x22220000}, 0x33330000, 0},
    {WHvX64RegisterSysenterEip, 0x176, {0x11118000, 0x22228000}, 0x33338000, 0},
    {WHvX64RegisterPat, 0x277, {0x0606060606060606, 0x0007040600070404}, 0x0007040600070406, 0x0007040600070406},
    {WHvX64RegisterTscAux, 0xc0000103, {0xaaaa1111, 0xbbbb2222}, 0xcccc3333, 0},
    {WHvX64RegisterCr2, 0, {0x11110000, 0x22220000}, 0x33330000, 0},
    {WHvX64RegisterDr0, 0, {0x11110000, 0x22220000}, 0x33330000, 0},
    {WHvX64RegisterDr1, 0, {0x11110001, 0x22220001}, 0x33330001, 0},
    {WHvX64RegisterDr2, 0, {0x11110002, 0x22220002}, 0x33330002, 0},
    {WHvX64RegisterDr3, 0, {0x11110003, 0x22220003}, 0x33330003, 0},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool has_row(const struct row *row)
{
    return row->msr != 0xc0000103 || (cpu_cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_RDTSCP) != 0;
}

static struct guest guest;

static const uint64_t xmm_patterns[3][2] = {
    {0x0102030405060708, 0x1112131415161718}, {0x2122232425262728, 0x3132333435363738}, {0x41, 0x51}};

static void set_xmm(uint32_t vp, WHV_REGISTER_NAME name)
{
    WHV_REGISTER_VALUE v;
    memcpy(&v, xmm_patterns[vp], sizeof(v));
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(guest.partition, vp, &name, 1, &v));
}

static void check_xmm(uint32_t vp, WHV_REGISTER_NAME name)
{
    WHV_REGISTER_VALUE v;
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(guest.partition, vp, &name, 1, &v));
    CHECK_EQ(0, memcmp(&v, xmm_patterns[vp], sizeof(v)));
}

static void set_guest(uint32_t vp)
{
    guest_load(&guest, vp, payload_state, payload_state_end, 0x1000);
    guest_set(&guest, vp, WHvX64RegisterCr4, CR4_SSE);
    for (uint32_t i = 0; i < ROWS; i++) {
        if (has_row(&rows[i])) {
            guest_set(&guest, vp, rows[i].name, rows[i].vp[vp]);
        }
    }
    set_xmm(vp, WHvX64RegisterXmm0);
    set_xmm(vp, WHvX64RegisterXmm7);
}

/* What the guest itself read, and what the register calls say. */
static void run_and_check(uint32_t vp)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(&guest, vp, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_skip(&guest, vp, &r);
    uint32_t at = MSR_VALUES, cr2;
    for (uint32_t i = 0; i < ROWS; i++) {
        if (!has_row(&rows[i])) {
            continue;
        }
        CHECK_EQ(rows[i].vp[vp], guest_get(&guest, vp, rows[i].name));
        if (rows[i].msr != 0) {
            uint64_t value;
            memcpy(&value, guest.ram + at, sizeof(value));
            check_equal("MSR that the guest read", rows[i].vp[vp], value);
            at += 8;
        }
    }
    memcpy(&cr2, guest.ram + CR2_VALUE, sizeof(cr2));
    CHECK_EQ(vp == 0 ? 0x11110000 : 0x22220000, cr2);
    CHECK_EQ(0, memcmp(guest.ram + XMM_VALUES, xmm_patterns[vp], 16));
    CHECK_EQ(0, memcmp(guest.ram + XMM_VALUES + 16, xmm_patterns[vp], 16));
    check_xmm(vp, WHvX64RegisterXmm0);
    check_xmm(vp, WHvX64RegisterXmm7);
}

static void read_debug(uint64_t dr[4])
{
    __asm__ volatile("mov %%dr0, %0\n\tmov %%dr1, %1\n\tmov %%dr2, %2\n\tmov %%dr3, %3"
                     : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
}

static void write_debug(const uint64_t dr[4])
{
    __asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr1\n\tmov %2, %%dr2\n\tmov %3, %%dr3"
                     :
                     : "r"(dr[0]), "r"(dr[1]), "r"(dr[2]), "r"(dr[3]));
}

/* The root's compiler uses no SSE and no x87 registers, so they hold from here to check_root. */
static void set_root(uint64_t saved[ROWS])
{
    static const uint64_t dr[4] = {0x33330000, 0x33330001, 0x33330002, 0x33330003};
    const uint32_t number = 1234567;
    for (uint32_t i = 0; i < ROWS; i++) {
        if (rows[i].msr != 0 && has_row(&rows[i])) {
            saved[i] = cpu_rdmsr(rows[i].msr);
            cpu_wrmsr(rows[i].msr, rows[i].root);
        }
    }
    cpu_write_cr2(0x33330000);
    write_debug(dr);
    __asm__ volatile("movups %0, %%xmm0\n\tmovups %0, %%xmm15\n\tfninit\n\tfildl %1"
                     :
                     : "m"(xmm_patterns[2]), "m"(number));
}

static void check_root(void)
{
    uint64_t dr[4], xmm0[2], xmm15[2];
    uint32_t number;
    for (uint32_t i = 0; i < ROWS; i++) {
        if (rows[i].msr != 0 && has_row(&rows[i])) {
            check_equal("MSR of the root", rows[i].root, cpu_rdmsr(rows[i].msr));
        }
    }
    CHECK_EQ(0x33330000, cpu_read_cr2());
    read_debug(dr);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(0x33330000 + i, dr[i]);
    }
    __asm__ volatile("movups %%xmm0, %0\n\tmovups %%xmm15, %1\n\tfistl %2" : "=m"(xmm0), "=m"(xmm15), "=m"(number));
    CHECK_EQ(0, memcmp(xmm0, xmm_patterns[2], 16));
    CHECK_EQ(0, memcmp(xmm15, xmm_patterns[2], 16));
    CHECK_EQ(1234567, number);
}

static void list_msrs(void)
{
    uint32_t at = MSR_LIST;
    for (uint32_t i = 0; i < ROWS; i++) {
        if (rows[i].msr != 0 && has_row(&rows[i])) {
            memcpy(guest.ram + at, &rows[i].msr, sizeof(rows[i].msr));
            at += 4;
        }
    }
}

static void separation(void)
{
    uint64_t saved[ROWS];
    const uint64_t no_breakpoints[4] = {0};
    guest_create(&guest, 2, 0);
    list_msrs();
    set_guest(0);
    set_guest(1);
    set_root(saved);
    for (uint32_t round = 0; round < 10; round++) {
        run_and_check(round & 1);
        if (round % 3 == 0) {
            check_root();
        }
    }
    check_root();
    for (uint32_t i = 0; i < ROWS; i++) {
        if (rows[i].msr != 0 && has_row(&rows[i])) {
            cpu_wrmsr(rows[i].msr, saved[i]);
        }
    }
    write_debug(no_breakpoints);
    guest_destroy(&guest);
}

/* A VP made where another was shows nothing of it. */
static void fresh_after_delete(void)
{
    WHV_REGISTER_NAME xmm = WHvX64RegisterXmm7;
    WHV_REGISTER_VALUE v, zero;
    memset(&zero, 0, sizeof(zero));
    guest_create(&guest, 2, 0);
    list_msrs();
    set_guest(0);
    run_and_check(0);
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(guest.partition, 0));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(guest.partition, 0, 0));
    for (uint32_t i = 0; i < ROWS; i++) {
        if (has_row(&rows[i])) {
            CHECK_EQ(rows[i].reset, guest_get(&guest, 0, rows[i].name));
        }
    }
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(guest.partition, 0, &xmm, 1, &v));
    CHECK_EQ(0, memcmp(&v, &zero, sizeof(v)));
    CHECK_EQ(0xfff0, guest_get(&guest, 0, WHvX64RegisterRip));
    CHECK_EQ(2, guest_get(&guest, 0, WHvX64RegisterRflags));
    CHECK_EQ(0x60000010, guest_get(&guest, 0, WHvX64RegisterCr0));
    CHECK_EQ(0, guest_get(&guest, 0, WHvX64RegisterCr4));
    CHECK_EQ(0xffff0ff0, guest_get(&guest, 0, WHvX64RegisterDr6));
    CHECK_EQ(0x400, guest_get(&guest, 0, WHvX64RegisterDr7));
    CHECK_EQ(0, guest_get(&guest, 0, WHvX64RegisterRax));
    CHECK_EQ(1, guest_get(&guest, 0, WHvX64RegisterXCr0));
    guest_destroy(&guest);
}

const struct scenario scenarios_state_separation[] = {
    {"state-separation", 1, separation},
    {"state-fresh-after-delete", 1, fresh_after_delete},
    {0},
};
