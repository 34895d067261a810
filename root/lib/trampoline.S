/* SPDX-License-Identifier: MIT */
/*
 * Where another CPU begins: real mode, CS:IP = page:0, this code copied there. The three quadwords at its end are
 * filled
 * in by smp.c: page tables, stack, C function. CPUs are started one at a time.
 */
    .section .rodata.trampoline, "a", @progbits
    .globl trampoline, trampoline_end, trampoline_data
    .code16
trampoline:
    cli
    movw %cs, %ax
    movw %ax, %ds
    movzwl %ax, %ebx
    shll $4, %ebx                   /* EBX = linear address of this page */
    leal (gdt - trampoline)(%ebx), %eax
    movl %eax, gdt_pointer - trampoline + 2
    lgdtl gdt_pointer - trampoline
    movl trampoline_data - trampoline, %eax
    movl %eax, %cr3
    movl $0x620, %eax               /* PAE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    movl $0x900, %eax               /* LME, NXE */
    xorl %edx, %edx
    wrmsr
    leal (long_mode - trampoline)(%ebx), %eax
    movl %eax, far_target - trampoline
    movl $0x80010033, %eax          /* PG, WP, NE, ET, MP, PE */
    movl %eax, %cr0
    ljmpl *(far_target - trampoline)
    .code64
long_mode:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %ebx, %ebx
    movq (trampoline_data - trampoline + 8)(%rbx), %rsp
    movq (trampoline_data - trampoline + 16)(%rbx), %rax
    xorl %ebp, %ebp
    callq *%rax
1:  cli
    hlt
    jmp 1b
    .balign 8
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    .word 23
    .long 0
    .balign 8
far_target:
    .long 0
    .word 8
    .balign 8
trampoline_data:
    .quad 0, 0, 0
trampoline_end:
    .section .note.GNU-stack, "", @progbits
