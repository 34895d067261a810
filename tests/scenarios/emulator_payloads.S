/* SPDX-License-Identifier: MIT */
/* Guest code of emulator.c, loaded at 0x1000. */
    .section .rodata.emulator, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm

    /* Text mode video memory as a boot loader uses it; the page at 0xb8000 is no RAM. */
    .code16
    PAYLOAD emulate16
    movw $0xb800, %ax
    movw %ax, %es
    xorw %di, %di
    movw $0x0741, %ax
    movw $80, %cx
    cld
    rep stosw
    movb $0x1f, %es:3
    incw %es:(%di)
    movw %es:-2(%di), %bx
    pushw %ds
    movw %ax, %ds
    movw $0xb800, %ax
    movw %ax, %ds
    xorw %ax, %ax
    movw %ax, %es
    movw $158, %si
    movw $0x3009, %di
    movw $5, %cx
    std
    rep movsw
    cld
    popw %ds
    movw $0xb800, %ax
    movw %ax, %es
    movw $4, %di
    movw $0x3000, %si
    movw $6, %cx
    repe cmpsb
    hlt
payload_emulate16_end:

    /* One step: what it made of EAX and the flags goes to the log at (%\log). */
    .macro STEP log flags size text:vararg
    \text
    pushf
    pop\flags (%\log)
    mov %\size, 8(%\log)
    add $16, %\log
    .endm

    /*
     * The same code runs twice: on RAM, and on a device that the emulator serves. base: EBX or RBX; log: EBP or RBP.
     * AF is left out of the comparison, and shifts by more than 1, bits and the rest that the SDM leaves undefined.
     */
    .macro SEQUENCE base log flags full
    movl $0x89abcdef, %eax
    movl $0x01234567, %edx
    STEP \log \flags \full movl %eax, (%\base)
    STEP \log \flags \full movb %ah, 1(%\base)
    STEP \log \flags \full movw $0x7ffe, 2(%\base)
    STEP \log \flags \full addl %edx, (%\base)
    STEP \log \flags \full addw $1, 2(%\base)
    STEP \log \flags \full adcb $0x7f, (%\base)
    STEP \log \flags \full sbbl (%\base), %eax
    STEP \log \flags \full subl %eax, (%\base)
    STEP \log \flags \full lock orl $0x10, (%\base)
    STEP \log \flags \full andl $~0x3, (%\base)
    STEP \log \flags \full xorb %dl, 3(%\base)
    STEP \log \flags \full cmpl %edx, (%\base)
    STEP \log \flags \full testb $0x80, 3(%\base)
    STEP \log \flags \full incl (%\base)
    STEP \log \flags \full lock decw (%\base)
    STEP \log \flags \full negl (%\base)
    STEP \log \flags \full notl (%\base)
    STEP \log \flags \full movzwl (%\base), %eax
    STEP \log \flags \full movsbl 3(%\base), %eax
    STEP \log \flags \full shll $1, (%\base)
    STEP \log \flags \full sarl $1, (%\base)
    STEP \log \flags \full rorl $1, (%\base)
    STEP \log \flags \full xchgl %eax, (%\base)
    STEP \log \flags \full lock xaddl %eax, (%\base)
    STEP \log \flags \full cmpxchgl %edx, (%\base)
    movl (%\base), %eax
    STEP \log \flags \full lock cmpxchgl %edx, (%\base)
    movl 4(%\base), %edx
    STEP \log \flags \full cmpxchg8b (%\base)
    movl $35, %ecx
    STEP \log \flags \full btsl %ecx, (%\base)
    STEP \log \flags \full btcl $3, 4(%\base)
    STEP \log \flags \full setc 8(%\base)
    STEP \log \flags \full cmovcl 4(%\base), %eax
    STEP \log \flags \full movl 1(%\base), %eax
    push (%\base)
    pop 16(%\base)
    STEP \log \flags \full mov 16(%\base), %\full
    mov %\base, %\full
    STEP \log \flags \full add $16, %\full
    .endm

    .macro STRINGS base source target full
    cld
    mov %\base, %\target
    add $32, %\target
    movl $0x5a5a1234, %eax
    movl $9, %ecx
    rep stosl
    mov %\base, %\source
    add $1, %\source
    movl $13, %ecx
    rep movsb
    mov %\base, %\target
    add $32, %\target
    movl $0x12, %eax
    movl $20, %ecx
    repne scasb
    .endm

    .code32
    PAYLOAD emulate32
    SEQUENCE ebx ebp l eax
    STRINGS ebx esi edi eax
    hlt
payload_emulate32_end:

    .code64
    PAYLOAD emulate64
    SEQUENCE rbx rbp q rax
    STRINGS rbx rsi rdi rax
    movq $-3, 64(%rbx)
    movabsq $0x1122334455667788, %rdx
    lock addq %rdx, 64(%rbx)
    movslq 64(%rbx), %r15
    movnti %rdx, 72(%rbx)
    movdqu 60(%rbx), %xmm3
    movdqa %xmm3, 80(%rbx)
    movq 64(%rbx), %xmm4
    movups %xmm4, 97(%rbx)
    hlt
payload_emulate64_end:

    /* Port strings: from and to RAM. */
    PAYLOAD emulate_ports
    cld
    movl $0x2000, %esi
    movl $6, %ecx
    movw $0x3f8, %dx
    rep outsb
    movl $0x3000, %edi
    movl $3, %ecx
    movw $0x1f0, %dx
    rep insw
    movq $-1, %rax
    inb $0x71, %al
    movq %rax, %rbx
    inw %dx, %ax
    xchgq %rax, %rbx
    movq $-1, %rax
    inl %dx, %eax
    outl %eax, $0xcf
    hlt
payload_emulate_ports_end:

    /* Eight bytes of which four are RAM and four are not; then something that the emulator does not do. */
    PAYLOAD emulate_edges
    movq %rax, 0x1ffffc
    movq 0x1ffffc, %rcx
    flds 0x200000
    hlt
payload_emulate_edges_end:
    .section .note.GNU-stack, "", @progbits
