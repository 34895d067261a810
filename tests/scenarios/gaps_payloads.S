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

/* Stores DR6 and the RIP that #DB pushed at R15; goes on past the breakpoint, without TF. */
    PAYLOAD db_handler64
    pushq %rax
    movq %dr6, %rax
    movq %rax, (%r15)
    movq 8(%rsp), %rax
    movq %rax, 8(%r15)
    addq $16, %r15
    movl $0xffff0ff0, %eax
    movq %rax, %dr6
    orl $0x10000, 24(%rsp)
    andl $~0x100, 24(%rsp)
    popq %rax
    iretq
payload_db_handler64_end:

    .macro STEP
    pushfq
    orl $0x100, (%rsp)
    popfq
    .endm

/* Breakpoints on execution and on a store, single steps over instructions that exit, and DR7.GD. */
    PAYLOAD debug64
    leaq at_debug64_execute(%rip), %rax
    movq %rax, %dr0
    movl $0x3000, %eax
    movq %rax, %dr1
    movl $0xd00405, %eax
    movq %rax, %dr7
    xorl %eax, %eax
    AT debug64_execute
    cpuid
    cmpl $0, 0x3000
    movl $1, 0x3000
    AT debug64_stored
    movl $0x400, %eax
    movq %rax, %dr7
    movl $2, 0x3000
    xorl %eax, %eax
    STEP
    cpuid
    AT debug64_cpuid
    movl $0xc0000080, %ecx
    STEP
    rdmsr
    AT debug64_rdmsr
    STEP
    wrmsr
    AT debug64_wrmsr
    STEP
    movq %dr1, %rbx
    AT debug64_mov_dr
    movl $0x2400, %eax
    movq %rax, %dr7
    AT debug64_general
    movq %dr0, %rbx
    hlt
payload_debug64_end:

/* Each turn: DR0 to DR3, DR6 and DR7 to RDI, a store to the dword at 0x3000, and a port write. */
    PAYLOAD debug_read64
    movq %dr0, %rax
    movq %rax, (%rdi)
    movq %dr1, %rax
    movq %rax, 8(%rdi)
    movq %dr2, %rax
    movq %rax, 16(%rdi)
    movq %dr3, %rax
    movq %rax, 24(%rdi)
    movq %dr6, %rax
    movq %rax, 32(%rdi)
    movq %dr7, %rax
    movq %rax, 40(%rdi)
    incl 0x3000
    outb %al, $0x80
    jmp payload_debug_read64
payload_debug_read64_end:

/* WRMSR of EDX:EAX, port 0x51, RDMSR, port 0x52; a general protection fault ends at port 0x50. */
    PAYLOAD msr64
    wrmsr
    outb %al, $0x51
    AT msr64_read
    rdmsr
    outb %al, $0x52
    hlt
payload_msr64_end:

    PAYLOAD gp64
    outb %al, $0x50
    hlt
payload_gp64_end:

/* Handlers that copy what an exception pushed to 0x2000: six qwords, doublewords, words. */
    PAYLOAD keep_stack64
    movq %rsp, %rsi
    movl $0x2000, %edi
    movl $6, %ecx
    rep movsq
    hlt
payload_keep_stack64_end:

/* STI and HLT; HLT with interrupts off. */
    PAYLOAD halts64
    sti
    hlt
    AT halts64_on
    cli
    hlt
    AT halts64_off
    nop
payload_halts64_end:

/* At CPL 3: HLT. */
    PAYLOAD user64
    hlt
payload_user64_end:

    .code32
    PAYLOAD keep_stack32
    movl %esp, %esi
    movl $0x2000, %edi
    movl $6, %ecx
    rep movsl
    hlt
payload_keep_stack32_end:

    .code16
    PAYLOAD keep_stack16
    movw %sp, %si
    movw $0x2000, %di
    movw $6, %cx
    rep movsw
    hlt
payload_keep_stack16_end:

/* 16-bit code: loads from DS:BX, stores to ES:DI, then pushes. */
    PAYLOAD access16
    movw (%bx), %ax
    AT access16_store
    movw %ax, %es:(%di)
    AT access16_push
    pushl %eax
    hlt
    nop /* four bytes to compare from the push on */
payload_access16_end:
    .section .note.GNU-stack, "", @progbits
