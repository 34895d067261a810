/* SPDX-License-Identifier: MIT */
/*
 * A boot sector: by itself it starts at 0:7c00, and as a disk's first sector firmware starts it there. It writes to the
 * serial port, then to the debug console, and ends by the debug exit port.
 */
#define DEBUG_CONSOLE 0xe9
#define COM1 0x3f8
#define DEBUG_EXIT 0xf4
#define EXIT_VALUE 0x21 /* status 67 */

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
4:      mov $EXIT_VALUE, %al
        out %al, $DEBUG_EXIT
5:      hlt
        jmp 5b
message: .asciz "boot sector runs\r\n"
debug_message: .asciz "and the debug console\n"
        .org 510
        .word 0xaa55
