/* SPDX-License-Identifier: MIT */
/* Guest code of smoke.c. */
    .section .rodata, "a", @progbits
    .globl payload_smoke, payload_smoke_end
    .code16
payload_smoke:
    movw $0x1234, %ax
    outb %al, $0x80
    hlt
payload_smoke_end:
    .section .note.GNU-stack, "", @progbits
