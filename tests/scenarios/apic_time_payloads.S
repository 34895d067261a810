/* SPDX-License-Identifier: MIT */
/*
 * Guest code of apic_time.c at 0x1000: single accesses to a local APIC, each behind a label and followed by an exit,
 * with what they need in EBX (address), EAX, ECX and EDX. One source for protected mode and for long mode.
 */
    .section .rodata.apic_time, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm
    .macro AT name
    .globl at_\name
at_\name:
    .endm
    .macro STEPS name, address
    PAYLOAD \name
    AT \name\()_store
    movl %eax, (\address)
    outb %al, $0x50
    AT \name\()_load
    movl (\address), %eax
    outb %al, $0x50
    AT \name\()_wrmsr
    wrmsr
    outb %al, $0x50
    AT \name\()_rdmsr
    rdmsr
    outb %al, $0x50
    AT \name\()_wait
    sti
1:  loop 1b
    cli
    outb %al, $0x50
payload_\name\()_end:
    .endm

    .code32
    STEPS apic_steps32, %ebx
    .code64
    STEPS apic_steps64, %rbx
    .section .note.GNU-stack, "", @progbits
