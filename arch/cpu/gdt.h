/* SPDX-License-Identifier: MIT */
/* Per-CPU descriptor tables: GDT and TSS, and the exception stacks that the TSS names. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HOST_CS 0x08u
#define HOST_DS 0x10u
#define HOST_TSS 0x18u

/* Interrupt stack table slots of the TSS, by what arrives on them; 0 means the current stack. */
enum gdt_ist { GDT_IST_NONE = 0, GDT_IST_NMI = 1, GDT_IST_DOUBLE_FAULT = 2, GDT_IST_MACHINE_CHECK = 3 };

struct cpu;

/* Allocates the tables and the stacks of `cpu` (cpu->arch, cpu->stack_top). false: out of memory, nothing is kept. */
bool gdt_create(struct cpu *cpu);

/* Undoes gdt_create for a CPU that never ran. */
void gdt_destroy(struct cpu *cpu);

/* Loads GDT, TSS and IA32_GS_BASE of `cpu` on the calling CPU. FS and GS selectors become 0. */
void gdt_load(struct cpu *cpu);

/* Linear addresses for the host-state area of a VMCS. */
uint64_t gdt_base(const struct cpu *cpu);
uint64_t tss_base(const struct cpu *cpu);
