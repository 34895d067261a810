/* SPDX-License-Identifier: MIT */
#include "root/compat/stdio.h"

#include <stdarg.h>

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

int putchar(int c)
{
    root_printf("%c", c);
    return c;
}
