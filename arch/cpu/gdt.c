/* SPDX-License-Identifier: MIT */
#include "arch/cpu/gdt.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/percpu.h"

#define STACK_UNIT 4096u

/* Descriptors with the accessed bit set, so that the processor never writes them: 64-bit code, data, TSS (busy bit
 * clear). */
#define DESCRIPTOR_CODE 0x00af9b000000ffffull
#define DESCRIPTOR_DATA 0x00cf93000000ffffull
#define DESCRIPTOR_TSS 0x0000890000000000ull

/* SDM vol. 3A, 8.7 (64-bit TSS). */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; /* ist[n - 1] is slot n of enum gdt_ist */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map; /* beyond the limit: no I/O map */
} __attribute__((packed));

_Static_assert(sizeof(struct tss) == 104, "hardware format");

struct arch_cpu {
    uint64_t gdt[5];
    struct tss tss;
};

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static void fill_tables(struct arch_cpu *arch)
{
    uint64_t base = (uintptr_t)&arch->tss;
    uint64_t limit = sizeof(struct tss) - 1;
    arch->gdt[0] = 0;
    arch->gdt[HOST_CS / 8] = DESCRIPTOR_CODE;
    arch->gdt[HOST_DS / 8] = DESCRIPTOR_DATA;
    arch->gdt[HOST_TSS / 8] = DESCRIPTOR_TSS | limit | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    arch->gdt[HOST_TSS / 8 + 1] = base >> 32;
    arch->tss.io_map = sizeof(struct tss);
}

void gdt_init(struct cpu *cpu, void *page)
{
    cpu->arch = page;
    fill_tables(page);
}

void gdt_set_ist(struct cpu *cpu, unsigned slot, uint64_t top)
{
    struct arch_cpu *arch = cpu->arch;
    arch->tss.ist[slot - 1] = top;
}

uint64_t gdt_ist(const struct cpu *cpu, unsigned slot)
{
    const struct arch_cpu *arch = cpu->arch;
    return arch->tss.ist[slot - 1];
}

static bool holds(uint64_t stack_top, size_t pages, uintptr_t address, uintptr_t *bottom, uintptr_t *top)
{
    *top = stack_top;
    *bottom = stack_top - pages * STACK_UNIT;
    return stack_top != 0 && address >= *bottom && address <= *top;
}

bool gdt_find_stack(const struct cpu *cpu, uintptr_t address, uintptr_t *bottom, uintptr_t *top)
{
    bool found = holds(cpu->stack_top, GDT_STACK_PAGES, address, bottom, top);
    for (unsigned slot = 1; slot <= GDT_IST_COUNT && !found; slot++) {
        found = holds(gdt_ist(cpu, slot), GDT_IST_PAGES, address, bottom, top);
    }
    return found;
}

static void load_segments(void)
{
    __asm__ volatile("pushq %0\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\tmovl %1, %%ds\n\t"
                     "movl %1, %%es\n\t"
                     "movl %1, %%ss\n\t"
                     "movl %2, %%fs\n\t"
                     "movl %2, %%gs"
                     :
                     : "i"(HOST_CS), "r"(HOST_DS), "r"(0)
                     : "rax", "memory");
}

void gdt_load(struct cpu *cpu)
{
    struct arch_cpu *arch = cpu->arch;
    struct table_pointer pointer = {sizeof(arch->gdt) - 1, gdt_base(cpu)};
    __asm__ volatile("lgdt %0" : : "m"(pointer));
    load_segments();
    /* LTR sets the busy bit, and faults on a descriptor that has it. */
    arch->gdt[HOST_TSS / 8] &= ~(1ull << 41);
    __asm__ volatile("ltr %w0" : : "r"(HOST_TSS) : "memory");
    __asm__ volatile("lldt %w0" : : "r"(0));
    wrmsr(MSR_IA32_GS_BASE, (uintptr_t)cpu);
}

uint64_t gdt_base(const struct cpu *cpu)
{
    const struct arch_cpu *arch = cpu->arch;
    return (uintptr_t)arch->gdt;
}

uint64_t tss_base(const struct cpu *cpu)
{
    const struct arch_cpu *arch = cpu->arch;
    return (uintptr_t)&arch->tss;
}
