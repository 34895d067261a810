/* SPDX-License-Identifier: MIT */
#include "root/lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "root/lib/string.h"

struct spec {
    bool left, zero;
    unsigned width, longs;
};

struct sink {
    void (*put)(void *context, char c);
    void *context;
};

static void put_padded(const struct sink *to, const char *text, size_t length, const struct spec *s)
{
    size_t pad = length < s->width ? s->width - length : 0;
    for (size_t i = 0; !s->left && i < pad; i++) {
        to->put(to->context, s->zero ? '0' : ' ');
    }
    for (size_t i = 0; i < length; i++) {
        to->put(to->context, text[i]);
    }
    for (size_t i = 0; s->left && i < pad; i++) {
        to->put(to->context, ' ');
    }
}

static void put_number(const struct sink *to, uint64_t value, unsigned base, bool negative, const struct spec *s)
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
    put_padded(to, text + at, sizeof(text) - at, s);
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

static void put_signed(const struct sink *to, int64_t value, const struct spec *s)
{
    put_number(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, value < 0, s);
}

void format_text(void (*put)(void *context, char c), void *context, const char *p, va_list args)
{
    const struct sink to = {put, context};
    for (; *p != '\0'; p++) {
        struct spec s;
        if (*p != '%') {
            put(context, *p);
            continue;
        }
        p = parse_spec(p + 1, &s);
        if (*p == 's') {
            const char *text = va_arg(args, const char *);
            put_padded(&to, text, strlen(text), &s);
        } else if (*p == 'c') {
            put(context, (char)va_arg(args, int));
        } else if (*p == 'd' || *p == 'i') {
            put_signed(&to, s.longs != 0 ? va_arg(args, int64_t) : va_arg(args, int), &s);
        } else if (*p == 'u' || *p == 'x') {
            uint64_t v = s.longs != 0 ? va_arg(args, uint64_t) : va_arg(args, unsigned);
            put_number(&to, v, *p == 'x' ? 16 : 10, false, &s);
        } else if (*p == 'p') {
            put_number(&to, (uintptr_t)va_arg(args, void *), 16, false, &s);
        } else {
            put(context, *p);
        }
    }
}

struct buffer {
    char *text;
    size_t size, length;
};

static void put_to_buffer(void *context, char c)
{
    struct buffer *b = context;
    if (b->length + 1 < b->size) {
        b->text[b->length] = c;
    }
    b->length++;
}

int vsnprintf(char *to, size_t size, const char *format, va_list args)
{
    struct buffer b = {to, size, 0};
    format_text(put_to_buffer, &b, format, args);
    if (size > 0) {
        to[b.length < size ? b.length : size - 1] = '\0';
    }
    return (int)b.length;
}

int snprintf(char *to, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(to, size, format, args);
    va_end(args);
    return length;
}
