/* SPDX-License-Identifier: MIT */
#include "root/lib/console.h"

#include <stdarg.h>
#include <stdbool.h>

#include "root/lib/cpu.h"

#define UART_LSR 5u
#define LSR_THR_EMPTY 0x20u
#define LSR_IDLE 0x40u
#define WAIT_LIMIT 1000000u /* an absent or stuck UART costs a moment, not the program */

static uint16_t uart;
static uint32_t console_lock;

void console_init(uint16_t port)
{
    uart = port;
}

static void wait_for(uint8_t bit)
{
    for (uint32_t i = 0; i < WAIT_LIMIT && (cpu_inb((uint16_t)(uart + UART_LSR)) & bit) == 0; i++) {
    }
}

static void put(char c)
{
    if (uart == 0) {
        return;
    }
    if (c == '\n') {
        put('\r');
    }
    wait_for(LSR_THR_EMPTY);
    cpu_outb(uart, (uint8_t)c);
}

void console_drain(void)
{
    if (uart != 0) {
        wait_for(LSR_IDLE);
    }
}

struct spec {
    bool left, zero;
    unsigned width, longs;
};

static void put_padded(const char *text, size_t length, const struct spec *s)
{
    size_t pad = length < s->width ? s->width - length : 0;
    for (size_t i = 0; !s->left && i < pad; i++) {
        put(s->zero ? '0' : ' ');
    }
    for (size_t i = 0; i < length; i++) {
        put(text[i]);
    }
    for (size_t i = 0; s->left && i < pad; i++) {
        put(' ');
    }
}

static void put_number(uint64_t value, unsigned base, bool negative, const struct spec *s)
{
    char text[24];
    size_t at = sizeof(text);
    do {
        text[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative) {
        text[--at] = '-';
    }
    put_padded(text + at, sizeof(text) - at, s);
}

static size_t length_of(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0') {
        n++;
    }
    return n;
}

static const char *parse_spec(const char *p, struct spec *s)
{
    *s = (struct spec){0};
    for (;; p++) {
        if (*p == '-') {
            s->left = true;
        } else if (*p == '0') {
            s->zero = true;
        } else {
            break;
        }
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        s->width = s->width * 10 + (unsigned)(*p - '0');
    }
    for (; *p == 'l' || *p == 'z'; p++) {
        s->longs++;
    }
    return p;
}

static void put_signed(int64_t value, const struct spec *s)
{
    put_number(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, value < 0, s);
}

static void print(const char *p, va_list args)
{
    for (; *p != '\0'; p++) {
        struct spec s;
        if (*p != '%') {
            put(*p);
            continue;
        }
        p = parse_spec(p + 1, &s);
        if (*p == 's') {
            const char *text = va_arg(args, const char *);
            put_padded(text, length_of(text), &s);
        } else if (*p == 'c') {
            put((char)va_arg(args, int));
        } else if (*p == 'd') {
            put_signed(s.longs != 0 ? va_arg(args, int64_t) : va_arg(args, int), &s);
        } else if (*p == 'u' || *p == 'x') {
            uint64_t v = s.longs != 0 ? va_arg(args, uint64_t) : va_arg(args, unsigned);
            put_number(v, *p == 'x' ? 16 : 10, false, &s);
        } else if (*p == 'p') {
            put_number((uintptr_t)va_arg(args, void *), 16, false, &s);
        } else {
            put(*p);
        }
    }
}

void root_vprintf(const char *format, va_list args)
{
    while (__atomic_exchange_n(&console_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
    print(format, args);
    __atomic_store_n(&console_lock, 0, __ATOMIC_RELEASE);
}

void root_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    root_vprintf(format, args);
    va_end(args);
}
