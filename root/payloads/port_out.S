/* SPDX-License-Identifier: MIT */
/* Guest code for GPA 0x1000 in real mode: one byte to port 0x80, then HLT. */
    .section .rodata.payload_port_out, "a", @progbits
    .globl payload_port_out, payload_port_out_end
    .code16
payload_port_out:
    movw $0x80, %dx
    movb $0x5a, %al
    outb %al, %dx
    hlt
payload_port_out_end:
    .section .note.GNU-stack, "", @progbits
