/* SPDX-License-Identifier: MIT */
/*
 * Entry points of exceptions and NMIs. GS base is the struct cpu whatever was interrupted, as everything here runs in
 * the hypervisor; so there is no SWAPGS. struct trap_frame in arch/cpu/idt.h is what lies on the stack at the call.
 */

    .section .text.exceptions, "ax", @progbits

    .macro entry vector, has_error=0
    .type exception_\vector, @function
exception_\vector:
    .if \has_error == 0
    pushq $0
    .endif
    pushq $\vector
    jmp exception_common
    .size exception_\vector, . - exception_\vector
    .endm

    entry 0
    entry 1
    entry 2
    entry 3
    entry 4
    entry 5
    entry 6
    entry 7
    entry 8, 1
    entry 9
    entry 10, 1
    entry 11, 1
    entry 12, 1
    entry 13, 1
    entry 14, 1
    entry 15
    entry 16
    entry 17, 1
    entry 18
    entry 19
    entry 20
    entry 21, 1
    entry 22
    entry 23
    entry 24
    entry 25
    entry 26
    entry 27
    entry 28
    entry 29, 1
    entry 30, 1
    entry 31

    .type exception_common, @function
exception_common:
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
    movq %rsp, %rdi                     /* the processor aligned it: 16 bytes times 11 above */
    call idt_dispatch
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
    .size exception_common, . - exception_common

    .section .rodata.exception_entries, "a", @progbits
    .balign 8
    .globl exception_entries
exception_entries:
    .quad exception_0, exception_1, exception_2, exception_3
    .quad exception_4, exception_5, exception_6, exception_7
    .quad exception_8, exception_9, exception_10, exception_11
    .quad exception_12, exception_13, exception_14, exception_15
    .quad exception_16, exception_17, exception_18, exception_19
    .quad exception_20, exception_21, exception_22, exception_23
    .quad exception_24, exception_25, exception_26, exception_27
    .quad exception_28, exception_29, exception_30, exception_31

    .section .note.GNU-stack, "", @progbits
