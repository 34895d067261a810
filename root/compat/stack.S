/* SPDX-License-Identifier: MIT */
/* root/compat/thread_state.h: thread_call_on and thread_leave. */
    .section .text.thread_stack, "ax", @progbits
    .globl thread_call_on, thread_leave
    .type thread_call_on, @function
    .type thread_leave, @function
thread_call_on:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rcx)
    movq %rcx, %rbx
    movq %rdx, %rsp
    andq $-16, %rsp
    xorl %ebp, %ebp
    movq %rdi, %rax
    movq %rsi, %rdi
    callq *%rax
    movq (%rbx), %rdi
thread_leave:
    movq %rdi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size thread_call_on, . - thread_call_on
    .section .note.GNU-stack, "", @progbits
