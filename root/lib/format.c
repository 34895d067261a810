/* SPDX-License-Identifier: MIT */
#include "root/lib/format.h"

#include "root/lib/format_internal.h"
#include "root/lib/format_text.h"
#include "root/lib/string.h"

#define REGISTER_AREA 176u /* bytes of a va_list's saved registers (psABI 3.5.7) */
#define DIGITS 24u         /* of a 64-bit number in octal, and some */

struct state {
    struct format_sink to;
    enum format_dialect dialect;
    va_list args;
};

const char *format_sign(bool negative, const struct format_spec *s)
{
    return negative ? "-" : s->plus ? "+" : s->space ? " " : "";
}

static void put_text(struct format_sink *to, const char *text, int length)
{
    for (int i = 0; i < length; i++) {
        format_put(to, text[i]);
    }
}

void format_put_number(struct format_sink *to, const struct format_number *n, const struct format_spec *s)
{
    int prefix = (int)strlen(n->prefix), tail = (int)strlen(n->tail);
    int length = prefix + n->zeros + n->length + n->after + tail;
    int pad = s->width > length ? s->width - length : 0;
    bool zeros = n->fill && s->zero && !s->left;
    format_repeat(to, ' ', s->left || zeros ? 0 : pad);
    put_text(to, n->prefix, prefix);
    format_repeat(to, '0', n->zeros + (zeros ? pad : 0));
    put_text(to, n->digits, n->length);
    format_repeat(to, '0', n->after);
    put_text(to, n->tail, tail);
    format_repeat(to, ' ', s->left ? pad : 0);
}

static void put_padded(struct format_sink *to, const char *text, int length, const struct format_spec *s)
{
    format_put_number(to, &(struct format_number){"", 0, text, length, 0, "", false}, s);
}

static void put_integer(struct format_sink *to, uint64_t value, const char *prefix, const struct format_spec *s)
{
    const char *letters = s->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = s->conversion == 'o' ? 8 : s->conversion == 'x' || s->conversion == 'X' ? 16 : 10;
    char text[DIGITS];
    unsigned at = DIGITS;
    bool zero = value == 0;
    for (; value != 0; value /= base) {
        text[--at] = letters[value % base];
    }
    int length = (int)(DIGITS - at), least = s->precision < 0 ? 1 : s->precision;
    int zeros = least > length ? least - length : 0;
    if (s->alternate && base == 16 && !zero) {
        prefix = s->conversion == 'X' ? "0X" : "0x";
    }
    if (s->alternate && base == 8 && zeros == 0 && (!zero || least == 0)) {
        zeros = 1;
    }
    format_put_number(to, &(struct format_number){prefix, zeros, text + at, length, 0, "", s->precision < 0}, s);
}

static uint64_t next_unsigned(struct state *f, const struct format_spec *s)
{
    if (s->size == SIZE_64) {
        return va_arg(f->args, uint64_t);
    }
    uint32_t value = va_arg(f->args, uint32_t);
    return s->size == SIZE_CHAR ? (uint8_t)value : s->size == SIZE_SHORT ? (uint16_t)value : value;
}

static int64_t next_signed(struct state *f, const struct format_spec *s)
{
    uint64_t value = next_unsigned(f, s);
    switch (s->size) {
    case SIZE_64:
        return (int64_t)value;
    case SIZE_CHAR:
        return (int8_t)value;
    case SIZE_SHORT:
        return (int16_t)value;
    default:
        return (int32_t)value;
    }
}

/* One code point of UTF-16, which is moved behind it; half a pair is U+FFFD. */
static uint32_t next_code_point(const uint16_t **text)
{
    uint32_t high = *(*text)++;
    if (high < 0xd800 || high > 0xdfff) {
        return high;
    }
    if (high > 0xdbff || **text < 0xdc00 || **text > 0xdfff) {
        return 0xfffd;
    }
    return 0x10000 + ((high & 0x3ff) << 10) + (*(*text)++ & 0x3ffu);
}

static int to_utf8(uint32_t c, char out[4])
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    int length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(lead[length == 1 ? 0 : length] | c);
    return length;
}

/* Bytes of UTF-8 that the text gives, no more than `limit` (negative: none) and no part of a character. */
static int wide_length(const uint16_t *text, int limit)
{
    char bytes[4];
    int total = 0;
    while ((limit < 0 || total < limit) && *text != 0) {
        int length = to_utf8(next_code_point(&text), bytes);
        if (limit >= 0 && length > limit - total) {
            break;
        }
        total += length;
    }
    return total;
}

