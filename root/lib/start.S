/* SPDX-License-Identifier: MIT */
/* Entry of a root program (abi/handoff.h): RDI = hand-off, RSI = load address minus link address. */
    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    leaq boot_stack_top(%rip), %rsp
    /* Apply the relocations: Elf64_Rela of type R_X86_64_RELATIVE (8), the only kind a static PIE has. */
    leaq rela_start(%rip), %rax
    leaq rela_end(%rip), %rdx
1:  cmpq %rdx, %rax
    jae 2f
    movq 0(%rax), %rcx
    movq 16(%rax), %rbx
    addq %rsi, %rbx
    movq %rbx, (%rcx, %rsi)
    addq $24, %rax
    jmp 1b
2:  call root_start
3:  cli
    hlt
    jmp 3b
    .size _start, . - _start

    .section .bss
    .balign 4096
    .skip 65536
boot_stack_top:
    .section .note.GNU-stack, "", @progbits
