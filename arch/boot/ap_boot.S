/* SPDX-License-Identifier: MIT */
/*
 * First instructions of a CPU that a SIPI started: real mode at a page below 1 MiB, then protected mode, then long
 * mode on
 * the final page tables, where this page is mapped executable and the next one (struct ap_boot_data) writable. A copy
 * runs, so every address is relative to the page: in %ds first, in %ebx later.
 */
#include "arch/boot/ap_boot.h"

#define DATA(offset) (0x1000 + (offset))
#define MSR_EFER 0xc0000080

    .section .rodata.ap_boot, "a", @progbits
    .globl ap_boot_start, ap_boot_32, ap_boot_64, ap_boot_end
    .code16
ap_boot_start:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movzwl %ax, %ebx
    shll $4, %ebx
    lgdtl DATA(AP_BOOT_GDT_LIMIT)
    movl $0x11, %eax                    /* PE, ET; caches on */
    movl %eax, %cr0
    ljmpl *DATA(AP_BOOT_FAR32)

    .code32
ap_boot_32:
    movl $AP_BOOT_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl DATA(AP_BOOT_CR4)(%ebx), %eax
    movl %eax, %cr4
    movl DATA(AP_BOOT_CR3)(%ebx), %eax
    movl %eax, %cr3
    movl DATA(AP_BOOT_EFER)(%ebx), %eax
    xorl %edx, %edx
    movl $MSR_EFER, %ecx
    wrmsr
    movl DATA(AP_BOOT_CR0)(%ebx), %eax
    movl %eax, %cr0
    ljmpl *DATA(AP_BOOT_FAR64)(%ebx)

    .code64
ap_boot_64:
    movl %ebx, %ebx
    movq DATA(AP_BOOT_STACK)(%rbx), %rsp
    movq DATA(AP_BOOT_CPU)(%rbx), %rdi
    movq DATA(AP_BOOT_ENTRY)(%rbx), %rax
    xorl %ebp, %ebp
    pushq $0                            /* its return address: ends the backtrace */
    jmp *%rax
ap_boot_end:

    .section .note.GNU-stack, "", @progbits
