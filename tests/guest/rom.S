/* SPDX-License-Identifier: MIT */
/*
 * A firmware image whose descriptor tables and page directory are in ROM, with all accessed, dirty and busy bits clear:
 * what the processor writes there has to be lost (SDM vol. 3A, 3.4.5.1, 4.8, 8.2.2), and everything has to work. The
 * page directory's bits are not looked at: Bochs 2.7 sets them without asking the EPT.
 */
    .set STACK, 0x8000
    .set COM1, 0x3f8
    .set EXIT, 0xf4

    .macro VERDICT good, bad        /* ZF set: good */
    movl $\good, %esi
    movl $\bad, %edi
    cmovnel %edi, %esi
    call say
    .endm

    .section .text
    .globl _start
_start:
gdt:
    .quad 0
    .quad 0x00cf9a000000ffff         /* 08: code */
    .quad 0x00cf92000000ffff         /* 10: data */
    .quad 0x00cf92000000ffff         /* 18: stack */
    .quad 0x00cf9a000000ffff         /* 20: code of the interrupt handler */
    .word 0x67, TSS_LOW, 0x8900, 0x0000 /* 28: TSS at STACK */
    .set TSS_LOW, 0x8000
gdt_end:
gdtr:
    .word gdt_end - gdt - 1
    .long gdt
idtr:
    .word 0x31 * 8 - 1
    .long idt

    .balign 8
idt:
    .fill 0x30, 8, 0
    .word handler - _start, 0x20, 0x8e00, 0xffff

    .balign 4096
directory:
    .long 0x83
    .fill 1022, 4, 0
    .long 0xffc00083

    .code16
start16:
    cli
    lgdtl %cs:gdtr - _start
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $0x08, $start32

    .code32
start32:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw $0x18, %ax
    movw %ax, %ss
    movl $STACK, %esp
    movl gdt + 12, %eax              /* types of 08, 10 and 18 */
    orl gdt + 20, %eax
    orl gdt + 28, %eax
    testl $0x100, %eax
    VERDICT pass_segments, fail_segments
    pushfl
    testl $0x100, (%esp)             /* TF is nobody's */
    leal 4(%esp), %esp
    VERDICT pass_flags, fail_flags

    lidt idtr
    xorl %ebx, %ebx
    int $0x30
    int $0x30
    cmpl $2, %ebx
    VERDICT pass_interrupts, fail_interrupts
    testl $0x100, gdt + 36
    VERDICT pass_handler, fail_handler

    movw $0x28, %ax
    ltr %ax
    testl $0x200, gdt + 44           /* busy */
    VERDICT pass_task, fail_task

    movl %cr4, %eax
    orl $0x10, %eax                  /* PSE */
    movl %eax, %cr4
    movl $directory, %eax
    movl %eax, %cr3
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    movl $0x12345678, 0x9000
    cmpl $0x12345678, 0x9000
    VERDICT pass_paging, fail_paging
    movl $1, directory + 4           /* an instruction's own write is lost too */
    cmpl $0, directory + 4
    VERDICT pass_own, fail_own
    movl $done, %esi
    call say
    xorl %eax, %eax
    outb %al, $EXIT
1:  hlt
    jmp 1b

handler:
    incl %ebx
    iretl

say:
    movl $COM1, %edx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  ret

    .macro TEXTS name
pass_\name: .asciz "PASS \name\n"
fail_\name: .asciz "FAIL \name\n"
    .endm
    TEXTS segments
    TEXTS flags
    TEXTS interrupts
    TEXTS handler
    TEXTS task
    TEXTS paging
    TEXTS own
done: .asciz "[rom] done\n"

    .org 0xfff0
    .code16
    jmp start16
    .org 0x10000
