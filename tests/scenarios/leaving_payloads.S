/* SPDX-License-Identifier: MIT */
/* Real-mode code at 7000:0, where firmware goes on after a reset if the root has its way: says so on COM1. */
    .section .rodata.leaving, "a", @progbits
    .globl leaving_code, leaving_code_end
    .code16
leaving_code:
    cli
    movw %cs, %ax
    movw %ax, %ds
    movw $(text - leaving_code), %si
1:  lodsb
    testb %al, %al
    jz 3f
    movb %al, %bl
    movw $0x3fd, %dx
2:  inb %dx, %al
    testb $0x20, %al
    jz 2b
    movw $0x3f8, %dx
    movb %bl, %al
    outb %al, %dx
    jmp 1b
3:  hlt
    jmp 3b
text:
    .asciz "\nroot code runs without the hypervisor\n"
leaving_code_end:

    .section .note.GNU-stack, "", @progbits
