/* SPDX-License-Identifier: MIT */
/* Instructions at a device's registers, and the faults that they meet: what the machine monitor emulates. */
#include "tests/guest/checks/check.h"

#define CR0_PG (1u << 31)
#define CR4_PSE (1u << 4)
#define CR4_OSFXSR (1u << 9)
#define LARGE_PAGE 0x400000u
#define ENTRY_ALL 0x87u /* present, writable, user, 4 MiB */
#define MISSING 0x40000000u
#define ENTRIES 1024u
#define INDEX *(volatile uint32_t *)DEVICE_PAGE /* eight bits of it are kept */
#define HOLE 0xfef00000u                        /* nothing there: all ones */
#define PF_WRITE 2u
#define PF_USER 4u

void check_emulated(void);

static uint32_t directory[ENTRIES] __attribute__((aligned(4096)));

static uint32_t cr2;

/* CR2 cannot be read at CPL 3. */
static void keep_cr2(struct trap_frame *frame)
{
    if (frame->vector == 14) {
        __asm__ volatile("movl %%cr2, %0" : "=r"(cr2));
    }
}

static void begin(void)
{
    trap_clear();
    trap_log.handler = keep_cr2;
    cr2 = 0;
}

/* All addresses are equal but two regions: one that is not there, and RAM before it. */
static void paging_on(void)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        directory[i] = i * LARGE_PAGE | ENTRY_ALL;
    }
    directory[MISSING / LARGE_PAGE] = 0;
    directory[MISSING / LARGE_PAGE - 1] = ENTRY_ALL;
    write_cr4(read_cr4() | CR4_PSE);
    __asm__ volatile("movl %0, %%cr3" : : "r"(directory) : "memory");
    write_cr0(read_cr0() | CR0_PG);
}

static void paging_off(void)
{
    write_cr0(read_cr0() & ~CR0_PG);
    write_cr4(read_cr4() & ~CR4_PSE);
}

static void page_fault(const char *id, uint32_t error, uint32_t address)
{
    bool good = trap_log.event_count == 1 && trap_log.events[0].vector == 14 && trap_log.events[0].error == error &&
                cr2 == address;
    if (!good) {
        note(id, "vector", trap_log.events[0].vector);
        note(id, "error", trap_log.events[0].error);
        note(id, "cr2", cr2);
    }
    verdict(id, good);
}

#define FAULTING(code) "movl $2f, %[at]\n\t" code "\n2:\tmovl $0, %[at]"
#define RESUME_AT [at] "=m"(trap_log.resume_at)

static void string_ports(const char *outs, const char *ins, uint32_t user)
{
    uint32_t count = 4, from = MISSING - 2, to = MISSING;
    begin();
    __asm__ volatile(FAULTING("rep outsb") : RESUME_AT, "+S"(from), "+c"(count) : "d"(DEVICE_PORT) : "memory");
    page_fault(outs, user, MISSING);
    verdict(user != 0 ? "emulated/outs-user-progress" : "emulated/outs-progress", count == 2 && from == MISSING);
    begin();
    __asm__ volatile(FAULTING("insb") : RESUME_AT, "+D"(to) : "d"(DEVICE_PORT) : "memory");
    page_fault(ins, user | PF_WRITE, MISSING);
}

/* The stack is not there: at CPL 3, since the handler has another one. */
static void missing_stack(void)
{
    uint32_t kept;
    begin();
    __asm__ volatile("movl $2f, %[at]\n\tmovl %%esp, %%ebx\n\tmovl %[stack], %%esp\n\tpushl %[device]\n"
                     "2:\tmovl %%esp, %[kept]\n\tmovl %%ebx, %%esp\n\tmovl $0, %[at]"
                     : RESUME_AT, [kept] "=&a"(kept)
                     : [stack] "i"(MISSING + 8), [device] "m"(INDEX)
                     : "ebx", "memory");
    page_fault("emulated/push-without-stack", PF_USER | PF_WRITE, MISSING + 4);
    verdict_equal("emulated/push-without-stack-esp", MISSING + 8, kept);
}

static void moves_to_missing(uint32_t user)
{
    const volatile uint32_t *from = &INDEX;
    uint32_t to = MISSING;
    begin();
    __asm__ volatile(FAULTING("movsl") : RESUME_AT, "+S"(from), "+D"(to) : : "memory");
    page_fault("emulated/movs-to-missing", user | PF_WRITE, MISSING);
    trap_clear();
    __asm__ volatile(FAULTING("pushl $0x22; popl %[device]") : RESUME_AT, [device] "=m"(INDEX) : : "memory");
    verdict_equal("emulated/pop", 0x22, INDEX);
}

static void as_user(void)
{
    string_ports("emulated/outs-user", "emulated/ins-user", PF_USER);
    missing_stack();
    user_end();
}

