/* SPDX-License-Identifier: MIT */
/*
 * MOV to CR0 and CR4, CLTS and LMSW, with bits among those that change whose real value is a hypervisor's: one that
 * faults changes nothing, one that does not changes all.
 */
#include "tests/guest/checks/check.h"

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)
#define CR4_PAE (1u << 5)
#define CR4_MCE (1u << 6)
#define CR4_PCIDE (1u << 17)
#define CR4_RESERVED (1u << 31)
#define GP 13u
#define PRESENT 1u
#define WRITABLE 2u
#define LARGE 0x80u
#define MSR_EFER 0xc0000080u
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)

void check_control(void);

static uint64_t pdpt[4] __attribute__((aligned(4096))), pml4[512] __attribute__((aligned(4096)));
static uint64_t directories[4][512] __attribute__((aligned(4096)));

READ_CONTROL(cr3, cr3)

/* The first 4 GiB onto themselves; for IA-32e mode the pointers need the right to write, in PAE it is reserved. */
static void build_tables(bool long_mode)
{
    for (uint32_t i = 0; i < 4; i++) {
        pdpt[i] = (uintptr_t)directories[i] | PRESENT | (long_mode ? WRITABLE : 0);
        for (uint32_t j = 0; j < 512; j++) {
            directories[i][j] = (uint64_t)(i * 512 + j) << 21 | PRESENT | WRITABLE | LARGE;
        }
    }
    pml4[0] = (uintptr_t)pdpt | PRESENT | WRITABLE;
}

#define FAULT_OF(reg, value)                                                                                           \
    ({                                                                                                                 \
        trap_clear();                                                                                                  \
        __asm__ volatile("movl $2f, %0\n\tmovl %1, %%" #reg "\n2:\tmovl $0, %0"                                        \
                         : "=m"(trap_log.resume_at)                                                                    \
                         : "r"(value)                                                                                  \
                         : "memory");                                                                                  \
        trap_log.event_count == 1 ? trap_log.events[0].vector : NO_EXCEPTION;                                          \
    })

static void refused_cr0(const char *id, uint32_t value)
{
    uint32_t before = read_cr0();
    verdict_equal(id, GP, FAULT_OF(cr0, value));
    verdict_equal(id, before, read_cr0());
    write_cr0(before);
}

static void refused_cr4(const char *id, uint32_t value)
{
    uint32_t before = read_cr4();
    verdict_equal(id, GP, FAULT_OF(cr4, value));
    verdict_equal(id, before, read_cr4());
    write_cr4(before);
}

static void faults(void)
{
    uint32_t cr0 = read_cr0(), cr4 = read_cr4();
    refused_cr0("control/cr0-pg-without-pe", ((cr0 & ~CR0_PE) ^ CR0_NE) | CR0_PG);
    refused_cr0("control/cr0-nw-without-cd", ((cr0 ^ CR0_NE) & ~CR0_CD) | CR0_NW);
    refused_cr4("control/cr4-pcide-outside-long-mode", (cr4 ^ CR4_MCE) | CR4_PCIDE);
    refused_cr4("control/cr4-reserved", (cr4 ^ CR4_MCE) | CR4_RESERVED);
    build_tables(false);
    pdpt[2] |= 1u << 5; /* reserved in PAE paging */
    write_cr3((uintptr_t)pdpt);
    write_cr4(cr4 | CR4_PAE);
    refused_cr0("control/cr0-pdpte-reserved", (cr0 ^ CR0_NE) | CR0_PG);
    pdpt[2] &= ~0x20ull;
    write_cr0(cr0 | CR0_PG);
    pdpt[3] |= 1u << 1;
    refused_cr4("control/cr4-pdpte-reserved", (read_cr4() ^ CR4_MCE) | 1u << 4);
    write_cr0(cr0);
    write_cr4(cr4);
    write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_LME);
    refused_cr0("control/cr0-lme-without-pae", (cr0 ^ CR0_NE) | CR0_PG);
    write_msr(MSR_EFER, read_msr(MSR_EFER) & ~(uint64_t)EFER_LME);
}

static void paging(void)
{
    uint32_t cr0 = read_cr0(), cr4 = read_cr4();
    build_tables(false);
    write_cr3((uintptr_t)pdpt);
    write_cr4((cr4 ^ CR4_MCE) | CR4_PAE);
    write_cr0((cr0 ^ CR0_NE) | CR0_PG | CR0_WP);
    verdict_equal("control/pae-on-cr0", (cr0 ^ CR0_NE) | CR0_PG | CR0_WP, read_cr0());
    verdict_equal("control/pae-on-cr4", (cr4 ^ CR4_MCE) | CR4_PAE, read_cr4());
    write_cr0(cr0);
    write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_LME);
    build_tables(true);
    write_cr3((uintptr_t)pml4);
    write_cr0((cr0 ^ CR0_NE) | CR0_PG);
    /* An exception would need gates of 16 bytes now. */
    verdict_equal("control/long-on", EFER_LMA | EFER_LME, read_msr(MSR_EFER) & (EFER_LMA | EFER_LME));
    write_cr0(cr0);
    verdict_equal("control/long-off", EFER_LME, read_msr(MSR_EFER) & (EFER_LMA | EFER_LME));
    write_msr(MSR_EFER, read_msr(MSR_EFER) & ~(uint64_t)EFER_LME);
    write_cr4(cr4);
    verdict_equal("control/off-again", cr0, read_cr0());
}

static void small_writes(void)
{
    uint32_t cr0 = read_cr0();
    write_cr0((cr0 ^ CR0_NE) | CR0_CD | CR0_NW);
    verdict_equal("control/caches-off", (cr0 ^ CR0_NE) | CR0_CD | CR0_NW, read_cr0());
    write_cr0(cr0);
    __asm__ volatile("lmsw %w0" : : "r"(CR0_MP | CR0_EM | CR0_TS));
    verdict_equal("control/lmsw", cr0 | CR0_MP | CR0_EM | CR0_TS, read_cr0());
    __asm__ volatile("clts");
    verdict_equal("control/clts", (cr0 & ~CR0_TS) | CR0_MP | CR0_EM, read_cr0());
    write_cr0(cr0);
}

void check_control(void)
{
    faults();
    paging();
    small_writes();
    trap_clear();
}
