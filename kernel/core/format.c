/* SPDX-License-Identifier: MIT */
#include "kernel/core/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/string.h"

/* Longest number: 64 bits in decimal, a sign; hexadecimal needs less. */
#define DIGITS_MAX 20

/* No width or precision in the program comes near this; it only keeps the parse from overflowing. */
#define FIELD_MAX 4096

struct output {
    char *buf;
    size_t size;
    size_t length;
};

struct spec {
    bool left, zero, alternate;
    bool wide; /* l, ll or z: all 64 bits here */
    bool has_precision;
    bool precision_is_argument;
    size_t width, precision;
    char conversion;
};

static void put_char(struct output *out, char c)
{
    if (out->length + 1 < out->size) {
        out->buf[out->length++] = c;
    }
}

static void put_repeated(struct output *out, char c, size_t count)
{
    while (count-- > 0) {
        put_char(out, c);
    }
}

static void put_bytes(struct output *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        put_char(out, text[i]);
    }
}

static void put_padded(struct output *out, const struct spec *spec, const char *text, size_t length)
{
    size_t padding = spec->width > length ? spec->width - length : 0;

    if (!spec->left) {
        put_repeated(out, ' ', padding);
    }
    put_bytes(out, text, length);
    if (spec->left) {
        put_repeated(out, ' ', padding);
    }
}

static void put_number(struct output *out, const struct spec *spec, const char *prefix, uint64_t value,
                       unsigned int base)
{
    const char *symbols = spec->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[DIGITS_MAX];
    size_t count = 0;
    size_t prefix_length = strlen(prefix);

    do {
        digits[DIGITS_MAX - ++count] = symbols[value % base];
        value /= base;
    } while (value != 0);

    size_t length = count + prefix_length;
    size_t padding = spec->width > length ? spec->width - length : 0;
    bool zeros = spec->zero && !spec->left;

    if (!spec->left && !zeros) {
        put_repeated(out, ' ', padding);
    }
    put_bytes(out, prefix, prefix_length);
    if (zeros) {
        put_repeated(out, '0', padding);
    }
    put_bytes(out, &digits[DIGITS_MAX - count], count);
    if (spec->left) {
        put_repeated(out, ' ', padding);
    }
}

static size_t parse_field(const char **fmt)
{
    size_t value = 0;

    while (**fmt >= '0' && **fmt <= '9') {
        value = value * 10 + (size_t)(**fmt - '0');
        value = value > FIELD_MAX ? FIELD_MAX : value;
        (*fmt)++;
    }
    return value;
}

static const char *parse_flags(const char *fmt, struct spec *spec)
{
    for (;; fmt++) {
        if (*fmt == '-') {
            spec->left = true;
        } else if (*fmt == '0') {
            spec->zero = true;
        } else if (*fmt == '#') {
            spec->alternate = true;
        } else {
            return fmt;
        }
    }
}

static const char *parse_length(const char *fmt, struct spec *spec)
{
    spec->wide = *fmt == 'l' || *fmt == 'z';
    if (fmt[0] == 'l' && fmt[1] == 'l') {
        return fmt + 2;
    }
    return spec->wide ? fmt + 1 : fmt;
}

/* `fmt` is just after the '%'. Returns the first character after the conversion, or NULL if it is not a known one. */
static const char *parse_spec(const char *fmt, struct spec *spec)
{
    memset(spec, 0, sizeof(*spec));
    fmt = parse_flags(fmt, spec);
    spec->width = parse_field(&fmt);
    if (*fmt == '.') {
        fmt++;
        spec->has_precision = true;
        spec->precision_is_argument = *fmt == '*';
        fmt += spec->precision_is_argument ? 1 : 0;
        spec->precision = parse_field(&fmt);
    }
    fmt = parse_length(fmt, spec);
    spec->conversion = *fmt;

    const char *known = spec->has_precision ? "s" : (spec->wide ? "diuxX" : "scdiuxXp%");
    while (*known != '\0' && *known != *fmt) {
        known++;
    }
    return *known != '\0' ? fmt + 1 : NULL;
}

static void put_signed(struct output *out, const struct spec *spec, int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    put_number(out, spec, value < 0 ? "-" : "", magnitude, 10);
}

static void put_hexadecimal(struct output *out, const struct spec *spec, uint64_t value)
{
    const char *prefix = "";

    if (spec->alternate && value != 0) {
        prefix = spec->conversion == 'X' ? "0X" : "0x";
    }
    put_number(out, spec, prefix, value, 16);
}

/* The va_list is passed by address because its use in a called function leaves the caller's own value undefined. */
struct arguments {
    va_list list;
};

static uint64_t next_unsigned(const struct spec *spec, struct arguments *args)
{
    return spec->wide ? va_arg(args->list, unsigned long) : va_arg(args->list, unsigned int);
}

static int64_t next_signed(const struct spec *spec, struct arguments *args)
{
    return spec->wide ? va_arg(args->list, long) : va_arg(args->list, int);
}

static void put_string(struct output *out, const struct spec *spec, struct arguments *args)
{
    size_t max = spec->has_precision ? spec->precision : SIZE_MAX;

    if (spec->precision_is_argument) {
        int precision = va_arg(args->list, int);
        max = precision < 0 ? SIZE_MAX : (size_t)precision; /* as in C: a negative one counts as none */
    }
    const char *text = va_arg(args->list, const char *);
    if (text == NULL) {
        text = "(null)";
    }
    put_padded(out, spec, text, strnlen(text, max));
}

static void put_conversion(struct output *out, const struct spec *spec, struct arguments *args)
{
    char c;

    switch (spec->conversion) {
    case 's':
        put_string(out, spec, args);
        break;
    case 'c':
        c = (char)va_arg(args->list, int);
        put_padded(out, spec, &c, 1);
        break;
    case 'd':
    case 'i':
        put_signed(out, spec, next_signed(spec, args));
        break;
    case 'u':
        put_number(out, spec, "", next_unsigned(spec, args), 10);
        break;
    case 'p':
        put_number(out, spec, "0x", (uintptr_t)va_arg(args->list, void *), 16);
        break;
    case '%':
        put_char(out, '%');
        break;
    default:
        put_hexadecimal(out, spec, next_unsigned(spec, args));
        break;
    }
}

size_t format_vstring(char *buf, size_t size, const char *fmt, va_list args)
{
    struct output out = {buf, size, 0};
    struct arguments arguments;
    struct spec spec;

    if (size == 0) {
        return 0;
    }
    va_copy(arguments.list, args);
    while (*fmt != '\0') {
        const char *next = *fmt == '%' ? parse_spec(fmt + 1, &spec) : NULL;
        if (next != NULL) {
            put_conversion(&out, &spec, &arguments);
            fmt = next;
        } else if (*fmt == '%') {
            put_bytes(&out, fmt, strlen(fmt));
            break;
        } else {
            put_char(&out, *fmt++);
        }
    }
    va_end(arguments.list);
    buf[out.length] = '\0';
    return out.length;
}

size_t format_string(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    size_t length = format_vstring(buf, size, fmt, args);
    va_end(args);
    return length;
}
