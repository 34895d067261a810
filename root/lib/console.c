/* SPDX-License-Identifier: MIT */
#include "root/lib/console.h"

#include <stdarg.h>
#include <stddef.h>

#include "root/lib/cpu.h"
#include "root/lib/serial.h"

static uint32_t console_lock;
static char last = '\n'; /* byte that was written */

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
    last = c;
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

static void lock(void)
{
    while (__atomic_exchange_n(&console_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
}

static void unlock(void)
{
    __atomic_store_n(&console_lock, 0, __ATOMIC_RELEASE);
}

int console_format(enum format_dialect dialect, const char *format, va_list args)
{
    lock();
    int count = format_text_as(dialect, put_to_console, NULL, format, args);
    unlock();
    return count;
}

void console_write(const char *bytes, size_t size)
{
    lock();
    for (size_t i = 0; i < size; i++) {
        put(bytes[i]);
    }
    unlock();
}

void console_write_raw(const uint8_t *bytes, size_t size)
{
    lock();
    for (size_t i = 0; i < size; i++) {
        serial_put(bytes[i]);
        last = (char)bytes[i];
    }
    unlock();
}

void console_begin(void)
{
    lock();
    if (last != '\n') {
        put('\n');
    }
}

void console_add(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)format_text_as(FORMAT_SYSTEM_V, put_to_console, NULL, format, args);
    va_end(args);
}

void console_end(void)
{
    unlock();
}

void root_message(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    console_begin();
    (void)format_text_as(FORMAT_SYSTEM_V, put_to_console, NULL, format, args);
    console_end();
    va_end(args);
}

bool console_at_line_start(void)
{
    return last == '\n';
}

void root_vprintf(const char *format, va_list args)
{
    (void)console_format(FORMAT_SYSTEM_V, format, args);
}

void root_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    root_vprintf(format, args);
    va_end(args);
}
