/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader to C: multiboot2 header, 32-bit entry, early page tables, long mode.
 *
 * Multiboot2 enters in 32-bit protected mode with paging off, on BIOS and UEFI alike, at any 2 MiB boundary that
 * suited
 * the loader. So nothing before long mode uses an absolute address: %ebp holds the physical address of
 * image_start, and
 * OFF(symbol) is a symbol's distance from it.
 *
 * There is no framebuffer tag in the header: with one, GRUB 2.06 on BIOS switches to graphics, and jumps to address 0
 * under Bochs's VGA BIOS.
 */
#define IMAGE_VIRTUAL 0xffffffff80000000
#define OFF(symbol) ((symbol) - IMAGE_VIRTUAL)

#define MULTIBOOT2_MAGIC 0xe85250d6
#define MULTIBOOT2_LOADED 0x36d76289
#define TAG_OPTIONAL 1

#define PTE_P_RW 3
#define PTE_LARGE_P_RW 0x83
#define CR0_PG_WP_NE_MP_PE 0x80010023
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME_BIT 8
#define EFER_NXE_BIT 11
#define COM1 0x3f8

    .section .multiboot, "ax", @progbits
    .balign 8
header:
    .long MULTIBOOT2_MAGIC, 0, header_end - header
    .long 0x100000000 - (MULTIBOOT2_MAGIC + (header_end - header))
    .balign 8                           /* information request: command line, modules, memory map, framebuffer, RSDP */
    .short 1, TAG_OPTIONAL
    .long 8 + 6 * 4, 1, 3, 6, 8, 14, 15
    .balign 8                           /* modules page aligned */
    .short 6, 0
    .long 8
    .balign 8                           /* relocatable: lowest, highest, alignment, prefer the lowest */
    .short 10, 0
    .long 24, 0x100000, 0xfffff000, 0x200000, 1
    .balign 8
    .short 0, 0
    .long 8
header_end:

    .section .boot.text, "ax", @progbits
    .code32
    .globl boot_entry
    .type boot_entry, @function
boot_entry:
    cli
    cld
    /*
     * The loader gives no stack. The boot information's second word is reserved and serves as one for a single call; a
     * loader with another protocol has no such structure, but is a PC's, where memory below 0x7c00 is free.
     */
    movl $0x7c00, %esp
    cmpl $MULTIBOOT2_LOADED, %eax
    jne 1f
    leal 8(%ebx), %esp
1:  call 2f
2:  popl %ebp
    subl $OFF(2b), %ebp
    leal OFF(text_no_loader)(%ebp), %esi
    cmpl $MULTIBOOT2_LOADED, %eax
    jne boot_fail
    movl $0, 4(%ebx)
    leal OFF(boot_stack_top)(%ebp), %esp
    movl %ebx, %edi

    /* CPUID exists if EFLAGS.ID can be changed; then long mode and NX are bits of leaf 0x80000001. */
    leal OFF(text_no_long_mode)(%ebp), %esi
    pushfl
    popl %eax
    movl %eax, %ecx
    xorl $0x200000, %eax
    pushl %eax
    popfl
    pushfl
    popl %eax
    xorl %ecx, %eax
    testl $0x200000, %eax
    jz boot_fail
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb boot_fail
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc boot_fail
    movl %edx, %esi                     /* bit 20: NX */

    /* Four page directories of 2 MiB pages: the first 4 GiB, at 0 and in the direct map. */
    leal OFF(early_directories)(%ebp), %ebx
    movl $PTE_LARGE_P_RW, %eax
    xorl %ecx, %ecx
