/* SPDX-License-Identifier: MIT */
/* What the bench's guests execute, in long mode at GUEST_CODE. */
    .section .rodata.bench, "a", @progbits
    .code64
    .set COUNTERS, 0x3000
    .set END_PORT, 0x11

    .macro CODE name
    .balign 16
    .globl bench_\name, bench_\name\()_end
bench_\name:
    .endm

    CODE pio
1:  outb %al, $0x10
    jmp 1b
bench_pio_end:

    CODE cpuid
1:  xorl %eax, %eax
    cpuid
    jmp 1b
bench_cpuid_end:

/* Exits of several kinds, with some work between them. RSI is the device's address. */
    CODE mixed
1:  outb %al, $0x10
    movl (%rsi), %eax
    xorl %eax, %eax
    cpuid
    movl $200, %ecx
2:  decl %ecx
    jnz 2b
    outb %al, $0x11
    hlt
    jmp 1b
bench_mixed_end:

/* ECX names the MSR. */
    CODE msr
1:  rdmsr
    jmp 1b
bench_msr_end:

/* RBX is the device's address. Two bytes, which the client knows. */
    CODE mmio
1:  movl (%rbx), %eax
    jmp 1b
bench_mmio_end:

    CODE halt
1:  hlt
    jmp 1b
bench_halt_end:

    CODE exception
1:  ud2
    jmp 1b
bench_exception_end:

/* Interrupts are on by RFLAGS. Counts, so that others see that it runs. */
    CODE spin
1:  incq COUNTERS
    jmp 1b
bench_spin_end:

/* The first instruction tells that the interrupt has come; the rest ends its service in x2APIC mode. */
    CODE handler
    incq COUNTERS + 8
    pushq %rax
    pushq %rcx
    pushq %rdx
    movl $0x80b, %ecx
    xorl %eax, %eax
    xorl %edx, %edx
    wrmsr
    popq %rdx
    popq %rcx
    popq %rax
    iretq
bench_handler_end:

/*
 * Measures by itself: RDI is where samples of 32 bits go, R8 counts up to R10. The second code is the first without
 * what is measured. CPUID orders the reads of the TSC around it. Each ends by an OUT, for with a local APIC HLT does
 * not exit.
 */
    CODE inside_cpuid
1:  lfence
    rdtsc
    movl %eax, %r9d
    xorl %eax, %eax
    cpuid
    rdtsc
    subl %r9d, %eax
    movl %eax, (%rdi,%r8,4)
    incq %r8
    cmpq %r10, %r8
    jb 1b
    outb %al, $END_PORT
bench_inside_cpuid_end:

    CODE inside_pio
1:  lfence
    rdtsc
    movl %eax, %r9d
    xorl %eax, %eax
    outb %al, $0x10
    rdtsc
    subl %r9d, %eax
    movl %eax, (%rdi,%r8,4)
    incq %r8
    cmpq %r10, %r8
    jb 1b
    outb %al, $END_PORT
bench_inside_pio_end:

/* RBX is the device's address. */
    CODE inside_mmio
1:  lfence
    rdtsc
    movl %eax, %r9d
    xorl %eax, %eax
    movl %eax, (%rbx)
    rdtsc
    subl %r9d, %eax
    movl %eax, (%rdi,%r8,4)
    incq %r8
    cmpq %r10, %r8
    jb 1b
    outb %al, $END_PORT
bench_inside_mmio_end:

    CODE inside_nothing
1:  lfence
    rdtsc
    movl %eax, %r9d
    xorl %eax, %eax
    rdtsc
    subl %r9d, %eax
    movl %eax, (%rdi,%r8,4)
    incq %r8
    cmpq %r10, %r8
    jb 1b
    outb %al, $END_PORT
bench_inside_nothing_end:
    .section .note.GNU-stack, "", @progbits
