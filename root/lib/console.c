/* SPDX-License-Identifier: MIT */
#include "root/lib/console.h"

#include <stdarg.h>
#include <stddef.h>

#include "root/lib/cpu.h"
#include "root/lib/format.h"

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

static void put_to_console(void *unused, char c)
{
    (void)unused;
    put(c);
}

void root_vprintf(const char *format, va_list args)
{
    while (__atomic_exchange_n(&console_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
    format_text(put_to_console, NULL, format, args);
    __atomic_store_n(&console_lock, 0, __ATOMIC_RELEASE);
}

void root_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    root_vprintf(format, args);
    va_end(args);
}