static void put_wide(struct format_sink *to, const uint16_t *text, int limit, const struct format_spec *s)
{
    int length = wide_length(text, limit), pad = s->width > length ? s->width - length : 0;
    char bytes[4];
    format_repeat(to, ' ', s->left ? 0 : pad);
    for (int done = 0, n; done < length; done += n) {
        n = to_utf8(next_code_point(&text), bytes);
        put_text(to, bytes, n);
    }
    format_repeat(to, ' ', s->left ? pad : 0);
}

static void put_string(struct state *f, bool wide, const struct format_spec *s)
{
    const void *text = va_arg(f->args, const void *);
    int length = 0;
    if (text == NULL) {
        text = "(null)";
        wide = false;
    }
    if (wide) {
        put_wide(&f->to, text, s->precision, s);
        return;
    }
    while ((s->precision < 0 || length < s->precision) && ((const char *)text)[length] != 0) {
        length++;
    }
    put_padded(&f->to, text, length, s);
}

static void put_character(struct state *f, bool wide, const struct format_spec *s)
{
    int value = va_arg(f->args, int);
    char bytes[4] = {(char)value};
    put_padded(&f->to, bytes, wide ? to_utf8((uint16_t)value, bytes) : 1, s);
}

/* Whether this c or s is UTF-16: by its size, else by its letter, which the wide functions have the other way round. */
static bool is_wide(const struct state *f, const struct format_spec *s)
{
    if (s->size == SIZE_32 || s->size == SIZE_64) {
        return true;
    }
    bool capital = s->conversion == 'S' || s->conversion == 'C';
    return s->size != SIZE_SHORT && capital != (f->dialect == FORMAT_WINDOWS_WIDE);
}

static void put_pointer(struct state *f, struct format_spec *s)
{
    s->conversion = f->dialect == FORMAT_SYSTEM_V ? 'x' : 'X';
    s->precision = f->dialect == FORMAT_SYSTEM_V ? -1 : 16;
    put_integer(&f->to, (uintptr_t)va_arg(f->args, void *), "", s);
}

/* A double lies in an SSE register's slot, or on the stack: read as bits, without such a register (psABI 3.5.7). */
static uint64_t next_double(struct state *f)
{
    uint64_t bits;
    if (f->args[0].fp_offset < REGISTER_AREA) {
        memcpy(&bits, (char *)f->args[0].reg_save_area + f->args[0].fp_offset, sizeof(bits));
        f->args[0].fp_offset += 16;
        return bits;
    }
    memcpy(&bits, f->args[0].overflow_arg_area, sizeof(bits));
    f->args[0].overflow_arg_area = (char *)f->args[0].overflow_arg_area + sizeof(bits);
    return bits;
}

/* The x87's 80 bits, cut to a double's. What a double cannot hold becomes 0 or infinite. */
static uint64_t next_long_double(struct state *f)
{
    uintptr_t at = ((uintptr_t)f->args[0].overflow_arg_area + 15) & ~(uintptr_t)15;
    uint64_t mantissa;
    uint16_t top;
    memcpy(&mantissa, (void *)at, sizeof(mantissa));
    memcpy(&top, (void *)(at + sizeof(mantissa)), sizeof(top));
    f->args[0].overflow_arg_area = (void *)(at + 16);
    int exponent = (top & 0x7fff) - 16383 + 1023;
    uint64_t sign = (uint64_t)(top & 0x8000) << 48, fraction = mantissa << 1 >> 12;
    if ((top & 0x7fff) == 0x7fff) {
        return sign | 0x7ff0000000000000 | fraction;
    }
    return exponent <= 0      ? sign
           : exponent >= 2047 ? sign | 0x7ff0000000000000
                              : sign | (uint64_t)exponent << 52 | fraction;
}

