/* SPDX-License-Identifier: MIT */
/* Guest code of endless.c and hardware_model.c, loaded at 0x1000: guests that never end a run by themselves. */
    .section .rodata.endless, "a", @progbits
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
    PAYLOAD endless_spin64
    sti
1:  jmp 1b
payload_endless_spin64_end:

    PAYLOAD endless_deaf64
    jmp payload_endless_deaf64
payload_endless_deaf64_end:

/* Exits that the hypervisor answers alone. */
    PAYLOAD endless_cpuid64
    xorl %eax, %eax
    cpuid
    jmp payload_endless_cpuid64
payload_endless_cpuid64_end:

    PAYLOAD endless_dr64
    movq %dr6, %rax
    jmp payload_endless_dr64
payload_endless_dr64_end:


/* VMREAD exits and is #UD, whose handler is the instruction itself. */
    PAYLOAD endless_vmread64
    vmread %rax, %rcx
payload_endless_vmread64_end:

/* A store to where a breakpoint watches; the frame of #DB's handler lies there too. */
    PAYLOAD endless_watch64
    sti
    movq %rax, 0x3ff0
    hlt
payload_endless_watch64_end:
    PAYLOAD endless_watch_handler64
    iretq
payload_endless_watch_handler64_end:

    .code32
/* At CPL 3 with alignment checks on: the frame of #AC's handler, at CPL 3 as well, is not aligned either. */
    PAYLOAD endless_align32
    movl 0x2001, %eax
    hlt
payload_endless_align32_end:

    .code64
    PAYLOAD unknown_exit64
    nop
    AT unknown_exit64_pause
    pause
    AT unknown_exit64_after
    hlt
payload_unknown_exit64_end:
    .section .note.GNU-stack, "", @progbits
