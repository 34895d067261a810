/* SPDX-License-Identifier: MIT */
/* Microsoft's string functions that are told the room: what does not fit ends the program. */
#include "root/compat/stdio.h"
#include "root/compat/stdlib.h"
#include "root/compat/string.h"

static void check(int good, const char *function)
{
    if (!good) {
        fprintf(stderr, "%s: the text does not fit, or a pointer is null\n", function);
        abort();
    }
}

int strcpy_s(char *to, size_t size, const char *from)
{
    check(to != NULL && from != NULL && strlen(from) < size, "strcpy_s");
    memcpy(to, from, strlen(from) + 1);
    return 0;
}

int strcat_s(char *to, size_t size, const char *from)
{
    check(to != NULL && from != NULL && strnlen(to, size) + strlen(from) < size, "strcat_s");
    memcpy(to + strlen(to), from, strlen(from) + 1);
    return 0;
}

/* `count` (size_t)-1 is _TRUNCATE: what fits. */
int strncpy_s(char *to, size_t size, const char *from, size_t count)
{
    check(to != NULL && from != NULL && size > 0, "strncpy_s");
    size_t length = strnlen(from, count == (size_t)-1 ? size - 1 : count);
    check(length < size, "strncpy_s");
    memcpy(to, from, length);
    to[length] = 0;
    return 0;
}

int memcpy_s(void *to, size_t size, const void *from, size_t count)
{
    check(count == 0 || (to != NULL && from != NULL && count <= size), "memcpy_s");
    memcpy(to, from, count);
    return 0;
}

int memmove_s(void *to, size_t size, const void *from, size_t count)
{
    check(count == 0 || (to != NULL && from != NULL && count <= size), "memmove_s");
    memmove(to, from, count);
    return 0;
}
