/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>

#include "root/lib/console.h"
#include "root/lib/power.h"

/*
 * What Capstone 5 says of inputs that it had not expected goes to the console. Only the linker sees these names: a
 * client has them from root/compat/, whose definitions take precedence. There is one stream.
 */
#define FALLBACK __attribute__((weak))

int printf(const char *format, ...) FALLBACK __attribute__((format(printf, 1, 2)));
int puts(const char *text) FALLBACK;
size_t fwrite(const void *items, size_t size, size_t count, void *stream) FALLBACK;
_Noreturn void __assert_fail(const char *condition, const char *file, unsigned line, const char *function) FALLBACK;
extern void *stderr FALLBACK;

void *stderr;

int printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    root_vprintf(format, args);
    va_end(args);
    return 0;
}

int puts(const char *text)
{
    root_printf("%s\n", text);
    return 0;
}

size_t fwrite(const void *items, size_t size, size_t count, void *stream)
{
    (void)stream;
    const char *bytes = items;
    for (size_t i = 0; i < size * count; i++) {
        root_printf("%c", bytes[i]);
    }
    return count;
}

/* Ends the program, as it does elsewhere. */
void __assert_fail(const char *condition, const char *file, unsigned line, const char *function)
{
    root_printf("%s:%u: %s: this should be true: %s\n", file, line, function, condition);
    root_power_off(1);
}
