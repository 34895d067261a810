/* SPDX-License-Identifier: MIT */
#include "root/lib/console.h"

#include <stdarg.h>
#include <stddef.h>

#include "root/lib/cpu.h"
#include "root/lib/format.h"
#include "root/lib/serial.h"

static uint32_t console_lock;

void console_init(uint16_t port)
{
    serial_init(port);
}

static void put(char c)
{
    if (c == '\n') {
        serial_put('\r');
    }
    serial_put((uint8_t)c);
}

void console_drain(void)
{
    serial_drain();
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
