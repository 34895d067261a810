/* SPDX-License-Identifier: MIT */
/*
 * Where the trampoline of root/lib comes to on a CPU that was started again: several may come at the same time, so the
 * stack is that of the APIC ID. What the trampoline has pushed on the one they share is not used.
 */
    .text
    .globl restart_entry
restart_entry:
    movl $1, %eax
    cpuid
    shrl $24, %ebx
    leaq restart_stacks(%rip), %rax
    movq (%rax,%rbx,8), %rsp
    xorl %ebp, %ebp
    call restart_main
    .section .note.GNU-stack, "", @progbits
