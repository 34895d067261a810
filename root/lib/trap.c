/* SPDX-License-Identifier: MIT */
#include "root/lib/trap.h"

#include "root/lib/console.h"
#include "root/lib/cpu.h"
#include "root/lib/power.h"
#include "root/lib/smp.h"
#include "root/lib/string.h"

#define GATE_PRESENT_INTERRUPT 0x8e00u
#define GATE_USER 0x6000u
#define TRAP_ENTRY_SIZE 16u
#define EXCEPTIONS 32u
#define VECTOR_NMI 2u
#define VECTOR_BREAKPOINT 3u
#define RFLAGS_TF 0x100ull

struct gate {
    uint16_t offset_low, selector, flags, offset_middle;
    uint32_t offset_high, reserved;
};

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

struct __attribute__((packed)) tss {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[7], reserved2;
    uint16_t reserved3, io_map;
};

struct cpu_tables {
    uint64_t gdt[7];
    struct tss tss;
    uint64_t try_rsp; /* 0: no root_try is under way */
    struct root_fault fault;
} __attribute__((aligned(64)));

extern const uint8_t trap_entries[], trap_abandoned[];
bool trap_try(void (*fn)(void *), void *arg, uint64_t *saved_rsp);
void trap_dispatch(struct root_frame *frame);

static struct gate idt[256] __attribute__((aligned(16)));
static struct cpu_tables tables[ROOT_MAX_CPUS];
static root_handler handlers[256];
static bool idt_ready;

static void fill_idt(void)
{
    for (unsigned v = 0; v < 256; v++) {
        uint64_t entry = (uintptr_t)trap_entries + v * TRAP_ENTRY_SIZE;
        uint16_t user = v == VECTOR_BREAKPOINT ? GATE_USER : 0;
        idt[v] = (struct gate){
            (uint16_t)entry,         ROOT_CODE, (uint16_t)(GATE_PRESENT_INTERRUPT | user), (uint16_t)(entry >> 16),
            (uint32_t)(entry >> 32), 0};
    }
    idt_ready = true;
}

void trap_set_ring0_stack(uint32_t cpu, uint64_t rsp)
{
    tables[cpu].tss.rsp[0] = rsp;
}

void trap_init_cpu(uint32_t cpu)
{
    struct cpu_tables *t = &tables[cpu];
    uint64_t tss = (uintptr_t)&t->tss;
    if (!idt_ready) {
        fill_idt();
    }
    t->gdt[1] = 0x00af9b000000ffff;
    t->gdt[2] = 0x00cf93000000ffff;
    t->gdt[3] = 0x00affb000000ffff;
    t->gdt[4] = 0x00cff3000000ffff;
    t->gdt[5] = (sizeof(t->tss) - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56;
    t->gdt[6] = tss >> 32;
    t->tss.io_map = sizeof(t->tss);
    struct table_pointer gdt = {sizeof(t->gdt) - 1, (uintptr_t)t->gdt}, idtr = {sizeof(idt) - 1, (uintptr_t)idt};
    __asm__ volatile("lgdt %0\n\t"
                     "lidt %1\n\t"
                     "pushq %2\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "movl %3, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss\n\t"
                     "movl %4, %%eax\n\t"
                     "ltr %%ax"
                     :
                     : "m"(gdt), "m"(idtr), "i"(ROOT_CODE), "i"(ROOT_DATA), "i"(0x28)
                     : "rax", "memory");
}

void root_set_handler(unsigned vector, root_handler handler)
{
    handlers[vector] = handler;
}

static _Noreturn void report(const struct root_frame *f)
{
    root_printf("\nFAIL root program: exception %lu, error %lx, RIP %lx, CR2 %lx, RSP %lx on CPU %u\n", f->vector,
                f->error, f->rip, cpu_read_cr2(), f->rsp, root_cpu());
    root_printf("  RAX %lx RBX %lx RCX %lx RDX %lx RSI %lx RDI %lx\n", f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi);
    root_printf("[scenario] done\n0 passed, 1 failed\n");
    root_power_off(1);
}

void trap_dispatch(struct root_frame *frame)
{
    struct cpu_tables *t = &tables[root_cpu()];
    if (frame->vector < EXCEPTIONS && frame->vector != VECTOR_NMI && t->try_rsp != 0) {
        t->fault = (struct root_fault){frame->vector, frame->error, frame->rip, cpu_read_cr2()};
        frame->rip = (uintptr_t)trap_abandoned;
        frame->rflags &= ~RFLAGS_TF; /* else its first instruction would be the next #DB, and so for ever */
        frame->rsp = t->try_rsp;
        frame->cs = ROOT_CODE;
        frame->ss = ROOT_DATA;
        return;
    }
    if (handlers[frame->vector] != NULL) {
        handlers[frame->vector](frame);
    } else if (frame->vector < EXCEPTIONS) {
        report(frame);
    }
}

bool root_try(void (*fn)(void *), void *arg, struct root_fault *fault)
{
    struct cpu_tables *t = &tables[root_cpu()];
    bool faulted = trap_try(fn, arg, &t->try_rsp);
    t->try_rsp = 0;
    if (faulted && fault != NULL) {
        *fault = t->fault;
    }
    return faulted;
}
