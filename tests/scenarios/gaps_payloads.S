/* SPDX-License-Identifier: MIT */
/* Guest code of fpu_registers.c, guest_debug.c, guest_msrs.c, error_codes.c and halts.c. Loaded at 0x1000. */
    .section .rodata.gaps, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm
    .macro AT name
    .globl at_\name
at_\name:
    .endm

/* XCR0 from EBX; loads the XSAVE image at RSI unless EBP is 0; then, each turn, port 0x80, image to RDI, port 0x81. */
    .code64
    PAYLOAD fpu64
    movl %ebx, %eax
    xorl %edx, %edx
    xorl %ecx, %ecx
    xsetbv
    movl $-1, %eax
    movl $-1, %edx
    testl %ebp, %ebp
    jz 1f
    xrstor64 (%rsi)
1:  outb %al, $0x80
    movl $-1, %eax
    movl $-1, %edx
    xsave64 (%rdi)
    xorl %ecx, %ecx
    xgetbv
    movl %eax, %r8d
    outb %al, $0x81
    jmp 1b
payload_fpu64_end:
    .section .note.GNU-stack, "", @progbits
