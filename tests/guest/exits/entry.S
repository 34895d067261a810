/* SPDX-License-Identifier: MIT */
/* A multiboot 1 kernel that goes to long mode, the first 1 GiB mapped onto itself, and the codes that it measures. */
#define HEADER_MAGIC 0x1badb002
#define PAGE_ALIGN_AND_MEMORY 3
#define CODE_64 0x08
#define PRESENT_WRITABLE 3
#define LARGE_PAGE 0x83
#define CR4_PAE (1 << 5)
#define CR0_PG (1 << 31)
#define CR0_WP_NE (1 << 16 | 1 << 5)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)
#define MSR_EOI 0x80b
#define NO_PORT 0x2e2 /* no device has it */

        .section .multiboot, "a"
        .balign 4
        .long HEADER_MAGIC, PAGE_ALIGN_AND_MEMORY, -(HEADER_MAGIC + PAGE_ALIGN_AND_MEMORY)

        .text
        .code32
        .globl entry
entry:
        mov $stack_top, %esp
        movl $(directory_pointers + PRESENT_WRITABLE), level_4
        movl $(directory + PRESENT_WRITABLE), directory_pointers
        mov $LARGE_PAGE, %eax
        mov $directory, %edi
1:      mov %eax, (%edi)
        add $0x200000, %eax
        add $8, %edi
        cmp $(directory + 4096), %edi
        jb 1b
        mov %cr4, %eax
        or $CR4_PAE, %eax
        mov %eax, %cr4
        mov $level_4, %eax
        mov %eax, %cr3
        mov $MSR_EFER, %ecx
        rdmsr
        or $EFER_LME, %eax
        wrmsr
        mov %cr0, %eax
        or $(CR0_PG | CR0_WP_NE), %eax
        mov %eax, %cr0
        lgdt gdt_register
        ljmp $CODE_64, $2f
        .code64
2:      xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        call exits_main
3:      hlt
        jmp 3b

        /*
         * uint32_t measure_NAME(uint32_t msr, uint32_t value): ticks from before the instruction, with what its
         * operands need, to after it.
         */
        .macro MEASURE name, instruction:vararg
        .balign 16
        .globl measure_\name
measure_\name:
        push %rbx
        lfence
        rdtsc
        mov %eax, %r9d
        mov %edi, %ecx
        mov %esi, %eax
        mov $NO_PORT, %edx
        \instruction
        rdtsc
        sub %r9d, %eax
        pop %rbx
        ret
        .endm

        MEASURE nothing
        MEASURE cpuid, cpuid
        MEASURE out, outb %al, %dx
        MEASURE rdmsr, rdmsr

        /*
         * uint32_t measure_interrupt(uint32_t msr, uint32_t value): the same for WRMSR, to the first instruction of
         * the handler of the interrupt that it causes. Interrupts are on.
         */
        .balign 16
        .globl measure_interrupt
measure_interrupt:
        xor %r8d, %r8d
        lfence
        rdtsc
        mov %eax, %r9d
        mov %edi, %ecx
        mov %esi, %eax
        xor %edx, %edx
        wrmsr
1:      test %r8d, %r8d
        jz 1b
        mov %r10d, %eax
        sub %r9d, %eax
        ret

        .balign 16
        .globl interrupt_handler
interrupt_handler:
        rdtsc
        mov %eax, %r10d
        mov $1, %r8d
        mov $MSR_EOI, %ecx
        xor %eax, %eax
        xor %edx, %edx
        wrmsr
        iretq

        /* Any other vector: it tells, and ends the guest. */
        .balign 16
        .globl unexpected_handler
unexpected_handler:
        cld
        call exits_unexpected

        .data
        .balign 8
gdt:    .quad 0
        .quad 0x00af9b000000ffff        /* CODE_64 */
gdt_register:
        .word . - gdt - 1
        .long gdt

        .bss
        .balign 4096
level_4:
        .skip 4096
directory_pointers:
        .skip 4096
directory:
        .skip 4096
        .skip 16384
stack_top:

        .section .note.GNU-stack, "", @progbits
