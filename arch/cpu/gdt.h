/* SPDX-License-Identifier: MIT */
/* Per-CPU descriptor tables: GDT and TSS, and the exception stacks that the TSS names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_CS 0x08u
#define HOST_DS 0x10u
#define HOST_TSS 0x18u

/* Interrupt stack table slots of the TSS, by what arrives on them; 0 means the current stack. */
enum gdt_ist { GDT_IST_NONE = 0, GDT_IST_NMI = 1, GDT_IST_DOUBLE_FAULT = 2, GDT_IST_MACHINE_CHECK = 3 };

#define GDT_IST_COUNT 3u
#define GDT_STACK_PAGES 4u /* of cpu->stack_top */
#define GDT_IST_PAGES 2u   /* of a stack of the table */

struct cpu;

/* Makes the tables of `cpu` in a zeroed page, which becomes cpu->arch. */
void gdt_init(struct cpu *cpu, void *page);

/* Top of the stack in a slot from 1 to GDT_IST_COUNT; 0: none yet. */
void gdt_set_ist(struct cpu *cpu, unsigned slot, uint64_t top);
uint64_t gdt_ist(const struct cpu *cpu, unsigned slot);

/* Bounds of the stack of `cpu` that holds `address`, its end included. */
bool gdt_find_stack(const struct cpu *cpu, uintptr_t address, uintptr_t *bottom, uintptr_t *top);

/* Loads GDT, TSS and IA32_GS_BASE of `cpu` on the calling CPU. FS and GS selectors become 0. */
void gdt_load(struct cpu *cpu);

/* Linear addresses for the host-state area of a VMCS. */
uint64_t gdt_base(const struct cpu *cpu);
uint64_t tss_base(const struct cpu *cpu);
