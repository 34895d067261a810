/* SPDX-License-Identifier: MIT */
/*
 * The shadow of STI and of MOV SS covers one instruction (SDM vol. 2B, STI; vol. 3A, 6.8.3): one that is carried out
 * outside the guest has had it.
 */
#include "tests/guest/checks/check.h"

#define ALL_BUT_TIMER 0xfffeu
#define MILLISECOND 1193u
#define TURNS 20000u
#define ENOUGH 3u
#define DR7_WATCH 0xf0402u /* reads and writes of four bytes */
#define DR6_B0 1u

extern uint32_t shadows_selector;
__asm__(".data\n\t.balign 4\nshadows_selector:\n\t.long 0x10\n\t.text");

void check_shadows(void);

/* Interrupts must come between the instruction and CLI. */
#define WINDOW(id, instruction)                                                                                        \
    do {                                                                                                               \
        trap_clear();                                                                                                  \
        pic_start(ALL_BUT_TIMER);                                                                                      \
        pit_start(MILLISECOND);                                                                                        \
        for (uint32_t i = 0; i < TURNS && trap_log.counts[PIC_VECTOR] < ENOUGH; i++) {                                 \
            uint32_t a = 0, c = 0x1b;                                                                                  \
            __asm__ volatile("sti; " instruction "; cli" : "+a"(a), "+c"(c) : : "ebx", "edx", "memory");               \
        }                                                                                                              \
        pit_stop();                                                                                                    \
        verdict("shadows/sti-" id, trap_log.counts[PIC_VECTOR] >= ENOUGH);                                             \
        pic_start(0xffff);                                                                                             \
    } while (0)

/* A data breakpoint on the load of SS waits for the end of the next instruction, and no longer. */
#define HELD(id, instruction)                                                                                          \
    do {                                                                                                               \
        uint32_t behind;                                                                                               \
        trap_clear();                                                                                                  \
        __asm__ volatile(                                                                                              \
            "movl $2f, %0; movl $shadows_selector, %%eax; movl %%eax, %%dr0; movl %1, %%eax;"                          \
            "movl %%eax, %%dr7; xorl %%eax, %%eax; movl $0x1b, %%ecx; movw shadows_selector, %%ss;" instruction        \
            "; 2: nop; nop; movl %2, %%eax; movl %%eax, %%dr7"                                                         \
            : "=&S"(behind)                                                                                            \
            : "i"(DR7_WATCH), "i"(DR7_RESET)                                                                           \
            : "eax", "ebx", "ecx", "edx", "memory");                                                                   \
        note("shadows/mov-ss-" id, "traps", trap_log.event_count);                                                     \
        verdict("shadows/mov-ss-" id, trap_log.event_count == 1 && trap_log.events[0].eip == behind &&                 \
                                          (trap_log.events[0].dr6 & DR6_B0) != 0);                                     \
    } while (0)

void check_shadows(void)
{
    WINDOW("nop", "nop");
    WINDOW("in", "inb $0x80, %%al");
    WINDOW("out", "outb %%al, $0x80");
    WINDOW("cpuid", "cpuid");
    WINDOW("rdmsr", "rdmsr");
    WINDOW("device", "movl 0xfec00000, %%eax");
    WINDOW("apic", "movl 0xfee00030, %%eax");
    HELD("nop", "nop");
    HELD("cpuid", "cpuid");
    HELD("rdmsr", "rdmsr");
    HELD("out", "outb %%al, $0x80");
    HELD("device", "movl 0xfec00000, %%eax");
    HELD("apic", "movl 0xfee00030, %%eax");
}