static void instructions(void)
{
    uint32_t value = 0x33;
    uint8_t flag;
    INDEX = 0x10;
    __asm__ volatile("testl $0x10, %1; setnz %0" : "=q"(flag) : "m"(INDEX) : "cc");
    verdict_equal("emulated/test", 1, flag);
    __asm__ volatile("orl $1, %0" : "+m"(INDEX) : : "cc");
    verdict_equal("emulated/or", 0x11, INDEX);
    __asm__ volatile("xchgl %0, %1" : "+r"(value), "+m"(INDEX));
    verdict_equal("emulated/xchg", 0x11, value);
    verdict_equal("emulated/xchg-device", 0x33, INDEX);
    __asm__ volatile("cmpl $0x33, %1; setz %0" : "=q"(flag) : "m"(INDEX) : "cc");
    verdict_equal("emulated/cmp", 1, flag);
    __asm__ volatile("pushl %1; popl %0" : "=r"(value) : "m"(INDEX));
    verdict_equal("emulated/push", 0x33, value);
    __asm__ volatile("lock btrl $0, %1; setc %0" : "=q"(flag), "+m"(INDEX) : : "cc");
    verdict_equal("emulated/btr", 1, flag);
    verdict_equal("emulated/btr-device", 0x32, INDEX);
}

static void arithmetic(void)
{
    uint32_t value = 0x55, high = 0;
    INDEX = 0x24;
    __asm__ volatile("bsfl %1, %0" : "=r"(value) : "m"(INDEX) : "cc");
    verdict_equal("emulated/bsf", 2, value);
    __asm__ volatile("bsrl %1, %0" : "=r"(value) : "m"(INDEX) : "cc");
    verdict_equal("emulated/bsr", 5, value);
    __asm__ volatile("imull $-3, %1, %0" : "=r"(value) : "m"(INDEX) : "cc");
    verdict_equal("emulated/imul", (uint32_t)(-3 * 0x24), value);
    value = 0x80000001;
    __asm__ volatile("mull %2" : "+a"(value), "=d"(high) : "m"(INDEX) : "cc");
    verdict_equal("emulated/mul", 0x24ull * 0x80000001, (uint64_t)high << 32 | value);
    __asm__ volatile("divl %2" : "+a"(value), "+d"(high) : "m"(INDEX) : "cc");
    verdict_equal("emulated/div", 0x80000001, value);
    __asm__ volatile("shldl $4, %1, %0" : "+m"(INDEX) : "r"(0x90000000) : "cc");
    verdict_equal("emulated/shld", 0x49, INDEX & 0xff);
    __asm__ volatile("stc; rcrl $1, %0" : "+m"(INDEX) : : "cc");
    verdict_equal("emulated/rcr", 0x24, INDEX & 0xff);
    value = 1;
    __asm__ volatile("lock xaddl %0, %1" : "+r"(value), "+m"(INDEX) : : "cc");
    verdict("emulated/xadd", (value & 0xff) == 0x24 && (INDEX & 0xff) == 0x25);
    INDEX = 0;
    begin();
    __asm__ volatile(FAULTING("divl %[device]") : RESUME_AT, "+a"(value), "+d"(high) : [device] "m"(INDEX) : "cc");
    verdict("emulated/divide-error", trap_log.event_count == 1 && trap_log.events[0].vector == 0);
}

/* MMX and SSE, and a segment register; #NM and #UD come before the access, from the processor itself. */
static void registers(void)
{
    const uint32_t cr4 = read_cr4(), selector = 0x10;
    uint32_t value = 0;
    INDEX = selector;
    write_cr4(cr4 | CR4_OSFXSR);
    __asm__ volatile("movd %1, %%mm2\n\tmovd %%mm2, %0\n\temms" : "=r"(value) : "m"(INDEX) : "memory");
    verdict_equal("emulated/mmx-load", selector, value);
    value = 0x21;
    __asm__ volatile("movd %1, %%mm2\n\tmovd %%mm2, %0\n\temms" : "=m"(INDEX) : "r"(value) : "memory");
    verdict_equal("emulated/mmx-store", 0x21, INDEX & 0xff);
    __asm__ volatile("movss %1, %%xmm3\n\tmovd %%xmm3, %0" : "=r"(value) : "m"(INDEX) : "memory");
    verdict_equal("emulated/sse-load", 0x21, value & 0xff);
    value = selector;
    __asm__ volatile("movd %1, %%xmm3\n\tmovd %%xmm3, %0" : "=m"(INDEX) : "r"(value) : "memory");
    verdict_equal("emulated/sse-store", selector, INDEX & 0xff);
    write_cr4(cr4);
    begin();
    __asm__ volatile(FAULTING("movw %[hole], %%fs") : RESUME_AT : [hole] "m"(*(volatile uint16_t *)HOLE));
    verdict_equal("emulated/segment-fault", 13, trap_log.events[0].vector);
    verdict_equal("emulated/segment-error", 0xfffc, trap_log.events[0].error); /* an LDT's, and there is none */
}

void check_emulated(void)
{
    instructions();
    arithmetic();
    registers();
    paging_on();
    string_ports("emulated/outs", "emulated/ins", 0);
    moves_to_missing(0);
    user_call(as_user);
    paging_off();
    trap_clear();
}
