/* SPDX-License-Identifier: MIT */
/* x87 errors with CR0.NE clear are interrupt 13 by way of the 8259s, with NE set exception 16. */
#include "tests/guest/checks/check.h"

#define CR0_MP 2u
#define CR0_EM 4u
#define CR0_TS 8u
#define CR0_NE 0x20u
#define MF 16u
#define COPROCESSOR (PIC_VECTOR + 13u)
#define ALL_BUT_COPROCESSOR 0xdffbu
#define CLEAR_LATCH 0xf0u
#define ZERO_DIVIDE_OPEN 0x37bu
#define ROUNDS 3u

void check_ferr(void);

static const uint16_t control_word = ZERO_DIVIDE_OPEN;
static uint16_t status_seen;

/* As SDM vol. 1, appendix D, has it: the latch first, then what must not wait. */
static void handle(struct trap_frame *frame)
{
    if (frame->vector == COPROCESSOR) {
        out8(CLEAR_LATCH, 0);
        __asm__ volatile("fwait; fnstsw %0; fnclex" : "=m"(status_seen));
    }
}

static void divide(void)
{
    __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp" : : "m"(control_word));
}

static void interrupts(uint32_t cr0)
{
    write_cr0(cr0 & ~(CR0_NE | CR0_TS | CR0_EM | CR0_MP));
    pic_start(ALL_BUT_COPROCESSOR);
    trap_clear();
    trap_log.handler = handle;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        divide();
        __asm__ volatile("sti; fwait; fld1; nop; cli; fninit");
        verdict_equal("ferr/interrupt-13", i, trap_log.counts[COPROCESSOR]);
    }
    verdict_equal("ferr/status-in-handler", 4, status_seen & 0x3fu); /* ZE */
    verdict_equal("ferr/no-exception", 0, trap_log.counts[MF]);
    trap_clear();
    divide();
    __asm__ volatile("sti; fwait; nop; cli; fninit"); /* a handler that clears nothing */
    verdict("ferr/left-alone", trap_log.counts[COPROCESSOR] >= 1 && trap_log.counts[MF] == 0);
    out8(CLEAR_LATCH, 0);
    pic_start(0xffff);
}

static void exceptions(uint32_t cr0)
{
    write_cr0(cr0 | CR0_NE);
    trap_clear();
    divide();
    uint32_t vector = VECTOR_OF("fwait");
    __asm__ volatile("fninit");
    verdict_equal("ferr/exception-16", MF, vector);
}

void check_ferr(void)
{
    uint32_t cr0 = read_cr0();
    interrupts(cr0);
    exceptions(cr0);
    write_cr0(cr0);
    trap_clear();
}
