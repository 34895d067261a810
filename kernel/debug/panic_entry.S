/* SPDX-License-Identifier: MIT */
/* Offsets in struct trap_frame (arch/cpu/idt.h). */
#define FRAME_VECTOR 120
#define FRAME_RIP 136
#define FRAME_CS 144
#define FRAME_RFLAGS 152
#define FRAME_RSP 160
#define FRAME_SS 168
#define VECTOR_PANIC 0xff

    .section .text.panic_entry, "ax", @progbits

/*
 * panic(format, ...): keeps the caller's registers for the report before C code can change them, then goes on in
 * panic_format with the same arguments. Only the first caller's are kept.
 */
    .globl panic
    .type panic, @function
panic:
    cli
    lock btsl $0, panic_frame_taken(%rip)
    jc 1f
    movq %r15, panic_frame(%rip)
    movq %r14, panic_frame + 8(%rip)
    movq %r13, panic_frame + 16(%rip)
    movq %r12, panic_frame + 24(%rip)
    movq %r11, panic_frame + 32(%rip)
    movq %r10, panic_frame + 40(%rip)
    movq %r9, panic_frame + 48(%rip)
    movq %r8, panic_frame + 56(%rip)
    movq %rbp, panic_frame + 64(%rip)
    movq %rdi, panic_frame + 72(%rip)
    movq %rsi, panic_frame + 80(%rip)
    movq %rdx, panic_frame + 88(%rip)
    movq %rcx, panic_frame + 96(%rip)
    movq %rbx, panic_frame + 104(%rip)
    movq %rax, panic_frame + 112(%rip)
    movq $VECTOR_PANIC, panic_frame + FRAME_VECTOR(%rip)
    movq (%rsp), %rax
    movq %rax, panic_frame + FRAME_RIP(%rip)
    leaq 8(%rsp), %rax
    movq %rax, panic_frame + FRAME_RSP(%rip)
    pushfq
    popq panic_frame + FRAME_RFLAGS(%rip)
    movl %cs, %eax
    movq %rax, panic_frame + FRAME_CS(%rip)
    movl %ss, %eax
    movq %rax, panic_frame + FRAME_SS(%rip)
1:  xorl %eax, %eax
    jmp panic_format
    .size panic, . - panic

    .section .bss.panic_frame_taken, "aw", @nobits
    .balign 4
panic_frame_taken:
    .skip 4

    .section .note.GNU-stack, "", @progbits
