/* SPDX-License-Identifier: MIT */
/*
 * Guest code of apic_*.c at 0x1000. The 32-bit ones are for protected mode without paging and an APIC in xAPIC mode;
 * the 64-bit ones use x2APIC mode.
 */
    .section .rodata.apic, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm
    .macro AT name
    .globl at_\name
at_\name:
    .endm
    .set APIC, 0xfee00000
    .set COUNTER, 0x2000

    .code32
/* An interrupt handler: counts, ends the service, and tells nobody. */
    PAYLOAD apic_handler32
    incl COUNTER
    movl $0, APIC + 0xb0
    AT apic_handler32_ended
    iretl
payload_apic_handler32_end:

    PAYLOAD apic_nmi32
    incl COUNTER + 4
    outb %al, $0x5f
    iretl
payload_apic_nmi32_end:

    PAYLOAD apic_self32
    movl $0x1ff, APIC + 0xf0
    sti
    movl $0x40041, APIC + 0x300
    nop
    outb %al, $0x50
    cli
    movl $0x40041, APIC + 0x300
    movl APIC + 0x220, %ebx         /* IRR 64 to 95 */
    outb %al, $0x51
    sti
    nop
    outb %al, $0x52
    movl APIC + 0x20, %eax
    movl APIC + 0x30, %ecx
    movl APIC + 0xf0, %edx
    outb %al, $0x53
    hlt
payload_apic_self32_end:

    PAYLOAD apic_timer32
    movl $0x1ff, APIC + 0xf0
    movl $0xb, APIC + 0x3e0
    movl $0x42, APIC + 0x320
    sti
    movl $1000000, APIC + 0x380
    movl APIC + 0x390, %ebx
    hlt
    AT apic_timer32_woken
    movl APIC + 0x390, %ecx
    outb %al, $0x50
    movl $0x20042, APIC + 0x320      /* periodic */
    movl $400000, APIC + 0x380
1:  hlt
    cmpl $11, COUNTER
    jb 1b
    movl $0, APIC + 0x380
    outb %al, $0x51
    movl $0x10042, APIC + 0x320      /* masked */
    movl $100, APIC + 0x380
    movl $1000, %ecx
2:  loop 2b
    outb %al, $0x52
    movl $0x40042, APIC + 0x320      /* TSC deadline */
    rdtsc
    addl $500000, %eax
    adcl $0, %edx
    movl $0x6e0, %ecx
    wrmsr
    hlt
    rdmsr
    outb %al, $0x53
payload_apic_timer32_end:

    PAYLOAD apic_priority32
    movl $0x1ff, APIC + 0xf0
    movl $0x50, APIC + 0x80
    sti
    movl $0x40045, APIC + 0x300
    nop
    outb %al, $0x50
    movl APIC + 0xa0, %ebx
    movl $0x30, APIC + 0x80
    nop
    outb %al, $0x51
    hlt
payload_apic_priority32_end:

    PAYLOAD apic_wait32
    movl $0x1ff, APIC + 0xf0
1:  sti
    hlt
    AT apic_wait32_woken
    cli
    outb %al, $0x50
    jmp 1b
payload_apic_wait32_end:

    PAYLOAD apic_start32
    movl $0x1ff, APIC + 0xf0
    movl $0x01000000, APIC + 0x310
    movl $0x4500, APIC + 0x300
    AT apic_start32_init
    movl $0x4603, APIC + 0x300
    AT apic_start32_sipi
    outb %al, $0x50
    movl $0x47, APIC + 0x300         /* fixed, to APIC ID 1 */
    outb %al, $0x51
    hlt
payload_apic_start32_end:

    .code16
/* What SIPI starts at 3000H. */
    PAYLOAD apic_started16
    movw %cs, %ax
    outw %ax, $0x60
    hlt
