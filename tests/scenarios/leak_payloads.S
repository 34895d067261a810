/* SPDX-License-Identifier: MIT */
/*
 * Code of the leak_*.c scenarios, 64-bit, for guests and for the root itself: fills registers from a struct leak_area
 * (leak.h) or stores them there. In a guest the area lies one page after the code.
 */
#define AREA 0x1000
#define RSP_AT 0x20
#define RFLAGS 0x80
#define CR2 0x88
#define DR 0x90
#define DR6 0xb0
#define DR7 0xb8
#define XCR0_FOUND 0xc0
#define IN_USE 0xc8
#define FEATURES 0xd0
#define MSR_COUNT 0xd8
#define XCR0_WANTED 0xe0
#define CR8 0xe8
#define MSR_NUMBERS 0x100
#define MSR_VALUES 0x140
#define VECTORS 0x200
#define MASKS 0xa00
#define IMAGE 0x1000

#define FEATURE_XSAVE 1
#define FEATURE_AVX 2
#define FEATURE_AVX512 4
#define FEATURE_XGETBV1 8

/* XCR0 as the area wants it; %rdi is the area. */
    .macro SET_XCR0
    xorl %ecx, %ecx
    movl XCR0_WANTED(%rdi), %eax
    movl XCR0_WANTED + 4(%rdi), %edx
    xsetbv
    .endm

/* %rdi: the area. Changes all registers that it names but the general ones, and RAX, RCX, RDX, RSI. */
    .macro FILL
    testl $FEATURE_XSAVE, FEATURES(%rdi)
    jz 1f
    SET_XCR0
    movl $-1, %eax
    movl $-1, %edx
    xrstor64 IMAGE(%rdi)
    jmp 2f
1:  fxrstor64 IMAGE(%rdi)
2:  xorl %esi, %esi
3:  cmpl %esi, MSR_COUNT(%rdi)
    je 4f
    movl MSR_NUMBERS(%rdi, %rsi, 4), %ecx
    movl MSR_VALUES(%rdi, %rsi, 8), %eax
    movl MSR_VALUES + 4(%rdi, %rsi, 8), %edx
    wrmsr
    incl %esi
    jmp 3b
4:  movq CR2(%rdi), %rax
    movq %rax, %cr2
    movq CR8(%rdi), %rax
    movq %rax, %cr8
    movq DR(%rdi), %rax
    movq %rax, %dr0
    movq DR + 8(%rdi), %rax
    movq %rax, %dr1
    movq DR + 16(%rdi), %rax
    movq %rax, %dr2
    movq DR + 24(%rdi), %rax
    movq %rax, %dr3
    movq DR6(%rdi), %rax
    movq %rax, %dr6
    movq DR7(%rdi), %rax
    movq %rax, %dr7
    .endm

/*
 * %rdi: the area. Stores all but the general registers; changes XCR0, RAX, RCX, RDX, RSI. XGETBV comes before any
 * instruction that would make a lazy hypervisor bring this VP's extended state.
 */
    .macro DUMP
    pushfq
    popq RFLAGS(%rdi)
    testl $FEATURE_XSAVE, FEATURES(%rdi)
    jz 1f
    xorl %ecx, %ecx
    xgetbv
    movl %eax, XCR0_FOUND(%rdi)
    movl %edx, XCR0_FOUND + 4(%rdi)
    SET_XCR0
    testl $FEATURE_XGETBV1, FEATURES(%rdi)
    jz 1f
    movl $1, %ecx
    xgetbv
    movl %eax, IN_USE(%rdi)
    movl %edx, IN_USE + 4(%rdi)
1:  movq %cr2, %rax
    movq %rax, CR2(%rdi)
    movq %cr8, %rax
    movq %rax, CR8(%rdi)
    movq %dr0, %rax
    movq %rax, DR(%rdi)
    movq %dr1, %rax
    movq %rax, DR + 8(%rdi)
    movq %dr2, %rax
    movq %rax, DR + 16(%rdi)
    movq %dr3, %rax
    movq %rax, DR + 24(%rdi)
    movq %dr6, %rax
    movq %rax, DR6(%rdi)
    movq %dr7, %rax
    movq %rax, DR7(%rdi)
    xorl %esi, %esi
2:  cmpl %esi, MSR_COUNT(%rdi)
    je 3f
    movl MSR_NUMBERS(%rdi, %rsi, 4), %ecx
    rdmsr
    movl %eax, MSR_VALUES(%rdi, %rsi, 8)
    movl %edx, MSR_VALUES + 4(%rdi, %rsi, 8)
    incl %esi
    jmp 2b
