/* SPDX-License-Identifier: MIT */
/* 256 entries that save all registers and call trap_dispatch; root_try's two ends. */
    .section .text.traps, "ax", @progbits
    .altmacro
    .macro TRAP vector
    .balign 16
    .if (\vector == 8) || (\vector >= 10 && \vector <= 14) || (\vector == 17) || (\vector == 21)
    .else
    pushq $0
    .endif
    pushq $\vector
    jmp trap_common
    .endm

    .balign 16
    .globl trap_entries
trap_entries:
    .set vector, 0
    .rept 256
    TRAP %vector
    .set vector, vector + 1
    .endr

trap_common:
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    movq %rsp, %rbp
    andq $-16, %rsp
    call trap_dispatch
    movq %rbp, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp
    iretq

/* bool trap_try(void (*fn)(void *), void *arg, uint64_t *saved_rsp): false if fn returned, true from trap_abandon. */
    .globl trap_try
trap_try:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushfq
    movq %rsp, (%rdx)
    movq %rdi, %rax
    movq %rsi, %rdi
    subq $8, %rsp
    andq $-16, %rsp
    movq %rdx, %rbx
    call *%rax
    movq (%rbx), %rsp
    xorl %eax, %eax
    jmp trap_try_end
    .globl trap_abandoned
trap_abandoned:                     /* trap_dispatch sends the frame here, RSP as saved */
    movl $1, %eax
trap_try_end:
    popfq
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .section .note.GNU-stack, "", @progbits
