/* SPDX-License-Identifier: MIT */
/* Guest code of completion*.c, loaded at 0x1000. */
    .section .rodata.completion, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm
    .macro AT name
    .globl at_\name
at_\name:
    .endm
    .macro EXITS name, code:vararg
    AT ends64_\name
    \code
    AT ends64_\name\()_end
    nop
    nop
    hlt
    .endm

/* One instruction of each kind that a client finishes; 0x300000 is behind the RAM. */
    .code64
    PAYLOAD ends64
    EXITS out, outb %al, $0x40
    EXITS in, inl $0x40, %eax
    EXITS out_dx, outw %ax, (%dx)
    EXITS cpuid, cpuid
    EXITS rdmsr, rdmsr
    EXITS wrmsr, wrmsr
    EXITS vmcall, vmcall
    EXITS load, movl 0x300000, %eax
    EXITS store, movb %al, 0x300002
    EXITS halt, hlt
    EXITS nop, nop
payload_ends64_end:

    PAYLOAD sti64
    sti
    AT sti64_out
    outb %al, $0x40
    AT sti64_after
    nop
    AT sti64_nop2
    nop
    hlt
payload_sti64_end:

/* A watched load of SS, whose breakpoint waits for the end of OUT. */
    PAYLOAD watched_ss64
    movw 0x3000, %ss
    AT watched_ss64_out
    outb %al, $0x40
    AT watched_ss64_after
    nop
    AT watched_ss64_nop2
    nop
    hlt
payload_watched_ss64_end:

/* MOVs to control registers that exit and are executed again. */
    PAYLOAD mov_cr64
    AT mov_cr64_cr0
    movq %rax, %cr0
    AT mov_cr64_cr4
    movq %rbx, %cr4
    AT mov_cr64_end
    nop
    hlt
payload_mov_cr64_end:

/* A step by branch. */
    PAYLOAD branch64
    movl $0x1d9, %ecx
    movl $2, %eax
    xorl %edx, %edx
    wrmsr
    pushfq
    orl $0x100, (%rsp)
    popfq
    nop
    jmp at_branch64_target
    nop
    AT branch64_target
    nop
    hlt
payload_branch64_end:

    PAYLOAD int1_64
    pushfq
    orl $0x100, (%rsp)
    popfq
    .byte 0xf1
    AT int1_64_after
    nop
    hlt
payload_int1_64_end:

/* A handler: DEBUGCTL, then DR6, to port 0x77. */
    PAYLOAD tell_debug64
    movl $0x1d9, %ecx
    rdmsr
    outl %eax, $0x77
    movq %dr6, %rax
    outl %eax, $0x77
    hlt
payload_tell_debug64_end:

    PAYLOAD handler64
    outb %al, $0x77
    hlt
payload_handler64_end:
    .section .note.GNU-stack, "", @progbits
