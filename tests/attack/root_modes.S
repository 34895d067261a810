/* SPDX-License-Identifier: MIT */
/*
 * Copied below 1 MiB, one page for each CPU (root_modes.c): from 64-bit mode to protected mode without paging, and on
 * to real mode or virtual-8086 mode, where a few random instructions are executed; and back from wherever these end.
 * modes_bases lists the places to which the page's address is added, modes_segments those that are its segment.
 */
    .section .rodata.modes, "a", @progbits
    .globl modes_begin, modes_end, modes_bases, modes_segments, modes_data, modes_back16, modes_back32
    .set PAYLOAD, 0x700             /* as in root_modes.c */
    .set CODE64, 0x08
    .set DATA, 0x10
    .set CODE32, 0x18
    .set CODE16, 0x20
    .set DATA16, 0x28
    .set TSS32, 0x30
    .set STACK, 0x1000

    .code64
modes_begin:                        /* RDI = address of this page */
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rdi, %rbx
    movq %rsp, saved_rsp - modes_begin(%rbx)
    movq %cr0, %rax
    movq %rax, saved_cr0 - modes_begin(%rbx)
    movq %cr3, %rax
    movq %rax, saved_cr3 - modes_begin(%rbx)
    movq %cr4, %rax
    movq %rax, saved_cr4 - modes_begin(%rbx)
    sgdt saved_gdt - modes_begin(%rbx)
    sidt saved_idt - modes_begin(%rbx)
    lgdt gdt_pointer - modes_begin(%rbx)
    lidt idt_pointer - modes_begin(%rbx)
    leaq STACK(%rbx), %rsp
    pushq $CODE32
    leaq enter32 - modes_begin(%rbx), %rax
    pushq %rax
    lretq

    .code32
enter32:
    movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %cr0, %eax
    andl $0x7fffffff, %eax
    movl %eax, %cr0
    movl modes_data - modes_begin(%ebx), %eax
    cmpl $1, %eax
    jb 1f
    je 2f
    movl $TSS32, %eax
    ltr %ax
    movl segment - modes_begin(%ebx), %eax
    pushl %eax                      /* GS, FS, DS, ES, SS */
    pushl %eax
    pushl %eax
    pushl %eax
    pushl %eax
    pushl $0xff0
    pushl modes_data - modes_begin + 4(%ebx)
    pushl %eax
    pushl $PAYLOAD
    iretl
1:  leal PAYLOAD(%ebx), %eax
    jmpl *%eax
2:  ljmpl $CODE16, $(enter16 - modes_begin)

    .code16
enter16:
    movw $DATA16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    lidtl ivt_pointer - modes_begin
    movl %cr0, %eax
    andl $0xfffffffe, %eax
    movl %eax, %cr0
    .byte 0xea                      /* LJMP */
    .word real - modes_begin
fix_segment:
    .word 0
real:
    movw %cs, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x1000, %sp
    movw $PAYLOAD, %ax
    jmpw *%ax
modes_back16:                       /* CS has this page's base, in whatever mode */
    cli
    lgdtl %cs:(gdt_pointer - modes_begin)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    .byte 0x66, 0xea                /* LJMP, 32 bits */
fix_back32:
    .long modes_back32 - modes_begin
    .word CODE32

    .code32
modes_back32:
    cli
    movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    .byte 0xbb                      /* MOV to EBX */
fix_base:
    .long 0
    movl %cr0, %eax
    andl $0x7fffffff, %eax
    movl %eax, %cr0
    movl saved_cr4 - modes_begin(%ebx), %eax
    movl %eax, %cr4
    movl saved_cr3 - modes_begin(%ebx), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x900, %eax                /* LME, NXE */
    wrmsr
    movl saved_cr0 - modes_begin(%ebx), %eax
    movl %eax, %cr0
    .byte 0xea
fix_back64:
    .long back64 - modes_begin
    .word CODE64

    .code64
back64:
    movl %ebx, %ebx
    movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    lgdt saved_gdt - modes_begin(%rbx)
    lidt saved_idt - modes_begin(%rbx)
    movq saved_rsp - modes_begin(%rbx), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

    .balign 8
modes_data:                         /* mode: 0 protected, 1 real, 2 virtual-8086; RFLAGS of the last */
    .long 0, 0
saved_rsp: .quad 0
saved_cr0: .quad 0
saved_cr3: .quad 0
saved_cr4: .quad 0
saved_gdt: .quad 0, 0
saved_idt: .quad 0, 0
segment: .long 0
    .balign 8
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
fix_code16:                         /* base: bits 16 to 39 */
    .word 0xffff
    .long 0x9b000000
    .word 0
fix_data16:
    .word 0xffff
    .long 0x93000000
    .word 0
fix_tss:
    .word 0x67
    .long 0x89000000 + tss - modes_begin
    .word 0
gdt_end:
    .balign 8
tss:
    .long 0
fix_esp0:
    .long STACK
    .long DATA
    .fill 22, 4, 0
    .long 0x680000
gdt_pointer:
    .word gdt_end - gdt - 1
fix_gdt:
    .long gdt - modes_begin
    .long 0
idt_pointer:
    .word 64 * 8 - 1
fix_idt:
    .long 0xc00
    .long 0
ivt_pointer:
    .word 256 * 4 - 1
fix_ivt:
    .long 0x800
modes_end:

    .balign 2
modes_bases:
    .word fix_back32 - modes_begin, fix_base - modes_begin, fix_back64 - modes_begin, fix_code16 + 2 - modes_begin
    .word fix_data16 + 2 - modes_begin, fix_tss + 2 - modes_begin, fix_esp0 - modes_begin, fix_gdt - modes_begin
    .word fix_idt - modes_begin, fix_ivt - modes_begin, 0
modes_segments:
    .word fix_segment - modes_begin, segment - modes_begin, 0
    .section .note.GNU-stack, "", @progbits