1:  movl %eax, (%ebx, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $2048, %ecx
    jne 1b
    leal PTE_P_RW(%ebx), %eax
    leal OFF(early_pdpt)(%ebp), %ecx
    movl %eax, (%ecx)
    addl $4096, %eax
    movl %eax, 8(%ecx)
    addl $4096, %eax
    movl %eax, 16(%ecx)
    addl $4096, %eax
    movl %eax, 24(%ecx)

    /* Two page tables: 4 MiB from image_start, wherever that is. */
    leal OFF(early_image_tables)(%ebp), %ebx
    leal PTE_P_RW(%ebp), %eax
    xorl %ecx, %ecx
1:  movl %eax, (%ebx, %ecx, 8)
    addl $4096, %eax
    incl %ecx
    cmpl $1024, %ecx
    jne 1b
    leal PTE_P_RW(%ebx), %eax
    leal OFF(early_image_directory)(%ebp), %ecx
    movl %eax, (%ecx)
    addl $4096, %eax
    movl %eax, 8(%ecx)
    leal PTE_P_RW(%ecx), %eax
    movl %eax, OFF(early_image_pdpt) + 510 * 8(%ebp)

    leal OFF(early_tables)(%ebp), %ebx
    leal OFF(early_pdpt) + PTE_P_RW(%ebp), %eax
    movl %eax, (%ebx)
    movl %eax, 256 * 8(%ebx)
    leal OFF(early_image_pdpt) + PTE_P_RW(%ebp), %eax
    movl %eax, 511 * 8(%ebx)

    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl %ebx, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    btsl $EFER_LME_BIT, %eax
    btl $20, %esi
    jnc 1f
    btsl $EFER_NXE_BIT, %eax
1:  wrmsr
    movl $CR0_PG_WP_NE_MP_PE, %eax      /* caches on: CD and NW clear */
    movl %eax, %cr0

    leal OFF(boot_gdt)(%ebp), %eax
    pushl %eax
    pushw $boot_gdt_end - boot_gdt - 1
    lgdt (%esp)
    addl $6, %esp
    pushl $0x08
    leal OFF(boot_long_mode)(%ebp), %eax
    pushl %eax
    lret

/* %esi: a sentence. Says it on COM1, at 115200 bit/s and 8N1, and stops. */
boot_fail:
    movw $COM1 + 3, %dx
    movb $0x80, %al                     /* DLAB: the next two writes are the divisor */
    outb %al, %dx
    movw $COM1, %dx
    movb $1, %al
    outb %al, %dx
    incw %dx
    xorl %eax, %eax
    outb %al, %dx
    movw $COM1 + 3, %dx
    movb $3, %al
    outb %al, %dx
boot_fail_next:
    movl $0x10000, %ecx                 /* a missing UART must not hold us up for ever */
1:  movw $COM1 + 5, %dx
    inb %dx, %al
    testb $0x20, %al
    jnz 2f
    loop 1b
2:  lodsb
    testb %al, %al
    jz 3f
    movw $COM1, %dx
    outb %al, %dx
    jmp boot_fail_next
3:  cli
    hlt
    jmp 3b

    .code64
boot_long_mode:
    movabsq $boot_high, %rax
    jmp *%rax
    .size boot_entry, . - boot_entry

text_no_loader:
    .ascii "[whimbrel] error: not started by a multiboot2 loader; use GRUB's multiboot2 command.\r\n"
    .asciz "[whimbrel] machine halted\r\n"
text_no_long_mode:
    .ascii "[whimbrel] error: this processor has no 64-bit mode; use qemu-system-x86_64 or another CPU model.\r\n"
    .asciz "[whimbrel] machine halted\r\n"

    .section .text.boot_high, "ax", @progbits
    .type boot_high, @function
boot_high:
    lgdt boot_gdt_pointer(%rip)         /* the same table where it stays mapped */
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    lldt %ax
    xorl %edx, %edx
    movl $0xc0000101, %ecx              /* IA32_GS_BASE 0: no struct cpu yet (kernel/debug/panic.c) */
    wrmsr
    movq $boot_stack_top, %rsp
    xorl %ebp, %ebp                     /* ends the backtrace */
    movl %edi, %edi
    movq $early_image_tables, %rsi
    movq (%rsi), %rsi
    andq $-4096, %rsi                   /* where image_start is, from its page table entry */
    call *boot_c_entry(%rip)            /* (uint32_t mbi_pa, uint64_t load_base) */
1:  cli
    hlt
    jmp 1b
    .size boot_high, . - boot_high

/* void boot_switch_stack(void *top, void (*function)(void)): goes on in function on another stack, for good. */
    .section .text.boot_switch_stack, "ax", @progbits
    .globl boot_switch_stack
    .type boot_switch_stack, @function
boot_switch_stack:
    movq %rdi, %rsp
    xorl %ebp, %ebp
    pushq $0                            /* its return address: ends the backtrace */
    jmp *%rsi
    .size boot_switch_stack, . - boot_switch_stack

    .section .rodata.boot_gdt, "a", @progbits
    .balign 8
boot_gdt:                               /* accessed bits set: the table is read-only; selectors: arch/cpu/gdt.h */
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_end:
boot_gdt_pointer:
    .short boot_gdt_end - boot_gdt - 1
    .quad boot_gdt

    .section .bss.page_aligned, "aw", @nobits
    .balign 4096
    .globl early_tables, early_tables_end
early_tables:                           /* the first is the PML4 */
    .skip 4096
early_pdpt:
    .skip 4096
early_directories:
    .skip 4 * 4096
early_image_pdpt:
    .skip 4096
early_image_directory:
    .skip 4096
early_image_tables:
    .skip 2 * 4096
early_tables_end:
    .globl boot_stack, boot_stack_top
boot_stack:
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
