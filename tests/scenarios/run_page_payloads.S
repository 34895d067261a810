/* SPDX-License-Identifier: MIT */
/* Guest code of run_page.c. Real mode. */
    .section .rodata, "a", @progbits
    .code16

    /* For ever: what SP and the flags are, in EAX and EBX, one more in ECX, and a port write. */
    .globl payload_tell, payload_tell_end
payload_tell:
    movl %esp, %eax
    pushfl
    popl %ebx
    incl %ecx
    outb %al, $0x80
    jmp payload_tell
payload_tell_end:
