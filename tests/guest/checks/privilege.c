/* SPDX-License-Identifier: MIT */
/* What VMX makes exit before its faults, or in their place, must fault as without it, at CPL 0 and 3. */
#include "tests/guest/checks/check.h"

#define VECTOR_DB 1u
#define VECTOR_UD 6u
#define VECTOR_GP 13u
#define CPUID_1_ECX_MONITOR (1u << 3)
#define CPUID_1_ECX_XSAVE (1u << 26)
#define CR4_TSD (1u << 2)
#define CR4_DE (1u << 3)
#define CR4_PCE (1u << 8)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXSAVE (1u << 18)
#define DR7_GD (1u << 13)
#define DR6_BD (1u << 13)

#define MONITOR ".byte 0x0f, 0x01, 0xc8"
#define MWAIT ".byte 0x0f, 0x01, 0xc9"
#define XSETBV ".byte 0x0f, 0x01, 0xd1"

/* Wrong ones of a group: a note tells which, the verdict counts. */
static uint32_t wrong;

static void expect(const char *what, uint32_t vector, uint32_t came)
{
    if (vector != came) {
        wrong++;
        note("privilege", what, came);
    }
}

static void end_group(const char *id)
{
    verdict_equal(id, 0, wrong);
    wrong = 0;
}

