/* SPDX-License-Identifier: MIT */
#include "arch/cpu/idt.h"

#include "arch/cpu/gdt.h"

#define EXCEPTIONS 32u
#define GATE_PRESENT_INTERRUPT 0x8e00u

/* SDM vol. 3A, 6.14.1. */
struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t attributes; /* bits 2:0 stack slot */
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

extern const uint64_t exception_entries[EXCEPTIONS]; /* arch/cpu/exceptions.S */

/* An instruction that may raise #GP, and where execution continues then. */
struct exception_place {
    uint64_t at, to;
};

extern const struct exception_place exception_table[], exception_table_end[]; /* linker.ld */

static void (*nmi_handler)(struct trap_frame *frame), (*exception_handler)(struct trap_frame *frame);

/* All 256 gates exist, most of them absent: a VM exit sets the limit of IDTR to 0xffff whatever the host wants. */
static struct gate idt[256] __attribute__((aligned(4096)));

static void set_gate(unsigned vector, uint64_t handler)
{
    idt[vector] = (struct gate){
        .offset_low = (uint16_t)handler,
        .selector = HOST_CS,
        .attributes = GATE_PRESENT_INTERRUPT,
        .offset_middle = (uint16_t)(handler >> 16),
        .offset_high = (uint32_t)(handler >> 32),
    };
}

void idt_load(void)
{
    struct table_pointer pointer = {sizeof(idt) - 1, idt_base()};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void idt_init(void (*nmi)(struct trap_frame *frame), void (*exception)(struct trap_frame *frame))
{
    nmi_handler = nmi;
    exception_handler = exception;
    for (unsigned vector = 0; vector < EXCEPTIONS; vector++) {
        set_gate(vector, exception_entries[vector]);
    }
    idt_load();
}

void idt_enable_stacks(void)
{
    idt[IDT_VECTOR_NMI].attributes |= GDT_IST_NMI;
    idt[IDT_VECTOR_DF].attributes |= GDT_IST_DOUBLE_FAULT;
    idt[IDT_VECTOR_MC].attributes |= GDT_IST_MACHINE_CHECK;
}

uint64_t idt_base(void)
{
    return (uintptr_t)idt;
}

static bool is_expected(struct trap_frame *frame)
{
    const uintptr_t end = (uintptr_t)exception_table_end;
    for (const struct exception_place *p = exception_table; (uintptr_t)p < end; p++) {
        if (frame->vector == IDT_VECTOR_GP && frame->rip == p->at) {
            frame->rip = p->to;
            return true;
        }
    }
    return false;
}

void idt_dispatch(struct trap_frame *frame)
{
    if (frame->vector == IDT_VECTOR_NMI) {
        nmi_handler(frame);
    } else if (!is_expected(frame)) {
        exception_handler(frame);
    }
}
