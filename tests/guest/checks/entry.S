/* SPDX-License-Identifier: MIT */
/* The checks' multiboot 1 header and entry, descriptor tables, and the way into and out of every event. */
#define HEADER_MAGIC 0x1badb002
#define PAGE_ALIGN_AND_MEMORY 3
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_CS 0x1b
#define USER_DS 0x23
#define KERNEL_TSS 0x28
#define EFLAGS_IOPL3 0x3002
#define TSS_ESP0 4
#define TSS_SS0 8

        .section .multiboot, "a"
        .balign 4
        .long HEADER_MAGIC, PAGE_ALIGN_AND_MEMORY, -(HEADER_MAGIC + PAGE_ALIGN_AND_MEMORY)

        .text
        .globl entry
entry:
        mov $stack_top, %esp
        push $0
        popf
        lgdt gdt_register
        ljmp $KERNEL_CS, $1f
1:      mov $KERNEL_DS, %ecx
        mov %ecx, %ds
        mov %ecx, %es
        mov %ecx, %fs
        mov %ecx, %gs
        mov %ecx, %ss
        mov $tss, %ecx
        mov %cx, gdt + KERNEL_TSS + 2
        shr $16, %ecx
        mov %cl, gdt + KERNEL_TSS + 4
        mov %ch, gdt + KERNEL_TSS + 7
        mov $KERNEL_TSS, %ecx
        ltr %cx
        push %ebx
        push %eax
        call checks_main

        /* One stub of 16 bytes for each vector. #DF, #TS, #NP, #SS, #GP, #PF and #AC push an error code themselves. */
        .balign 16
        .globl trap_stubs
trap_stubs:
        .set vector, 0
        .rept 256
        .balign 16
        .if vector != 8 && vector != 17 && (vector < 10 || vector > 14)
        push $0
        .endif
        push $vector
        jmp trap_common
        .set vector, vector + 1
        .endr

trap_common:
        pusha
        push %ds
        mov $KERNEL_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        lea 4(%esp), %eax
        push %eax
        call trap_dispatch
        add $4, %esp
        pop %eax
        mov %eax, %ds
        mov %eax, %es
        popa
        add $8, %esp
        iret

        .globl user_call
user_call:
        mov 4(%esp), %ecx
        pusha
        mov %esp, tss + TSS_ESP0
        movl $KERNEL_DS, tss + TSS_SS0
        mov %esp, kernel_esp
        push $USER_DS
        push $user_stack_top
        push $EFLAGS_IOPL3
        push $USER_CS
        push %ecx
        mov $USER_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        iret
        /* Where the handler of VECTOR_BACK returns to, at CPL 0. */
        .globl user_back
user_back:
        mov kernel_esp, %esp
        mov $KERNEL_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        popa
        ret

        .data
        .balign 16
        .globl gdt
gdt:    .quad 0
        .quad 0x00cf9b000000ffff        /* KERNEL_CS */
        .quad 0x00cf93000000ffff        /* KERNEL_DS */
        .quad 0x00cffb000000ffff        /* USER_CS */
        .quad 0x00cff3000000ffff        /* USER_DS */
        .quad 0x0000890000000067        /* KERNEL_TSS, its base filled in above */
        .globl gdt_spare
gdt_spare:                              /* from selector 30H on, for checks */
        .quad 0, 0, 0, 0
gdt_register:
        .word . - gdt - 1
        .long gdt
kernel_esp:
        .long 0
        .balign 128
        .globl tss
tss:    .skip 104

        .bss
        .balign 16
        .skip 16384
stack_top:
        .skip 8192
user_stack_top:

        .section .note.GNU-stack, "", @progbits