/* False: not known. */
static bool convert(struct state *f, struct format_spec *s)
{
    switch (s->conversion) {
    case 'd':
    case 'i': {
        int64_t value = next_signed(f, s);
        put_integer(&f->to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, format_sign(value < 0, s), s);
        return true;
    }
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        put_integer(&f->to, next_unsigned(f, s), "", s);
        return true;
    case 'c':
    case 'C':
        put_character(f, is_wide(f, s), s);
        return true;
    case 's':
    case 'S':
        put_string(f, is_wide(f, s), s);
        return true;
    case 'p':
        put_pointer(f, s);
        return true;
    case 'f':
    case 'F':
    case 'e':
    case 'E':
    case 'g':
    case 'G':
        format_double(&f->to, s->size == SIZE_LONG_DOUBLE ? next_long_double(f) : next_double(f), s);
        return true;
    case 'n':
        (void)va_arg(f->args, void *);
        return true;
    case '%':
        format_put(&f->to, '%');
        return true;
    default:
        return false;
    }
}

static const char *parse_flags(const char *p, struct format_spec *s)
{
    for (;; p++) {
        switch (*p) {
        case '-':
            s->left = true;
            break;
        case '+':
            s->plus = true;
            break;
        case ' ':
            s->space = true;
            break;
        case '#':
            s->alternate = true;
            break;
        case '0':
            s->zero = true;
            break;
        default:
            return p;
        }
    }
}

/* A number, or an argument's; more digits than an int has are cut. */
static const char *parse_count(struct state *f, const char *p, int *count)
{
    if (*p == '*') {
        *count = va_arg(f->args, int);
        return p + 1;
    }
    for (*count = 0; *p >= '0' && *p <= '9'; p++) {
        *count = *count < 100000000 ? *count * 10 + (*p - '0') : *count;
    }
    return p;
}

static const char *parse_size(const struct state *f, const char *p, struct format_spec *s)
{
    bool windows = f->dialect != FORMAT_SYSTEM_V;
    switch (*p) {
    case 'h':
        s->size = p[1] == 'h' ? SIZE_CHAR : SIZE_SHORT;
        return p + (p[1] == 'h' ? 2 : 1);
    case 'l':
    case 'w':
        s->size = p[1] == 'l' || (*p == 'l' && !windows) ? SIZE_64 : SIZE_32;
        return p + (p[1] == 'l' ? 2 : 1);
    case 'I':
        s->size = p[1] == '3' && p[2] == '2' ? SIZE_32 : SIZE_64;
        return p + ((p[1] == '3' && p[2] == '2') || (p[1] == '6' && p[2] == '4') ? 3 : 1);
    case 'j':
    case 'z':
    case 't':
        s->size = SIZE_64;
        return p + 1;
    case 'L':
        s->size = SIZE_LONG_DOUBLE;
        return p + 1;
    default:
        return p;
    }
}

static const char *parse_spec(struct state *f, const char *p, struct format_spec *s)
{
    *s = (struct format_spec){.precision = -1};
    p = parse_count(f, parse_flags(p, s), &s->width);
    if (s->width < 0) {
        s->left = true;
        s->width = s->width < -100000000 ? 100000000 : -s->width;
    }
    if (*p == '.') {
        p = parse_count(f, p + 1, &s->precision);
    }
    p = parse_size(f, p, s);
    s->conversion = *p;
    return p;
}

int format_text_as(enum format_dialect dialect, void (*put)(void *context, char c), void *context, const char *format,
                   va_list args)
{
    struct state f = {{put, context, 0}, dialect, {{0}}};
    struct format_spec s;
    va_copy(f.args, args);
    for (const char *p = format; *p != 0; p++) {
        const char *begin = p;
        if (*p != '%') {
            format_put(&f.to, *p);
            continue;
        }
        p = parse_spec(&f, p + 1, &s);
        if (!convert(&f, &s)) {
            p = *p == 0 ? p - 1 : p;
            put_text(&f.to, begin, (int)(p - begin) + 1);
        }
    }
    va_end(f.args);
    return f.to.count;
}

int format_text(void (*put)(void *context, char c), void *context, const char *format, va_list args)
{
    return format_text_as(FORMAT_SYSTEM_V, put, context, format, args);
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

int format_buffer(enum format_dialect dialect, char *to, size_t size, const char *format, va_list args)
{
    struct buffer b = {to, size, 0};
    int length = format_text_as(dialect, put_to_buffer, &b, format, args);
    if (size > 0) {
        to[b.length < size ? b.length : size - 1] = '\0';
    }
    return length;
}

int vsnprintf(char *to, size_t size, const char *format, va_list args)
{
    return format_buffer(FORMAT_SYSTEM_V, to, size, format, args);
}

int snprintf(char *to, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(to, size, format, args);
    va_end(args);
    return length;
}
