/* SPDX-License-Identifier: MIT */
/* See arch/boot/scrub.h. Runs on the early page tables, which map 4 GiB and the image, and without a stack. */
#define IMAGE_VIRTUAL 0xffffffff80000000
#define OFF(symbol) ((symbol) - IMAGE_VIRTUAL)

#define RESET_CONTROL 0xcf9             /* the chipset's reset register, where there is one */
#define RESET_CONTROL_FULL 0x0e
#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET 0xfe

/* Clears from one symbol of the image, at %rbp, to the next. */
    .macro clear from, to
    leaq OFF(\from)(%rbp), %rdi
    leaq OFF(\to)(%rbp), %rcx
    subq %rdi, %rcx
    rep stosb
    .endm

/* Writes a byte to a port, then lets %rbx ticks of the TSC pass. */
    .macro try port, value
    movw $\port, %dx
    movb $\value, %al
    outb %al, %dx
    rdtsc
    shlq $32, %rdx
    leaq (%rdx, %rax), %rsi
1:  rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    subq %rsi, %rax
    cmpq %rbx, %rax
    jb 1b
    .endm

    .section .text.scrub_and_reset, "ax", @progbits
    .globl scrub_and_reset
    .type scrub_and_reset, @function
scrub_and_reset:
    cli
    cld
    movq %rdx, %rbp
    movq %rcx, %rbx
    leaq OFF(early_tables)(%rbp), %rax
    movq %rax, %cr3
    xorl %eax, %eax
    movq %rsi, %rcx
    shrq $3, %rcx
    rep stosq
    clear image_start, scrub_and_reset
    clear scrub_end, early_tables
    clear early_tables_end, image_end
    wbinvd                              /* what is in caches alone may be lost with the reset */
    try RESET_CONTROL, RESET_CONTROL_FULL
    try KEYBOARD_COMMAND, KEYBOARD_RESET
    lidt no_table(%rip)                 /* neither is there: shutdown, which resets a PC */
    int3
no_table:
    .skip 10
scrub_end:
    .size scrub_and_reset, . - scrub_and_reset

    .section .note.GNU-stack, "", @progbits
