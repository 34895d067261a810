/* SPDX-License-Identifier: MIT */
/* Breakpoints of execution, on ports and on a device's memory, and the reserved bits of the debug registers. */
#include "tests/guest/checks/check.h"

#define CR4_DE 8u
#define DR7_EXECUTE_BOTH 0x40au /* DR0 and DR1 */
#define DR7_PORT 0x20402u
#define DR7_WATCH 0xf0402u
#define DR7_WRITES 0xd0402u
#define DR7_RTM 0x800u
#define DR6_B0 1u
#define DR6_WITHOUT_RTM 0xffff0ff0u
#define CPUID_7_EBX_RTM (1u << 11)

void check_breakpoints(void);

/* RF ends with the instruction that it was set for: breakpoints on neighbours are both met, once each. */
#define NEIGHBOURS(id, before, instruction)                                                                            \
    do {                                                                                                               \
        uint32_t first, second;                                                                                        \
        trap_clear();                                                                                                  \
        trap_log.resume_with_rf = true;                                                                                \
        __asm__ volatile("movl $1f, %0; movl $2f, %1; movl %0, %%dr0; movl %1, %%dr1; movl %2, %%eax;"                 \
                         "movl %%eax, %%dr7; movl $0x1b, %%ecx; " before "; jmp 1f; nop; 1: " instruction              \
                         "; 2: nop; movl %3, %%eax; movl %%eax, %%dr7"                                                 \
                         : "=&S"(first), "=&D"(second)                                                                 \
                         : "i"(DR7_EXECUTE_BOTH), "i"(DR7_RESET)                                                       \
                         : "eax", "ebx", "ecx", "edx", "memory");                                                      \
        note("breakpoints/resume-" id, "hits", trap_log.event_count);                                                  \
        verdict("breakpoints/resume-" id,                                                                              \
                trap_log.event_count == 2 && trap_log.events[0].eip == first && trap_log.events[1].eip == second);     \
    } while (0)

/* One hit or none, as a trap behind the access. */
#define WATCH(id, expected, address, control, instruction)                                                             \
    do {                                                                                                               \
        uint32_t behind;                                                                                               \
        trap_clear();                                                                                                  \
        __asm__ volatile("movl $2f, %0; movl %1, %%dr0; movl %2, %%dr7; movl %3, %%edx;" instruction                   \
                         "; 2: nop; nop; movl %4, %%eax; movl %%eax, %%dr7"                                            \
                         : "=&S"(behind)                                                                               \
                         : "r"(address), "r"(control), "i"(DEVICE_PORT), "i"(DR7_RESET)                                \
                         : "eax", "edx", "memory", "cc");                                                              \
        note("breakpoints/" id, "hits", trap_log.event_count);                                                         \
        verdict("breakpoints/" id,                                                                                     \
                trap_log.event_count == (expected) && ((expected) == 0 || (trap_log.events[0].eip == behind &&         \
                                                                           (trap_log.events[0].dr6 & DR6_B0) != 0)));  \
    } while (0)

static void check_watches(void)
{
    uint32_t cr4 = read_cr4();
    write_cr4(cr4 | CR4_DE);
    WATCH("out", 1, DEVICE_PORT, DR7_PORT, "outb %%al, $0x80");
    WATCH("in", 1, DEVICE_PORT, DR7_PORT, "inb $0x80, %%al");
    WATCH("out-dx", 1, DEVICE_PORT, DR7_PORT, "outl %%eax, %%dx");
    WATCH("other-port", 0, DEVICE_PORT + 1, DR7_PORT, "outb %%al, $0x80");
    WATCH("port-as-memory", 0, DEVICE_PORT, DR7_WATCH, "outb %%al, $0x80");
    write_cr4(cr4);
    WATCH("load", 1, DEVICE_PAGE, DR7_WATCH, "movl 0xfec00000, %%eax");
    WATCH("load-of-part", 1, DEVICE_PAGE, DR7_WATCH, "movb 0xfec00003, %%al");
    WATCH("store", 1, DEVICE_PAGE, DR7_WRITES, "movl %%eax, 0xfec00000");
    WATCH("load-not-written", 0, DEVICE_PAGE, DR7_WRITES, "movl 0xfec00000, %%eax");
    WATCH("store-elsewhere", 0, DEVICE_PAGE + 4, DR7_WRITES, "movl %%eax, 0xfec00000");
    WATCH("apic-load", 1, APIC_PAGE + 0x30, DR7_WATCH, "movl 0xfee00030, %%eax");
    WATCH("apic-store", 1, APIC_PAGE + 0x80, DR7_WRITES, "xorl %%eax, %%eax; movl %%eax, 0xfee00080");
    WATCH("apic-other", 0, APIC_PAGE + 0x34, DR7_WATCH, "movl 0xfee00030, %%eax");
}

/* SDM vol. 3B, 18.2.3 and 18.2.4. */
static void check_reserved(void)
{
    bool rtm = (read_cpuid(7, 0).ebx & CPUID_7_EBX_RTM) != 0;
    write_dr6(0);
    verdict("breakpoints/dr6-reserved", rtm || read_dr6() == DR6_WITHOUT_RTM);
    write_dr6(DR6_RESET);
    write_dr7(DR7_RESET | DR7_RTM);
    verdict("breakpoints/dr7-reserved", rtm || read_dr7() == DR7_RESET);
    write_dr7(DR7_RESET);
}

void check_breakpoints(void)
{
    NEIGHBOURS("nop", "", "nop");
    NEIGHBOURS("out", "", "outb %%al, $0x80");
    NEIGHBOURS("in", "", "inb $0x80, %%al");
    NEIGHBOURS("cpuid", "", "cpuid");
    NEIGHBOURS("rdmsr", "", "rdmsr");
    NEIGHBOURS("device", "", "movl 0xfec00000, %%eax");
    NEIGHBOURS("apic", "", "movl 0xfee00030, %%eax");
    for (unsigned i = 0; i < 2; i++) { /* caches and machine checks as they were, in the end */
        NEIGHBOURS("mov-cr0", "movl %%cr0, %%eax; xorl $0x60000000, %%eax", "movl %%eax, %%cr0");
        NEIGHBOURS("mov-cr4", "movl %%cr4, %%eax; xorl $0x40, %%eax", "movl %%eax, %%cr4");
    }
    check_watches();
    check_reserved();
}
