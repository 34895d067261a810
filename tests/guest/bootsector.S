/* SPDX-License-Identifier: MIT */
/*
 * A boot sector: by itself it starts at 0:7c00, and as a disk's first sector firmware starts it there. It writes to the
 * serial port, then to the debug console, and ends by the debug exit port: with another status if an MSR that is not
 * there does not raise #GP as real mode knows it: three words on the stack and no error code (SDM vol. 3B, 20.1.4).
 */
#define DEBUG_CONSOLE 0xe9
#define COM1 0x3f8
#define DEBUG_EXIT 0xf4
#define EXIT_VALUE 0x21 /* status 67 */
#define WRONG_VALUE 0x22
#define VECTOR_GP 13
#define NO_SUCH_MSR 0x611
#define STACK 0x7000

        .code16
        .globl _start
_start:
        xor %ax, %ax
        mov %ax, %ds
        mov $message, %si
        mov $COM1, %dx
1:      lodsb
        test %al, %al
        jz 2f
        out %al, %dx
        jmp 1b
2:      mov $debug_message, %si
3:      lodsb
        test %al, %al
        jz 4f
        out %al, $DEBUG_CONSOLE
        jmp 3b
4:      mov %ax, %ss
        mov $STACK, %sp
        movw $on_fault, 4 * VECTOR_GP
        movw %ax, 4 * VECTOR_GP + 2
        mov $NO_SUCH_MSR, %ecx
faults: rdmsr
wrong:  mov $WRONG_VALUE, %al
        jmp end
on_fault:
        cmp $STACK - 6, %sp
        jne wrong
        cmpw $faults, STACK - 6
        jne wrong
        mov $EXIT_VALUE, %al
end:    out %al, $DEBUG_EXIT
5:      hlt
        jmp 5b
message: .asciz "boot sector runs\r\n"
debug_message: .asciz "and the debug console\n"
        .org 510
        .word 0xaa55
