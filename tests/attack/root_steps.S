/* SPDX-License-Identifier: MIT */
/* void step_run(struct step_cpu *s): offsets as in root.h. A step that faults is sent to step_left, RSP as saved. */
    .set STEP_RSP, 0
    .set STEP_CODE, 8
    .set STEP_RFLAGS, 16
    .set STEP_REGISTERS, 24

    .globl step_run, step_left
step_run:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi
    pushfq
    movq %rsp, STEP_RSP(%rdi)
    subq $256, %rsp
    movq %rdi, %r15
    movq STEP_REGISTERS + 0(%r15), %rax
    movq STEP_REGISTERS + 8(%r15), %rcx
    movq STEP_REGISTERS + 16(%r15), %rdx
    movq STEP_REGISTERS + 24(%r15), %rbx
    movq STEP_REGISTERS + 32(%r15), %rsi
    movq STEP_REGISTERS + 40(%r15), %rdi
    pushq STEP_RFLAGS(%r15)
    popfq
    call *STEP_CODE(%r15)
    pushq $2
    popfq
    movq %rax, STEP_REGISTERS + 0(%r15)
    movq %rcx, STEP_REGISTERS + 8(%r15)
    movq %rdx, STEP_REGISTERS + 16(%r15)
    movq %rbx, STEP_REGISTERS + 24(%r15)
    movq STEP_RSP(%r15), %rsp
step_left:
    popfq
    popq %rdi
    movq $0, STEP_RSP(%rdi)
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .section .note.GNU-stack, "", @progbits
