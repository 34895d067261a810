/* SPDX-License-Identifier: MIT */
/* Code of a root CPU in real mode, at a page of its own: struct notes of root_bending.c is at its start. */
    .section .rodata.real_mode, "a", @progbits
    .globl real_mode, real_mode_end, real_mode_nmi
    .code16
real_mode:
    jmp 1f
    .balign 4
noted_cr0:
    .long 0
noted_turns:
    .long 0
noted_nmis:
    .long 0
1:  movw %cs, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x1000, %sp
    movl %cr0, %eax
    movl %eax, noted_cr0 - real_mode
2:  incl noted_turns - real_mode
    jmp 2b
real_mode_nmi:
    incl %cs:(noted_nmis - real_mode)
    iret
real_mode_end:
    .section .note.GNU-stack, "", @progbits
