/* SPDX-License-Identifier: MIT */
/* Guest code of records_modes.c. Loaded at 0x1000. */
    .section .rodata.records_modes, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm
    .macro AT name
    .globl at_\name
at_\name:
    .endm

/* From real to long mode by the guest's own instructions. GDT and paging structures are the host's, see guest.c. */
    .code16
    PAYLOAD climb
    AT climb_real
    outb %al, $0x80
    lgdtl climb_gdtr - payload_climb + 0x1000
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $0x08, $(climb_32 - payload_climb + 0x1000)
climb_gdtr:
    .word 0x1f
    .long 0x7000
    .code32
climb_32:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    nop
    AT climb_protected
    outb %al, $0x81
    movl $0x20, %eax
    movl %eax, %cr4
    movl $0x101000, %eax
    movl %eax, %cr3
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    AT climb_pae
    outb %al, $0x82
    andl $0x7fffffff, %eax
    movl %eax, %cr0
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl $0x100000, %eax
    movl %eax, %cr3
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    AT climb_compatibility
    outb %al, $0x83
    ljmpl $0x18, $(climb_64 - payload_climb + 0x1000)
    .code64
climb_64:
    AT climb_long
    outb %al, $0x84
    hlt
payload_climb_end:

/* A jump to the TSS that the host put into the GDT. */
    .code32
    PAYLOAD task32
    ljmpl $0x20, $0
payload_task32_end:

    .code64
    PAYLOAD triple64
    ud2
payload_triple64_end:
    .section .note.GNU-stack, "", @progbits
