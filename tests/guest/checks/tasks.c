/* SPDX-License-Identifier: MIT */
/* Hardware task switches: CALL, JMP, IRET, and task gates, with and without an error code (SDM vol. 3A, 8.3). */
#include "tests/guest/checks/check.h"

#define KERNEL_CS 8u
#define KERNEL_DS 0x10u
#define KERNEL_TSS 0x28u
#define TASK_TSS 0x30u
#define TASK_GATE 0x8500u
#define BUSY 0x200u
#define FLAGS_NT 0x4000u
#define CR0_TS 8u
#define GATE_VECTOR 0x61u
#define GP 13u
#define TS 10u
#define BAD_SELECTOR 0x7ff8u

struct tss {
    uint32_t link, stacks[6], cr3, eip, eflags, gpr[8], segment[6], ldt, trap_io;
};

void check_tasks(void);
void task_returns(void);
void task_jumps(void);
void task_handles(void);
extern struct {
    uint32_t low, high;
} gdt[], gdt_spare[];

volatile uint32_t task_count, task_flags, task_cr0, task_error, task_eax, task_resume;
volatile uint16_t task_tr;
volatile struct tss *task_main;
static struct tss task;
static uint32_t stack[256];

__asm__(".globl task_returns, task_jumps, task_handles\n"
        "task_returns:\n"
        "1: movl %eax, task_eax\n pushfl\n popl task_flags\n movl %cr0, %eax\n movl %eax, task_cr0\n str task_tr\n"
        "   clts\n incl task_count\n iretl\n jmp 1b\n"
        "task_jumps:\n"
        "1: str task_tr\n incl task_count\n ljmp $0x28, $0\n jmp 1b\n"
        "task_handles:\n"
        "1: popl task_error\n incl task_count\n movl task_main, %ebx\n movl task_resume, %eax\n movl %eax, 32(%ebx)\n"
        "   iretl\n jmp 1b\n");

static void prepare(void (*begin)(void))
{
    uint32_t at = (uint32_t)(uintptr_t)&task;
    task = (struct tss){.eip = (uint32_t)(uintptr_t)begin, .eflags = 2};
    task.gpr[0] = 0x1234567;
    task.gpr[4] = (uint32_t)(uintptr_t)(stack + 256);
    for (unsigned i = 0; i < 6; i++) {
        task.segment[i] = i == 1 ? KERNEL_CS : KERNEL_DS;
    }
    gdt_spare[0].low = (at & 0xffff) << 16 | (sizeof(task) - 1);
    gdt_spare[0].high = (at & 0xff000000) | 0x8900u | (at >> 16 & 0xff);
    task_count = 0;
    trap_clear();
}

static void call_task(void)
{
    __asm__ volatile("lcall $0x30, $0; clts" : : : "memory");
}

static bool is_busy(unsigned selector)
{
    return (gdt[selector / 8].high & BUSY) != 0;
}

static void calls(void)
{
    prepare(task_returns);
    uint32_t before = 0x5a5a, after;
    __asm__ volatile("lcall $0x30, $0" : "=b"(after) : "b"(before) : "memory");
    verdict("tasks/sets-ts", (read_cr0() & CR0_TS) != 0);
    __asm__ volatile("clts");
    verdict_equal("tasks/call", 1, task_count);
    verdict_equal("tasks/registers-kept", before, after);
    verdict_equal("tasks/registers-loaded", 0x1234567, task_eax);
    verdict_equal("tasks/tr", TASK_TSS, task_tr);
    verdict_equal("tasks/nested", FLAGS_NT | 2, task_flags & (FLAGS_NT | 2));
    verdict_equal("tasks/link", KERNEL_TSS, task.link);
    verdict("tasks/ts-in-task", (task_cr0 & CR0_TS) != 0);
    verdict("tasks/iret-frees", !is_busy(TASK_TSS) && is_busy(KERNEL_TSS));
    verdict_equal("tasks/iret-clears-nt", 0, task.eflags & FLAGS_NT);
    call_task();
    verdict_equal("tasks/call-again", 2, task_count);
}

static void jumps(void)
{
    prepare(task_jumps);
    __asm__ volatile("ljmp $0x30, $0; clts" : : : "memory");
    verdict_equal("tasks/jump", 1, task_count);
    verdict_equal("tasks/jump-sets-no-link", 0, task.link);
    verdict("tasks/jump-frees", !is_busy(TASK_TSS) && is_busy(KERNEL_TSS));
    uint16_t tr;
    __asm__ volatile("str %0" : "=r"(tr));
    verdict_equal("tasks/tr-back", KERNEL_TSS, tr);
}

static void gates(void)
{
    prepare(task_returns);
    trap_gate(GATE_VECTOR, TASK_TSS << 16, TASK_GATE);
    __asm__ volatile("int $0x61; clts" : : : "memory");
    verdict_equal("tasks/int-by-gate", 1, task_count);
    prepare(task_handles);
    task_main =
        (volatile struct tss *)(uintptr_t)((gdt[KERNEL_TSS / 8].low >> 16) | (gdt[KERNEL_TSS / 8].high & 0xff) << 16 |
                                           (gdt[KERNEL_TSS / 8].high & 0xff000000));
    trap_gate(GP, TASK_TSS << 16, TASK_GATE);
    uint32_t eip;
    __asm__ volatile("movl $2f, task_resume; movl $1f, %0; 1: movw %w1, %%fs; 2: clts"
                     : "=&r"(eip)
                     : "r"(BAD_SELECTOR)
                     : "memory");
    verdict_equal("tasks/exception-by-gate", 1, task_count);
    verdict_equal("tasks/error-code", BAD_SELECTOR, task_error);
    verdict_equal("tasks/stack", (uint32_t)(uintptr_t)(stack + 256), task.gpr[4]);
}

/* A fault of the new task comes in it. */
static void bad_task(void)
{
    prepare(task_returns);
    task.segment[4] = KERNEL_CS | BAD_SELECTOR; /* FS, after those that the handler needs */
    trap_log.resume_at = (uint32_t)(uintptr_t)task_returns;
    call_task();
    verdict_equal("tasks/bad-segment", TS, trap_log.events[0].vector);
    verdict_equal("tasks/bad-segment-code", (KERNEL_CS | BAD_SELECTOR) & 0xfffc, trap_log.events[0].error);
    verdict_equal("tasks/bad-segment-in-task", (uint32_t)(uintptr_t)task_returns, trap_log.events[0].eip);
    verdict_equal("tasks/goes-on", 1, task_count);
}

void check_tasks(void)
{
    calls();
    jumps();
    gates();
    bad_task();
    trap_clear();
    __asm__ volatile("movw %w0, %%fs" : : "r"(KERNEL_DS));
}