/* Instructions of features that CPUID does not show. */
static void undefined(void)
{
    expect("VMCALL", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0x01, 0xc1"));
    expect("VMLAUNCH", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0x01, 0xc2"));
    expect("VMRESUME", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0x01, 0xc3"));
    expect("VMXOFF", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0x01, 0xc4"));
    expect("VMFUNC", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0x01, 0xd4"));
    expect("VMREAD", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0x78, 0xc1"));
    expect("VMWRITE", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0x79, 0xc1"));
    expect("VMPTRST", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0xc7, 0x3c, 0x24"));
    expect("VMPTRLD", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0xc7, 0x34, 0x24"));
    expect("INVEPT", VECTOR_UD, VECTOR_OF(".byte 0x66, 0x0f, 0x38, 0x80, 0x04, 0x24"));
    expect("INVVPID", VECTOR_UD, VECTOR_OF(".byte 0x66, 0x0f, 0x38, 0x81, 0x04, 0x24"));
    expect("GETSEC", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0x37"));
    expect("RSM", VECTOR_UD, VECTOR_OF(".byte 0x0f, 0xaa"));
    expect("SEAMCALL", VECTOR_UD, VECTOR_OF(".byte 0x66, 0x0f, 0x01, 0xcf"));
    expect("TDCALL", VECTOR_UD, VECTOR_OF(".byte 0x66, 0x0f, 0x01, 0xcc"));
    expect("XSETBV without CR4.OSXSAVE", VECTOR_UD, VECTOR_OF(XSETBV));
    if ((read_cpuid(1, 0).ecx & CPUID_1_ECX_MONITOR) == 0) {
        expect("MONITOR", VECTOR_UD, VECTOR_OF(MONITOR));
        expect("MWAIT", VECTOR_UD, VECTOR_OF(MWAIT));
    }
}

static void privileged(void)
{
    expect("HLT", VECTOR_GP, VECTOR_OF("hlt"));
    expect("INVD", VECTOR_GP, VECTOR_OF("invd"));
    expect("WBINVD", VECTOR_GP, VECTOR_OF("wbinvd"));
    expect("INVLPG", VECTOR_GP, VECTOR_OF("invlpg (%%esp)"));
    expect("RDMSR", VECTOR_GP, VECTOR_OF("rdmsr"));
    expect("WRMSR", VECTOR_GP, VECTOR_OF("wrmsr"));
    expect("MOV to CR0", VECTOR_GP, VECTOR_OF("movl %%eax, %%cr0"));
    expect("MOV from CR4", VECTOR_GP, VECTOR_OF("movl %%cr4, %%eax"));
    expect("CLTS", VECTOR_GP, VECTOR_OF("clts"));
    expect("LMSW", VECTOR_GP, VECTOR_OF("lmsw %%ax"));
    expect("MOV to DR0", VECTOR_GP, VECTOR_OF("movl %%eax, %%dr0"));
    expect("MOV to DR7", VECTOR_GP, VECTOR_OF("movl %%eax, %%dr7"));
    expect("MOV from DR4", VECTOR_GP, VECTOR_OF("movl %%dr4, %%eax"));
    expect("MOV from DR6", VECTOR_GP, VECTOR_OF("movl %%dr6, %%eax"));
    expect("MOV from DR7", VECTOR_GP, VECTOR_OF("movl %%dr7, %%eax"));
    expect("RDPMC", VECTOR_GP, VECTOR_OF("rdpmc"));
}

static void at_user(void)
{
    undefined();
    privileged();
    user_end();
}

static void at_user_without_tsc(void)
{
    expect("RDTSC with CR4.TSD", VECTOR_GP, VECTOR_OF("rdtsc"));
    user_end();
}

static void at_user_without_dr4(void)
{
    expect("MOV from DR4 with CR4.DE", VECTOR_UD, VECTOR_OF("movl %%dr4, %%eax"));
    expect("MOV to DR5 with CR4.DE", VECTOR_UD, VECTOR_OF("movl %%eax, %%dr5"));
    expect("MOV from DR3 with CR4.DE", VECTOR_GP, VECTOR_OF("movl %%dr3, %%eax"));
    user_end();
}

static void check_time_stamp(void)
{
    uint32_t cr4 = read_cr4();
    write_cr4(cr4 | CR4_TSD);
    expect("RDTSC with CR4.TSD at CPL 0", NO_EXCEPTION, VECTOR_OF("rdtsc"));
    user_call(at_user_without_tsc);
    write_cr4(cr4);
    end_group("privilege/time-stamp");
}

static void check_dr4(void)
{
    uint32_t cr4 = read_cr4();
    expect("MOV from DR4", NO_EXCEPTION, VECTOR_OF("movl %%dr4, %%eax"));
    write_cr4(cr4 | CR4_DE);
    expect("MOV from DR4 with CR4.DE", VECTOR_UD, VECTOR_OF("movl %%dr4, %%eax"));
    expect("MOV to DR5 with CR4.DE", VECTOR_UD, VECTOR_OF("movl %%eax, %%dr5"));
    expect("MOV from DR6 with CR4.DE", NO_EXCEPTION, VECTOR_OF("movl %%dr6, %%eax"));
    user_call(at_user_without_dr4);
    write_cr4(cr4);
    end_group("privilege/dr4-dr5");
}

/* #DB with DR6.BD comes before the access, and its delivery clears GD. #UD comes before it. */
static void check_general_detect(void)
{
    uint32_t cr4 = read_cr4();
    write_dr7(DR7_RESET | DR7_GD);
    trap_clear();
    __asm__ volatile("movl %%dr0, %%eax" : : : "eax");
    expect("one #DB with DR7.GD", 1, trap_log.event_count);
    expect("its vector", VECTOR_DB, trap_log.events[0].vector);
    expect("DR6.BD", DR6_BD, trap_log.events[0].dr6 & DR6_BD);
    expect("DR7.GD after it", 0, read_dr7() & DR7_GD);
    write_cr4(cr4 | CR4_DE);
    write_dr7(DR7_RESET | DR7_GD);
    expect("MOV from DR4 with CR4.DE and DR7.GD", VECTOR_UD, VECTOR_OF("movl %%dr4, %%eax"));
    trap_clear();
    write_dr7(DR7_RESET); /* #DB first, then the write */
    expect("#DB of a write", 1, trap_log.event_count);
    write_cr4(cr4);
    write_dr6(DR6_RESET);
    end_group("privilege/general-detect");
}

static uint32_t set_xcr0(uint32_t index, uint32_t high, uint32_t low)
{
    trap_clear();
    __asm__ volatile("movl $2f, %0\n\t" XSETBV "\n2:\tmovl $0, %0"
                     : "=m"(trap_log.resume_at)
                     : "a"(low), "c"(index), "d"(high)
                     : "memory");
    return trap_log.event_count == 1 ? trap_log.events[0].vector : NO_EXCEPTION;
}

static void at_user_xcr0(void)
{
    expect("XSETBV at CPL 3", VECTOR_GP, set_xcr0(0, 0, 3));
    expect("XSETBV at CPL 3 of register 1", VECTOR_GP, set_xcr0(1, 0, 3));
    user_end();
}

static void check_xcr0(void)
{
    uint32_t cr4 = read_cr4();
    if ((read_cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE) == 0) {
        return;
    }
    write_cr4(cr4 | CR4_OSXSAVE | CR4_OSFXSR);
    expect("x87 off", VECTOR_GP, set_xcr0(0, 0, 0));
    expect("SSE without x87", VECTOR_GP, set_xcr0(0, 0, 2));
    expect("AVX without SSE", VECTOR_GP, set_xcr0(0, 0, 5));
    expect("a reserved bit", VECTOR_GP, set_xcr0(0, 0, 0x80000001));
    expect("a reserved high bit", VECTOR_GP, set_xcr0(0, 0x80000000, 1));
    expect("register 1", VECTOR_GP, set_xcr0(1, 0, 1));
    expect("x87", NO_EXCEPTION, set_xcr0(0, 0, 1));
    uint32_t least = read_cpuid(0xd, 0).ebx;
    bool avx = (read_cpuid(0xd, 0).eax & 4) != 0;
    if (avx) {
        expect("x87, SSE and AVX", NO_EXCEPTION, set_xcr0(0, 0, 7));
        expect("CPUID's size follows", 1, read_cpuid(0xd, 0).ebx > least ? 1 : 0);
    }
    user_call(at_user_xcr0);
    expect("x87 at the end", NO_EXCEPTION, set_xcr0(0, 0, 1));
    write_cr4(cr4);
    end_group("privilege/xcr0");
}

void check_privilege(void)
{
    undefined();
    end_group("privilege/undefined-cpl0");
    user_call(at_user);
    end_group("privilege/faults-cpl3");
    check_time_stamp();
    check_dr4();
    check_general_detect();
    check_xcr0();
}
