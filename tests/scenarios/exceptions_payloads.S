/* SPDX-License-Identifier: MIT */
/* Guest code of records_exceptions.c, records_later.c, windows.c and msr_policy.c, loaded at 0x1000, long mode. */
    .section .rodata.exceptions, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm
    .macro AT name
    .globl at_\name
at_\name:
    .endm

    .code64
    PAYLOAD raise64
    int3
    AT raise64_ud
    ud2
    AT raise64_read
    movl 0x60000008, %eax
    AT raise64_write
    movl $5, 0x6000000c
    AT raise64_icebp
    .byte 0xf1
    AT raise64_divide
    xorl %ecx, %ecx
    AT raise64_div
    divl %ecx
    AT raise64_gp
    ljmp *0x10
    AT raise64_int
    int $0x21
    AT raise64_hlt
    hlt
payload_raise64_end:

    PAYLOAD breakpoint64
    nop
    int3
    AT breakpoint64_after
    hlt
payload_breakpoint64_end:

/* Keeps what the exception pushed: RIP at 0x2000; then returns. */
    PAYLOAD keep_rip64
    movq (%rsp), %rax
    movq %rax, 0x2000
    incl 0x2008
    iretq
payload_keep_rip64_end:

    PAYLOAD step64
    nop
    AT step64_first
    nop
    AT step64_second
    hlt
payload_step64_end:

    PAYLOAD window64
    nop
    AT window64_sti
    sti
    AT window64_shadow
    nop
    AT window64_open
    nop
    hlt
    AT window64_again
    cli
    nop
    hlt
payload_window64_end:

    PAYLOAD priority64
    movl $9, %eax
    movq %rax, %cr8
    AT priority64_nine
    movl $3, %eax
    movq %rax, %cr8
    AT priority64_three
    nop
    hlt
payload_priority64_end:

    PAYLOAD unmask64
    nop
    pushq $0x10
    pushq $0x7ff0
    pushq $2
    pushq $0x18
    leaq at_unmask64_after(%rip), %rax
    pushq %rax
    iretq
    AT unmask64_after
    nop
    hlt
payload_unmask64_end:

    PAYLOAD rdtsc64
    rdtsc
    AT rdtsc64_p
    rdtscp
    AT rdtsc64_end
    hlt
payload_rdtsc64_end:

    PAYLOAD vmcall64_regs
    vmcall
    AT vmcall64_regs_after
    hlt
payload_vmcall64_regs_end:
    PAYLOAD msr_touch64
    rdmsr
    jmp 1f
    AT msr_touch64_write
    wrmsr
1:  hlt
    AT msr_touch64_end
payload_msr_touch64_end:

    PAYLOAD msr_fault64
    hlt
payload_msr_fault64_end:
    .section .note.GNU-stack, "", @progbits
