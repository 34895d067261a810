/* SPDX-License-Identifier: MIT */
/* Guest code of posted.c, 64-bit mode. RBX is an address without memory, RDX a port. */
    .section .rodata.posted, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm

    .code64
    PAYLOAD posted_mix
    outb %al, %dx
    movb %al, (%rbx)
    outw %ax, %dx
    movl %eax, 4(%rbx)
    outl %eax, %dx
    movq %rax, 8(%rbx)
    movw $0x77, 2(%rbx)
    movb %ah, 1(%rbx)
    hlt
payload_posted_mix_end:

    /* RCX writes, to the port and the address in turn, of 1, 2, 3 ... */
    PAYLOAD posted_count
    xorl %eax, %eax
1:  incl %eax
    testb $1, %al
    jz 2f
    outl %eax, %dx
    jmp 3f
2:  movl %eax, (%rbx)
3:  decl %ecx
    jnz 1b
    hlt
payload_posted_count_end:

    /* What is not posted, each after one write that is. */
    PAYLOAD posted_others
    .globl at_posted_in, at_posted_load, at_posted_add, at_posted_outs
    outb %al, %dx
at_posted_in:
    inb %dx, %al
    movb %al, (%rbx)
at_posted_load:
    movl (%rbx), %eax
    movb %al, (%rbx)
at_posted_add:
    addl %eax, (%rbx)
    outb %al, %dx
at_posted_outs:
    outsb
    hlt
payload_posted_others_end:

    /* Over the ends of a range of 8 bytes at RBX and of two ports at RDX: the first and the last of each lie within. */
    PAYLOAD posted_edges
    .globl at_posted_before, at_posted_over, at_posted_behind, at_posted_wide, at_posted_next
    movq %rax, (%rbx)
at_posted_before:
    movl %eax, -1(%rbx)
at_posted_over:
    movl %eax, 5(%rbx)
at_posted_behind:
    movb %al, 8(%rbx)
    movb %al, 7(%rbx)
    outw %ax, %dx
at_posted_wide:
    outl %eax, %dx
    incl %edx
    outb %al, %dx
at_posted_next:
    outw %ax, %dx
    hlt
payload_posted_edges_end:

    /* A posted OUT by which TF traps: the handler at 0x1800 halts; one in the shadow of STI. */
    PAYLOAD posted_trap
    .globl at_posted_trap
    pushfq
    orq $0x100, (%rsp)
    popfq
    outb %al, %dx
at_posted_trap:
    nop
    nop
payload_posted_trap_end:
    PAYLOAD posted_shadow
    sti
    outb %al, %dx
    inb %dx, %al
payload_posted_shadow_end:

    /* For ever; the count of the writes done is in 0x3000. */
    PAYLOAD posted_storm
    movl %eax, (%rbx)
    outb %al, %dx
    incl 0x3000
    jmp payload_posted_storm
payload_posted_storm_end:
    .section .note.GNU-stack, "", @progbits
