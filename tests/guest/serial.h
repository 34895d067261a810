/* SPDX-License-Identifier: MIT */
/* Ports, and text on the first serial port, for small kernels of 32 or 64 bits. */
#pragma once

#include <stdint.h>

#define COM1 0x3f8u
#define LINE_STATUS 5u
#define TRANSMITTER_EMPTY 0x20u
#define DEBUG_EXIT 0xf4u

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void text(const char *s)
{
    for (; *s != 0; s++) {
        while ((in8(COM1 + LINE_STATUS) & TRANSMITTER_EMPTY) == 0) {
        }
        out8(COM1, (uint8_t)*s);
    }
}

/* In hexadecimal digits. */
static inline void number(uint64_t value)
{
    char digits[17];
    int at = 16;
    digits[at] = 0;
    do {
        digits[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0);
    text(digits + at);
}
