/* SPDX-License-Identifier: MIT */
/* Guest code of the smp_*.c and state_*.c scenarios. Real mode. */
    .section .rodata, "a", @progbits
    .code16

    /* Counts for ever in the dword at 0x3000. */
    .globl payload_count, payload_count_end
payload_count:
    incl 0x3000
    jmp payload_count
payload_count_end:

    /* For ever: reads the dword at 0x5000 and stores it at 0x3000; counts the reads at 0x3004. */
    .globl payload_read, payload_read_end
payload_read:
    movl 0x5000, %eax
    movl %eax, 0x3000
    incl 0x3004
    jmp payload_read
payload_read_end:

    /* Each turn: one more in every register that it has, then a port write. */
    .globl payload_turn, payload_turn_end
payload_turn:
    incl %eax
    incl %ebx
    incl %ecx
    incl %edx
    incl %esi
    incl %edi
    incl %ebp
    outb %al, $0x80
    jmp payload_turn
payload_turn_end:

    /* Halts after counting EAX to 0. */
    .globl payload_down, payload_down_end
payload_down:
    decl %eax
    jnz payload_down
    hlt
payload_down_end:

    /*
     * Each turn: the MSRs whose numbers are at 0x3100 (0 ends the list) to 0x3200, then CR2, XMM0 and XMM7 to 0x3300,
     * and a port write.
     */
    .globl payload_state, payload_state_end
payload_state:
    movw $0x3100, %si
    movw $0x3200, %di
1:  movl (%si), %ecx
    testl %ecx, %ecx
    jz 2f
    rdmsr
    movl %eax, (%di)
    movl %edx, 4(%di)
    addw $4, %si
    addw $8, %di
    jmp 1b
2:  movl %cr2, %eax
    movl %eax, 0x3300
    movups %xmm0, 0x3310
    movups %xmm7, 0x3320
    outb %al, $0x80
    jmp payload_state
payload_state_end:
    .section .note.GNU-stack, "", @progbits
