/* SPDX-License-Identifier: MIT */
/* The local APIC's page takes any instruction, not MOV alone; of other sizes than 32 bits reads give what is there. */
#include "tests/guest/checks/check.h"

#define SVR 0xf0u
#define SVR_ON 0x1ffu
#define TPR 0x80u
#define LVT_LINT0 0x350u
#define LVT_MASKED 0x10000u
#define ICR 0x300u
#define SELF_FIXED 0x40000u
#define ANY_VECTOR 0x51u
#define AT(offset) *(volatile uint32_t *)(APIC_PAGE + (offset))

void check_apic_forms(void);

static void logic(void)
{
    uint8_t zero;
    __asm__ volatile("testl $0x100, %1; setz %0" : "=q"(zero) : "m"(AT(SVR)) : "cc");
    verdict_equal("apic_forms/test", 0, zero);
    __asm__ volatile("cmpl $0x1ff, %1; setz %0" : "=q"(zero) : "m"(AT(SVR)) : "cc");
    verdict_equal("apic_forms/cmp", 1, zero);
    uint32_t lint0 = AT(LVT_LINT0);
    __asm__ volatile("orl $0x10000, %0" : "+m"(AT(LVT_LINT0)) : : "cc");
    verdict_equal("apic_forms/or", lint0 | LVT_MASKED, AT(LVT_LINT0));
    __asm__ volatile("andl $0xfffffffe, %0" : "+m"(AT(SVR)) : : "cc");
    verdict_equal("apic_forms/and", SVR_ON - 1, AT(SVR));
    __asm__ volatile("btsl $0, %0" : "+m"(AT(SVR)) : : "cc");
    verdict_equal("apic_forms/bts", SVR_ON, AT(SVR));
    __asm__ volatile("incl %0" : "+m"(AT(TPR)) : : "cc");
    verdict_equal("apic_forms/inc", 1, AT(TPR));
    AT(TPR) = 0;
}

static void moves(void)
{
    uint32_t value = SVR_ON - 1;
    __asm__ volatile("xchgl %0, %1" : "+r"(value), "+m"(AT(SVR)));
    verdict_equal("apic_forms/xchg", SVR_ON, value);
    verdict_equal("apic_forms/xchg-memory", SVR_ON - 1, AT(SVR));
    AT(SVR) = SVR_ON;
    __asm__ volatile("pushl %1; popl %0" : "=r"(value) : "m"(AT(SVR)));
    verdict_equal("apic_forms/push", SVR_ON, value);
    __asm__ volatile("pushl $0x1fe; popl %0" : "=m"(AT(SVR)));
    verdict_equal("apic_forms/pop", SVR_ON - 1, AT(SVR));
    AT(SVR) = SVR_ON;
    __asm__ volatile(".byte 0xa1; .long 0xfee000f0" : "=a"(value));
    verdict_equal("apic_forms/absolute", SVR_ON, value);
    __asm__ volatile("movzwl %1, %0" : "=r"(value) : "m"(AT(SVR)));
    verdict_equal("apic_forms/movzx", SVR_ON, value);
}

static void strings(void)
{
    uint32_t copy = 0, stored = 0x20, count = 1;
    const volatile uint32_t *from = &AT(SVR);
    uint32_t *to = &copy;
    __asm__ volatile("rep movsl" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
    verdict_equal("apic_forms/movs", SVR_ON, copy);
    verdict("apic_forms/movs-end", from == &AT(SVR + 4) && to == &copy + 1 && count == 0);
    to = (uint32_t *)(APIC_PAGE + TPR);
    __asm__ volatile("stosl" : "+D"(to) : "a"(stored) : "memory");
    verdict_equal("apic_forms/stos", 0x20, AT(TPR));
    AT(TPR) = 0;
}

static void sizes(void)
{
    uint32_t value = 0;
    __asm__ volatile("movb %1, %b0" : "+q"(value) : "m"(AT(SVR)));
    verdict_equal("apic_forms/byte", 0xff, value);
    __asm__ volatile("movb %1, %b0" : "+q"(value) : "m"(*(volatile uint8_t *)(APIC_PAGE + SVR + 1)));
    verdict_equal("apic_forms/second-byte", 1, value);
    __asm__ volatile("movw %1, %w0" : "+r"(value) : "m"(AT(SVR)));
    verdict_equal("apic_forms/word", SVR_ON, value);
    AT(SVR + 4) = 0xffffffff;
    __asm__ volatile("movb $0, %0" : "=m"(*(volatile uint8_t *)(APIC_PAGE + SVR)));
    verdict_equal("apic_forms/byte-is-dropped", SVR_ON, AT(SVR));
}

/* Over two registers and the gaps behind them, which are 0. */
static void gaps(void)
{
    uint32_t copy[8], count = 8;
    const volatile uint32_t *from = &AT(SVR);
    uint32_t *to = copy;
    __asm__ volatile("rep movsl" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
    verdict_equal("apic_forms/gaps-count", 0, count);
    verdict_equal("apic_forms/gaps-register", SVR_ON, copy[0]);
    verdict_equal("apic_forms/gaps", 0, copy[1] | copy[2] | copy[3]);
    __asm__ volatile("movl %1, %0" : "=r"(copy[0]) : "m"(*(volatile uint32_t *)(APIC_PAGE + SVR + 2)));
    verdict_equal("apic_forms/across", SVR_ON >> 16, copy[0]);
}

/* An IPI sent by a read-modify-write goes out once, and its interrupt comes. */
static void effects(void)
{
    trap_log.interrupts_from_apic = true;
    uint32_t icr = SELF_FIXED | ANY_VECTOR;
    __asm__ volatile("xchgl %0, %1" : "+r"(icr), "+m"(AT(ICR)));
    wait_with_interrupts(100000);
    verdict_equal("apic_forms/self-ipi", 1, trap_log.counts[ANY_VECTOR]);
    trap_clear();
}

void check_apic_forms(void)
{
    const uint32_t svr = AT(SVR), lint0 = AT(LVT_LINT0);
    AT(SVR) = SVR_ON;
    AT(TPR) = 0;
    logic();
    moves();
    strings();
    effects();
    if (!says("bare")) { /* the SDM leaves them open (vol. 3A, 11.4.1): what the hypervisor documents */
        sizes();
        gaps();
    }
    AT(LVT_LINT0) = lint0;
    AT(SVR) = svr;
}
