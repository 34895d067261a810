/* SPDX-License-Identifier: MIT */
/* A multiboot 1 kernel's header and entry (Multiboot Specification 0.6.96, sections 3.1 and 3.2). */
#define HEADER_MAGIC 0x1badb002
#define PAGE_ALIGN_AND_MEMORY 3

        .section .multiboot, "a"
        .balign 4
        .long HEADER_MAGIC, PAGE_ALIGN_AND_MEMORY, -(HEADER_MAGIC + PAGE_ALIGN_AND_MEMORY)

        .text
        .globl entry
entry:
        mov $stack_top, %esp
        push %ebx
        push %eax
        call multiboot_main
1:      hlt
        jmp 1b

        .globl crash_here
crash_here:
        mov $0x1badcafe, %esi
        ud2

        .bss
        .balign 16
        .skip 16384
stack_top:

        .section .note.GNU-stack, "", @progbits
