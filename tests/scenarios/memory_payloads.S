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
    .section .note.GNU-stack, "", @progbits
