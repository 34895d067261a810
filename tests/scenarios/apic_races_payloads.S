/* SPDX-License-Identifier: MIT */
/* Guest code of apic_races.c at 0x1000: 64-bit, x2APIC mode, interrupts on; the handler is apic_handler64. */
    .section .rodata.apic_races, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm
    .set COUNTER, 0x2000
    .set PROGRESS, 0x2010
    .set SINCE, 0x2018

    .code64
/* After each exit to the root it executes nothing that exits until an interrupt has come. */
    PAYLOAD race_record64
    sti
1:  movl COUNTER, %ebx
    outb %al, $0x50
2:  cmpl COUNTER, %ebx
    je 2b
    jmp 1b
payload_race_record64_end:

/* The same with an exit that the hypervisor answers alone. */
    PAYLOAD race_answered64
    sti
1:  movl COUNTER, %r8d
    incl PROGRESS
    xorl %eax, %eax
    cpuid
2:  cmpl COUNTER, %r8d
    je 2b
    jmp 1b
payload_race_answered64_end:

/* Nothing but such exits. */
    PAYLOAD race_cpuid64
1:  xorl %eax, %eax
    cpuid
    incl PROGRESS
    jmp 1b
payload_race_cpuid64_end:

/*
 * Arms a deadline of RSI ticks, exits to the root, and waits without an exit. R9 is how late the interrupt came, by
 * the guest's TSC.
 */
    PAYLOAD race_deadline64
    movl $0x832, %ecx
    movl $0x40041, %eax             /* TSC deadline */
    xorl %edx, %edx
    wrmsr
    sti
1:  movl COUNTER, %ebx
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    addq %rsi, %rax
    movq %rax, %r8
    movq %rax, %rdx
    shrq $32, %rdx
    movl $0x6e0, %ecx
    wrmsr
    outb %al, $0x50
2:  cmpl COUNTER, %ebx
    je 2b
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    subq %r8, %rax
    movq %rax, SINCE
    outb %al, $0x51
    jmp 1b
payload_race_deadline64_end:
    .section .note.GNU-stack, "", @progbits
