/* SPDX-License-Identifier: MIT */
/*
 * Guest programs of the root service, all loaded at GPA 0x1000 and started there in real mode with CS = DS = 0.
 * The label
 * of each instruction that exits is known to root/service/guests.c. Registers of a payload that runs on several VPs at
 * once: memory is shared, so none writes to memory that another reads.
 */
    .section .rodata.payloads, "a", @progbits
    .set BASE, 0x1000

    .macro BEGIN name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm
    .macro MARK name
    .globl at_\name
at_\name:
    .endm

    .code16
    BEGIN hello
    movw $(hello_text - payload_hello + BASE), %si
    movw $0x3f8, %dx
hello_next:
    lodsb
    testb %al, %al
    jz hello_done
    MARK hello_out
    outb %al, %dx
    jmp hello_next
hello_done:
    MARK hello_hlt
    hlt
hello_text:
    .asciz "Hello from a guest in real mode.\n"
payload_hello_end:

    BEGIN ports
    movl $0xa5b6c7d8, %eax
    MARK out8
    outb %al, $0x80
    MARK in16
    inw $0x82, %ax
    movw $0x1f0, %dx
    MARK out32
    outl %eax, %dx
    movw $(BASE), %si
    movw $4, %cx
    MARK rep_outsb
    rep outsb
    MARK ports_hlt
    hlt
payload_ports_end:

    BEGIN memory
    movw $0xf000, %ax
    movw %ax, %ds
    MARK mem_read
    movl 0x0123, %eax
    MARK mem_write
    movb $0x55, 0x0456
    MARK mem_hlt
    hlt
payload_memory_end:

    BEGIN ids
    movl $0x40000000, %eax
    xorl %ecx, %ecx
    MARK ids_cpuid
    cpuid
    movl $0x611, %ecx
    MARK ids_rdmsr
    rdmsr
    movl $0x12345678, %eax
    xorl %edx, %edx
    MARK ids_wrmsr
    wrmsr
    MARK ids_hlt
    hlt
payload_ids_end:

/* Real, protected, PAE and long mode in turn; page tables at 0x20000, built here. */
    BEGIN modes
    xorw %ax, %ax
    movw %ax, %ds
    MARK modes_real
    outb %al, $0x90
    lgdtl modes_gdt_pointer - payload_modes + BASE
    movl $0x31, %eax
    movl %eax, %cr0
    ljmpl $0x08, $(modes_32 - payload_modes + BASE)
    .code32
modes_32:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    MARK modes_protected
    outb %al, $0x91
    movl $0x22001, 0x21000          /* PDPT */
    movl $0x83, 0x22000             /* PD: 2 MiB at 0 */
    movl $0x21000, %eax
    movl %eax, %cr3
    movl $0x20, %eax
    movl %eax, %cr4
    movl $0x80000031, %eax
    movl %eax, %cr0
    MARK modes_pae
    outb %al, $0x92
    movl $0x31, %eax
    movl %eax, %cr0
    movl $0x21003, 0x20000          /* PML4; the PDPTE's writable bit is allowed in long mode */
    movl $0x22003, 0x21000
    movl $0x20000, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    movl $0x100, %eax
    xorl %edx, %edx
    wrmsr
    movl $0x80000031, %eax
    movl %eax, %cr0
    ljmpl $0x18, $(modes_64 - payload_modes + BASE)
    .code64
modes_64:
    MARK modes_long
    outb %al, $0x93
    MARK modes_hlt
    hlt
    .balign 8
modes_gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
modes_gdt_pointer:
    .word 31
    .long modes_gdt - payload_modes + BASE
payload_modes_end:

    .code16
    BEGIN triple
    lidtl triple_idt - payload_triple + BASE
    MARK triple_ud
    ud2
triple_idt:
    .word 0
    .long 0
payload_triple_end:

    BEGIN spin
    MARK spin_loop
    incl %eax
    jmp at_spin_loop
payload_spin_end:

    BEGIN invalid
    MARK invalid_start
    hlt
payload_invalid_end:
    .section .note.GNU-stack, "", @progbits
