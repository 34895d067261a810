/* SPDX-License-Identifier: MIT */
/*
 * void registers_sse(const struct registers *in, struct registers *out, long call, long a, long b, long c)
 * and the same with AVX and AVX-512: loads every floating-point and vector register, makes a system call, or where
 * `call` is negative runs in a circle `a` times, and stores them all. The offsets are those of struct registers.
 */
#define X87 0
#define MXCSR 64
#define FCW 68
#define MASKS 128
#define VECTORS 192
#define VECTOR_SIZE 64

#define TO_7 0, 1, 2, 3, 4, 5, 6, 7
#define TO_15 TO_7, 8, 9, 10, 11, 12, 13, 14, 15
#define TO_31 TO_15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31

    .macro load move, name, numbers:vararg
    .irp i, \numbers
    \move VECTORS + \i * VECTOR_SIZE(%rbx), %\name\i
    .endr
    .endm

    .macro store move, name, numbers:vararg
    .irp i, \numbers
    \move %\name\i, VECTORS + \i * VECTOR_SIZE(%r12)
    .endr
    .endm

    .macro begin
    push %rbx
    push %r12
    sub $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    mov %rdi, %rbx
    mov %rsi, %r12
    fninit
    fldcw FCW(%rbx)
    ldmxcsr MXCSR(%rbx)
    .irp i, TO_7
    fildq X87 + \i * 8(%rbx)
    .endr
    .endm

    .macro call_or_spin
    mov %rdx, %rax
    mov %rcx, %rdi
    mov %r8, %rsi
    mov %r9, %rdx
    test %rax, %rax
    js 1f
    syscall
    jmp 2f
1:  dec %rdi
    jnz 1b
2:
    .endm

    .macro finish
    .irp i, 7, 6, 5, 4, 3, 2, 1, 0
    fistpq X87 + \i * 8(%r12)
    .endr
    stmxcsr MXCSR(%r12)
    fnstcw FCW(%r12)
    fninit
    fldcw 4(%rsp)
    ldmxcsr (%rsp)
    add $8, %rsp
    pop %r12
    pop %rbx
    ret
    .endm

    .text
    .globl registers_sse, registers_avx, registers_avx512
    .type registers_sse, @function
registers_sse:
    begin
    load movdqu, xmm, TO_15
    call_or_spin
    store movdqu, xmm, TO_15
    finish
    .size registers_sse, . - registers_sse

    .type registers_avx, @function
registers_avx:
    begin
    load vmovdqu, ymm, TO_15
    call_or_spin
    store vmovdqu, ymm, TO_15
    vzeroupper
    finish
    .size registers_avx, . - registers_avx

    .type registers_avx512, @function
registers_avx512:
    begin
    load vmovdqu64, zmm, TO_31
    .irp i, TO_7
    kmovq MASKS + \i * 8(%rbx), %k\i
    .endr
    call_or_spin
    store vmovdqu64, zmm, TO_31
    .irp i, TO_7
    kmovq %k\i, MASKS + \i * 8(%r12)
    .endr
    vzeroupper
    finish
    .size registers_avx512, . - registers_avx512

    .section .note.GNU-stack, "", @progbits