3:  testl $FEATURE_XSAVE, FEATURES(%rdi)
    jz 4f
    movl $-1, %eax
    movl $-1, %edx
    xsave64 IMAGE(%rdi)
    jmp 5f
4:  fxsave64 IMAGE(%rdi)
5:  testl $FEATURE_AVX512, FEATURES(%rdi)
    jz 6f
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqu64 %zmm\n, VECTORS + 64 * \n(%rdi)
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vmovdqu64 %zmm\n, VECTORS + 64 * \n(%rdi)
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    kmovq %k\n, MASKS + 8 * \n(%rdi)
    .endr
    jmp 8f
6:  testl $FEATURE_AVX, FEATURES(%rdi)
    jz 7f
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqu %ymm\n, VECTORS + 64 * \n(%rdi)
    .endr
    jmp 8f
7:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups %xmm\n, VECTORS + 64 * \n(%rdi)
    .endr
8:
    .endm

/* The general registers of a guest, by the number that instructions give them. */
    .macro GPRS do
    \do %rax, 0
    \do %rcx, 1
    \do %rdx, 2
    \do %rbx, 3
    \do %rsp, 4
    \do %rbp, 5
    \do %rsi, 6
    \do %rdi, 7
    \do %r8, 8
    \do %r9, 9
    \do %r10, 10
    \do %r11, 11
    \do %r12, 12
    \do %r13, 13
    \do %r14, 14
    \do %r15, 15
    .endm
    .macro STORE_GPR reg, n
    movq \reg, payload_leak + AREA + 8 * \n(%rip)
    .endm
    .macro LOAD_GPR reg, n
    movq payload_leak + AREA + 8 * \n(%rip), \reg
    .endm

    .section .rodata.leak, "a", @progbits
    .balign 16
    .globl payload_leak, payload_leak_end, payload_leak_dump, payload_leak_bare, payload_leak_wait
payload_leak:
    leaq payload_leak + AREA(%rip), %rdi
    FILL
    GPRS LOAD_GPR
    outb %al, $0x11
    hlt
payload_leak_dump:
    GPRS STORE_GPR
    movl $0x8000, %esp
    leaq payload_leak + AREA(%rip), %rdi
    DUMP
    outb %al, $0x12
    hlt
/* Touches no extended state. */
payload_leak_bare:
    outb %al, $0x13
    jmp payload_leak_bare
/* x87 exceptions that wait are taken here, or they are not this VP's. Then leaves one waiting: 1 / 0 unmasked. */
payload_leak_wait:
    fwait
    outb %al, $0x14
    fninit
    movl $0x37b, AREA + payload_leak(%rip)
    fldcw AREA + payload_leak(%rip)
    fld1
    fldz
    fdivrp %st, %st(1)
    outb %al, $0x15
    hlt
payload_leak_end:

    .text
/* void leak_fill(const struct leak_area *) and void leak_dump(struct leak_area *): the root's own registers. */
    .globl leak_fill, leak_dump, leak_run
    .type leak_fill, @function
leak_fill:
    FILL
    ret
    .size leak_fill, . - leak_fill
    .type leak_dump, @function
leak_dump:
    DUMP
    ret
    .size leak_dump, . - leak_dump

/*
 * uint64_t leak_run(partition, index, uint64_t gpr[16]): VP_RUN with all registers but RAX, RSP, RSI, RDI from `gpr`,
 * which then gets what they are afterwards. RAX is the call's number and its status.
 */
    .type leak_run, @function
leak_run:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdx
    movq %rdx, %rax
    movq 8(%rax), %rcx
    movq 16(%rax), %rdx
    movq 24(%rax), %rbx
    movq 40(%rax), %rbp
    movq 64(%rax), %r8
    movq 72(%rax), %r9
    movq 80(%rax), %r10
    movq 88(%rax), %r11
    movq 96(%rax), %r12
    movq 104(%rax), %r13
    movq 112(%rax), %r14
    movq 120(%rax), %r15
    movl $0x2000e, %eax             /* WHB_CALL(WHB_CALL_VP_RUN) */
    vmcall
    xchgq %rax, (%rsp)
    movq %rcx, 8(%rax)
    movq %rdx, 16(%rax)
    movq %rbx, 24(%rax)
    movq %rbp, 40(%rax)
    movq %rsi, 48(%rax)
    movq %rdi, 56(%rax)
    movq %r8, 64(%rax)
    movq %r9, 72(%rax)
    movq %r10, 80(%rax)
    movq %r11, 88(%rax)
    movq %r12, 96(%rax)
    movq %r13, 104(%rax)
    movq %r14, 112(%rax)
    movq %r15, 120(%rax)
    popq %rax
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size leak_run, . - leak_run
    .section .note.GNU-stack, "", @progbits
