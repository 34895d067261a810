/* SPDX-License-Identifier: MIT */
/* The interrupt descriptor table, one for all CPUs. Only exceptions and NMIs have gates: interrupts stay masked. */
#pragma once

#include <stdint.h>

/* What arch/cpu/exceptions.S saves; it is restored from here when a handler returns. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error; /* error is 0 for vectors that have no error code */
    uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct trap_frame) == 176, "arch/cpu/exceptions.S");

enum idt_vector {
    IDT_VECTOR_DE = 0,
    IDT_VECTOR_DB = 1,
    IDT_VECTOR_NMI = 2,
    IDT_VECTOR_BP = 3,
    IDT_VECTOR_UD = 6,
    IDT_VECTOR_DF = 8,
    IDT_VECTOR_GP = 13,
    IDT_VECTOR_PF = 14,
    IDT_VECTOR_MC = 18,
    IDT_VECTOR_PANIC = 0xff /* not a vector: the frame that panic() makes of its caller's registers */
};

/*
 * Fills the table, without stack switching, and loads it. `nmi` is called for each NMI in the hypervisor, on the NMI
 * stack with NMIs blocked; it must not take a lock. `exception` is called for every other exception that the
 * instruction was not marked for (exception_table). Both may change the frame.
 */
void idt_init(void (*nmi)(struct trap_frame *frame), void (*exception)(struct trap_frame *frame));

/* Lets NMI, #DF and #MC switch to their own stacks. Once, after the boot CPU's TSS is loaded. */
void idt_enable_stacks(void);

/* Loads the table on the calling CPU. */
void idt_load(void);

/* Linear address for the host-state area of a VMCS. */
uint64_t idt_base(void);

/* Called by arch/cpu/exceptions.S. */
void idt_dispatch(struct trap_frame *frame);
