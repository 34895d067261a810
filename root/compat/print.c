/* SPDX-License-Identifier: MIT */
/* The printf family, in Windows' dialect of formats. */
#include "root/compat/errno.h"
#include "root/compat/stdlib.h"
#include "root/compat/stream.h"
#include "root/compat/wchar.h"
#include "root/lib/console.h"
#include "root/lib/format_text.h"

static int print(FILE *stream, enum format_dialect dialect, const char *format, va_list args)
{
    if (stream->kind != STREAM_OUTPUT) {
        stream->failed = true;
        errno = EBADF;
        return -1;
    }
    return console_format(dialect, format, args);
}

/* A function's own arguments, given to the expression as `args`. */
#define WITH_ARGS(last, expression)                                                                                    \
    va_list args;                                                                                                      \
    va_start(args, last);                                                                                              \
    int result = (expression);                                                                                         \
    va_end(args);                                                                                                      \
    return result

int vfprintf(FILE *stream, const char *format, va_list args)
{
    return print(stream, FORMAT_WINDOWS, format, args);
}

int vprintf(const char *format, va_list args)
{
    return vfprintf(stdout, format, args);
}

int fprintf(FILE *stream, const char *format, ...)
{
    WITH_ARGS(format, vfprintf(stream, format, args));
}

int printf(const char *format, ...)
{
    WITH_ARGS(format, vfprintf(stdout, format, args));
}

int vsnprintf(char *to, size_t size, const char *format, va_list args)
{
    return format_buffer(FORMAT_WINDOWS, to, size, format, args);
}

int snprintf(char *to, size_t size, const char *format, ...)
{
    WITH_ARGS(format, vsnprintf(to, size, format, args));
}

int vsprintf(char *to, const char *format, va_list args)
{
    return vsnprintf(to, SIZE_MAX, format, args);
}

int sprintf(char *to, const char *format, ...)
{
    WITH_ARGS(format, vsprintf(to, format, args));
}

struct limited {
    char *to;
    size_t size, length;
};

static void put_limited(void *context, char c)
{
    struct limited *l = context;
    if (l->length < l->size) {
        l->to[l->length] = c;
    }
    l->length++;
}

int _vsnprintf(char *to, size_t size, const char *format, va_list args)
{
    struct limited l = {to, size, 0};
    int length = format_text_as(FORMAT_WINDOWS, put_limited, &l, format, args);
    if (l.length < size) {
        to[l.length] = 0;
    }
    return l.length > size ? -1 : length;
}

int _snprintf(char *to, size_t size, const char *format, ...)
{
    WITH_ARGS(format, _vsnprintf(to, size, format, args));
}

static int checked(char *to, size_t size, const char *format, va_list args)
{
    int length = vsnprintf(to, size, format, args);
    if (length < 0 || (size_t)length >= size) {
        fprintf(stderr, "sprintf_s: %d characters do not fit into %zu\n", length, size);
        abort();
    }
    return length;
}

int sprintf_s(char *to, size_t size, const char *format, ...)
{
    WITH_ARGS(format, checked(to, size, format, args));
}

/* The format in UTF-8, to be freed; NULL: no memory. */
static char *narrow(const wchar_t *format)
{
    size_t size = wcstombs(NULL, format, 0) + 1;
    char *text = malloc(size);
    if (text != NULL) {
        (void)wcstombs(text, format, size);
    }
    return text;
}

int vfwprintf(FILE *stream, const wchar_t *format, va_list args)
{
    char *text = narrow(format);
    int length = text == NULL ? -1 : print(stream, FORMAT_WINDOWS_WIDE, text, args);
    free(text);
    return length;
}

int fwprintf(FILE *stream, const wchar_t *format, ...)
{
    WITH_ARGS(format, vfwprintf(stream, format, args));
}

int wprintf(const wchar_t *format, ...)
{
    WITH_ARGS(format, vfwprintf(stdout, format, args));
}

int vswprintf(wchar_t *to, size_t size, const wchar_t *format, va_list args)
{
    char *text = narrow(format), *done = NULL;
    va_list again;
    va_copy(again, args);
    int length = text == NULL ? -1 : format_buffer(FORMAT_WINDOWS_WIDE, NULL, 0, text, again);
    va_end(again);
    done = length < 0 ? NULL : malloc((size_t)length + 1);
    size_t units = (size_t)-1;
    if (done != NULL) {
        (void)format_buffer(FORMAT_WINDOWS_WIDE, done, (size_t)length + 1, text, args);
        units = mbstowcs(to, done, size);
    }
    free(text);
    free(done);
    if (size > 0 && units >= size) {
        to[size - 1] = 0;
    }
    return units < size ? (int)units : -1;
}

int swprintf(wchar_t *to, size_t size, const wchar_t *format, ...)
{
    WITH_ARGS(format, vswprintf(to, size, format, args));
}
