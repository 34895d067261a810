/* SPDX-License-Identifier: MIT */
/* Between format.c and format_float.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct format_spec {
    bool left, zero, plus, space, alternate;
    int width;
    int precision; /* negative: none was given */
    enum { SIZE_INT, SIZE_CHAR, SIZE_SHORT, SIZE_32, SIZE_64, SIZE_LONG_DOUBLE } size;
    char conversion;
};

struct format_sink {
    void (*put)(void *context, char c);
    void *context;
    int count;
};

static inline void format_put(struct format_sink *to, char c)
{
    to->put(to->context, c);
    to->count++;
}

static inline void format_repeat(struct format_sink *to, char c, int count)
{
    for (int i = 0; i < count; i++) {
        format_put(to, c);
    }
}

/*
 * A number in its width: `prefix` (a sign, 0x), `zeros`, `length` characters of `digits`, `after` zeros, and `tail`.
 * With `fill`, zeros behind the prefix fill the width.
 */
struct format_number {
    const char *prefix;
    int zeros;
    const char *digits;
    int length, after;
    const char *tail;
    bool fill;
};
void format_put_number(struct format_sink *to, const struct format_number *n, const struct format_spec *s);

/* The sign that a number gets: "-", "+", " " or "". */
const char *format_sign(bool negative, const struct format_spec *s);

/* `bits` is an IEEE 754 double; conversions f F e E g G. */
void format_double(struct format_sink *to, uint64_t bits, const struct format_spec *s);
