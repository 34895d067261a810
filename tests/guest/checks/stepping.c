/* SPDX-License-Identifier: MIT */
/*
 * A single-step trap is due behind every instruction (SDM vol. 3B, 18.3.1.4), also one that a hypervisor or its client
 * carries out, behind each element of a repetition, and behind HLT.
 */
#include "tests/guest/checks/check.h"

#define VECTOR_DB 1u
#define ALL_BUT_TIMER 0xfffeu
#define LONG_TIME 60000u /* of the PIT: 50 ms */
#define ELEMENTS 3u

void check_stepping(void);

static bool stopped_at(uint32_t eip)
{
    for (uint32_t i = 0; i < trap_log.event_count && i < TRAP_EVENTS; i++) {
        if (trap_log.events[i].vector == VECTOR_DB && trap_log.events[i].eip == eip &&
            (trap_log.events[i].dr6 & DR6_BS) != 0) {
            return true;
        }
    }
    return false;
}

/* One instruction with TF set: the traps are behind it and behind the NOP that follows. EAX, ECX and EDX are 0. */
#define STEP(id, instruction)                                                                                          \
    do {                                                                                                               \
        uint32_t behind, next;                                                                                         \
        trap_clear();                                                                                                  \
        __asm__ volatile("movl $2f, %0; movl $3f, %1; pushf; orl $0x100, (%%esp); popf; " instruction                  \
                         "; 2: nop; 3: nop; pushf; andl $~0x100, (%%esp); popf"                                        \
                         : "=&S"(behind), "=&D"(next)                                                                  \
                         : "a"(0), "c"(0), "d"(0)                                                                      \
                         : "ebx", "memory", "cc");                                                                     \
        verdict("stepping/" id, stopped_at(behind) && stopped_at(next));                                               \
    } while (0)

static void check_instructions(void)
{
    STEP("nop", "nop");
    STEP("out", "outb %%al, $0x80");
    STEP("in", "inb $0x80, %%al");
    STEP("out-dx", "movb $0x80, %%dl; outl %%eax, %%dx");
    STEP("in-dx", "movb $0x80, %%dl; inw %%dx, %%ax");
    STEP("cpuid", "cpuid");
    STEP("rdmsr", "movl $0x1b, %%ecx; rdmsr");
    STEP("wrmsr", "movl $0x1b, %%ecx; rdmsr; wrmsr");
    STEP("mov-dr", "movl %%dr0, %%ebx");
    STEP("device-load", "movl 0xfec00000, %%eax");
    STEP("device-store", "movl %%eax, 0xfec00000");
    STEP("device-or", "orl %%eax, 0xfec00000");
    STEP("device-push", "pushl 0xfec00000; popl %%ebx");
    STEP("apic-load", "movl 0xfee00030, %%eax");
    STEP("apic-store", "movl %%eax, 0xfee00080");
}

/*
 * Traps at the repetition itself, one for each element but the last, whose trap is behind it. Between two elements RF
 * is set in what a trap pushes (SDM vol. 3B, 18.3.1.1), which Bochs forgets where it executes them itself.
 */
static void verdict_repeated(const char *id, uint32_t at, uint32_t behind, bool on_device)
{
    uint32_t within = 0, after = 0;
    bool resumes = true;
    for (uint32_t i = 0; i < trap_log.event_count && i < TRAP_EVENTS; i++) {
        const bool here = trap_log.events[i].eip == at;
        resumes &= !here || within == 0 || (trap_log.events[i].eflags & EFLAGS_RF) != 0;
        within += here ? 1 : 0; /* the first is that of the instruction before */
        after += trap_log.events[i].eip == behind ? 1 : 0;
    }
    note(id, "traps at the repetition", within);
    verdict(id, within == ELEMENTS && after == 1 && (resumes || !on_device));
}

/* A NOP before it, so that one trap is at the repetition before its first element. */
#define REPEAT(id, instruction, from, to, on_device)                                                                   \
    do {                                                                                                               \
        static uint32_t at, behind;                                                                                    \
        uint32_t si = (uint32_t)(from), di = (uint32_t)(to), n = ELEMENTS;                                             \
        trap_clear();                                                                                                  \
        __asm__ volatile("movl $1f, %%eax; movl %%eax, %0; movl $2f, %%eax; movl %%eax, %1; pushf;"                    \
                         "orl $0x100, (%%esp); popf; nop; 1: " instruction                                             \
                         "; 2: nop; pushf; andl $~0x100, (%%esp); popf"                                                \
                         : "=m"(at), "=m"(behind), "+S"(si), "+D"(di), "+c"(n)                                         \
                         : "d"(DEVICE_PORT)                                                                            \
                         : "eax", "memory", "cc");                                                                     \
        verdict_repeated("stepping/" id, at, behind, on_device);                                                       \
    } while (0)

static void check_repetitions(void)
{
    static uint8_t bytes[16];
    REPEAT("rep-movs", "rep movsb", bytes, bytes + 8, false);
    REPEAT("rep-outs", "rep outsb", bytes, 0, true);
    REPEAT("rep-ins", "rep insb", 0, bytes, true);
    REPEAT("rep-movs-device", "rep movsb", DEVICE_PAGE, bytes, true);
    if (!says("bare")) { /* Bochs gives up at a store to an I/O APIC that is not to a register */
        REPEAT("rep-stos-device", "rep stosl", 0, DEVICE_PAGE, true);
    }
}

/* The timer would end the halt late, the trap ends it at once. */
static void check_halt(void)
{
    uint32_t behind;
    trap_clear();
    pic_start(ALL_BUT_TIMER);
    pit_start(LONG_TIME);
    __asm__ volatile("movl $2f, %0; sti; pushf; orl $0x100, (%%esp); popf; hlt; 2: nop; pushf; andl $~0x100, (%%esp);"
                     "popf; cli"
                     : "=&S"(behind)
                     :
                     : "memory", "cc");
    verdict("stepping/hlt", stopped_at(behind));
    verdict_equal("stepping/hlt-at-once", 0, trap_log.counts[PIC_VECTOR]);
    pit_stop();
    pic_start(0xffff);
}

void check_stepping(void)
{
    check_instructions();
    check_repetitions();
    check_halt();
}