payload_apic_started16_end:

    .code32
    PAYLOAD apic_traps32
    movl $0x1ff, APIC + 0xf0
    AT apic_traps32_svr
    movl $0x8700, APIC + 0x350
    AT apic_traps32_lint0
    movl $0x400, APIC + 0x360
    AT apic_traps32_lint1
    movl $0x02000000, APIC + 0xd0
    AT apic_traps32_ldr
    movl $0x0fffffff, APIC + 0xe0
    AT apic_traps32_dfr
    movl $0x200, APIC + 0x300
    AT apic_traps32_smi
    movl $0x01000000, APIC + 0x310
    movl $0x4500, APIC + 0x300
    AT apic_traps32_init
    movl $0x4699, APIC + 0x300
    AT apic_traps32_sipi
    movw $1, APIC + 0xf0             /* not a register access: dropped */
    orl $0xff, APIC + 0xf0           /* emulated, and trapped as MOV is */
    AT apic_traps32_or
    movl $0x4647, %ebx
    xchgl %ebx, APIC + 0x300
    AT apic_traps32_xchg
    fxsave APIC
    hlt
payload_apic_traps32_end:

    .code64
    PAYLOAD apic_handler64
    pushq %rax
    pushq %rcx
    pushq %rdx
    incl COUNTER
    movl $0x80b, %ecx
    xorl %eax, %eax
    xorl %edx, %edx
    wrmsr
    popq %rdx
    popq %rcx
    popq %rax
    iretq
payload_apic_handler64_end:

/* #GP: counts and steps over a two-byte instruction. */
    PAYLOAD apic_fault64
    incl COUNTER + 4
    addq $8, %rsp
    addq $2, (%rsp)
    iretq
payload_apic_fault64_end:

    PAYLOAD apic_x2apic64
    movl $0x802, %ecx
    rdmsr                            /* #GP: not in x2APIC mode yet */
    movl $0x1b, %ecx
    rdmsr
    movl %eax, %r8d
    orl $0x400, %eax
    wrmsr
    rdmsr
    movl %eax, %r9d
    movl $0x802, %ecx
    rdmsr
    movl %eax, %r10d
    wrmsr                            /* #GP: read-only */
    movl $0x80d, %ecx
    rdmsr
    movl %eax, %r11d
    movl $0x80f, %ecx
    movl $0x1ff, %eax
    xorl %edx, %edx
    wrmsr
    sti
    movl $0x83f, %ecx
    movl $0x41, %eax
    wrmsr
    nop
    movl $0x830, %ecx
    movl $0x41, %eax
    movl $0, %edx
    wrmsr                            /* to APIC ID 0 */
    nop
    movl $0x80b, %ecx
    movl $1, %eax
    wrmsr                            /* #GP: EOI takes 0 alone */
    movl $0x1b, %ecx
    movl %r8d, %eax
    wrmsr                            /* #GP: from x2APIC back to xAPIC */
    cli
    movl $9, %eax
    movq %rax, %cr8
    movl $0x808, %ecx
    rdmsr
    movl %eax, %r12d
    outb %al, $0x50
    hlt
payload_apic_x2apic64_end:
/* In x2APIC mode from the start: sleeps until something comes; then with the TPR above and below it. */
    PAYLOAD apic_deliver64
    sti
    hlt
    cli
    outb %al, $0x50
    movl $0x60, %eax
    xorl %edx, %edx
    movl $0x808, %ecx
    wrmsr
    sti
    movl $0x83f, %ecx
    movl $0x41, %eax
    wrmsr
    nop
    movl COUNTER, %ebx
    outb %al, $0x51
    xorl %eax, %eax
    movq %rax, %cr8
    nop
    movl COUNTER, %ebx
    movl $0x80a, %ecx
    rdmsr
    outb %al, $0x52
    sti
    hlt
    outb %al, $0x53
payload_apic_deliver64_end:
/* RSI times: an interrupt to itself while IF is 0, a while, and then IF is 1. */
    PAYLOAD apic_closed64
1:  cli
    movl COUNTER, %ebx
    movl $0x83f, %ecx
    movl $0x41, %eax
    xorl %edx, %edx
    wrmsr
    movl $20000, %ecx
2:  loop 2b
    cmpl COUNTER, %ebx
    jne 3f
    sti
    nop
    cli
    incl %ebx
    cmpl COUNTER, %ebx
    jne 3f
    decl %esi
    jnz 1b
    outb %al, $0x50
3:  outb %al, $0x51
payload_apic_closed64_end:
    .section .note.GNU-stack, "", @progbits
