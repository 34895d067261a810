/* SPDX-License-Identifier: MIT */
/* Guest code of memory_*.c and doorbell.c. 64-bit mode unless the label says otherwise. */
    .section .rodata.memory, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm

    .code64
    /* Halts after writing a byte at RBX and at RCX - 1 more places, each RDX further. */
    PAYLOAD mem_write
    movb %al, (%rbx)
    addq %rdx, %rbx
    decq %rcx
    jnz payload_mem_write
    hlt
    jmp payload_mem_write
payload_mem_write_end:

    /* Halts after reading the dword at RBX to EAX. */
    PAYLOAD mem_read
    movl (%rbx), %eax
    hlt
    jmp payload_mem_read
payload_mem_read_end:

    /* For ever: one more in the dword at RBX. */
    PAYLOAD mem_count
    incl (%rbx)
    jmp payload_mem_count
payload_mem_count_end:

    /* For ever: ORs 1 << (the dword at RBX) into 0x3000; counts the reads at 0x3004. */
    PAYLOAD mem_watch
    movl (%rbx), %eax
    btsl %eax, 0x3000
    incl 0x3004
    jmp payload_mem_watch
payload_mem_watch_end:

    /* For ever: counts in the first dword of each of RCX pages from RBX on. */
    PAYLOAD mem_sweep
1:  movq %rbx, %rsi
    movq %rcx, %rdi
2:  incl (%rsi)
    addq $4096, %rsi
    decq %rdi
    jnz 2b
    jmp 1b
payload_mem_sweep_end:

    /* Raises #UD on the stack at RSP, whose handler at 0x1800 halts; then INT 30H the same way. */
    PAYLOAD mem_events
    ud2
    int $0x30
payload_mem_events_end:

    PAYLOAD mem_halt
    hlt
payload_mem_halt_end:

    /* Stores of each size and form to RBX; RAX = value. */
    PAYLOAD bell_sizes
    movb %al, (%rbx)
    movw %ax, (%rbx)
    movl %eax, (%rbx)
    movq %rax, (%rbx)
    movb %ah, (%rbx)
    movl $0x1234, -4(%rbx,%rcx,4)
    movq %rsp, (%rbx)
    hlt
payload_bell_sizes_end:

    /* Writes that are no MOV, one after the other; the root moves RIP on. */
    PAYLOAD bell_others
    .globl at_bell_add, at_bell_stos, at_bell_cross, at_bell_pair
    addl %eax, (%rbx)
at_bell_add:
    movq %rbx, %rdi
at_bell_stos:
    stosl
at_bell_cross:
    movl %eax, -2(%rbx)
at_bell_pair:
    hlt
payload_bell_others_end:

    /* RBX: address. Halts after a store by which TF traps; the handler at 0x1800 halts. */
    PAYLOAD bell_trap
    pushfq
    orq $0x100, (%rsp)
    popfq
    movl %eax, (%rbx)
    nop
    nop
payload_bell_trap_end:

    /* For ever. */
    PAYLOAD bell_storm
    movl %eax, (%rbx)
    incl 0x3000
    jmp payload_bell_storm
payload_bell_storm_end:

    /* RDX: port. */
    PAYLOAD bell_ports
    outb %al, %dx
    outw %ax, %dx
    outl %eax, %dx
    outb %al, $0x80
    hlt
payload_bell_ports_end:

    PAYLOAD bell_port_others
    outsb
    hlt
payload_bell_port_others_end:
    PAYLOAD bell_port_in
    inb %dx, %al
    hlt
payload_bell_port_in_end:

    .code32
    PAYLOAD bell_32
    movl %eax, (%ebx)
    movw $0x77, 0x400000
    movb %al, 0x400000
    hlt
payload_bell_32_end:

    .code16
    /* DS is the segment whose base is the address. */
    PAYLOAD bell_16
    movw %ax, 0
    movl %eax, (%si)
    movb $0x77, (%bx,%si)
    hlt
payload_bell_16_end:
    .section .note.GNU-stack, "", @progbits
