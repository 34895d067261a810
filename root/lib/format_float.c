/* SPDX-License-Identifier: MIT */
/*
 * A double as decimal digits, exactly: the number is written out in full in base 10^9 and then rounded to the digits
 * that are asked for, to the nearest, ties to even.
 */
#include "root/lib/format_internal.h"
#include "root/lib/string.h"

#define LIMB 1000000000u
#define LIMB_DIGITS 9
#define WHOLE 35     /* limbs before the point: 2^1024 has 309 digits */
#define FRACTION 120 /* behind it: 2^-1074 has 1074 */
#define LIMBS (WHOLE + FRACTION)
#define POINT (WHOLE * LIMB_DIGITS) /* index of the first digit behind the point */
#define DIGITS (LIMBS * LIMB_DIGITS)

struct decimal {
    char digits[1 + DIGITS]; /* the first takes a carry: digits[1 + POINT] is the first behind the point */
    int first;               /* index of the first that is not 0; DIGITS: all are */
};

static void multiply(uint32_t *limbs, unsigned shift)
{
    uint64_t carry = 0;
    for (int i = WHOLE - 1; i >= 0; i--) {
        carry += (uint64_t)limbs[i] << shift;
        limbs[i] = (uint32_t)(carry % LIMB);
        carry /= LIMB;
    }
}

/* `shift` is at most 9, so that a limb's remainder is whole in the next. */
static void divide(uint32_t *limbs, unsigned shift)
{
    uint32_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint32_t rest = limbs[i] & ((1u << shift) - 1);
        limbs[i] = (limbs[i] >> shift) + carry;
        carry = (LIMB >> shift) * rest;
    }
}

static void find_first(struct decimal *d)
{
    for (d->first = 0; d->first < DIGITS && d->digits[d->first] == '0'; d->first++) {
    }
}

/* mantissa * 2^exponent */
static void expand(struct decimal *d, uint64_t mantissa, int exponent)
{
    uint32_t limbs[LIMBS] = {0};
    limbs[WHOLE - 1] = (uint32_t)(mantissa % LIMB);
    limbs[WHOLE - 2] = (uint32_t)(mantissa / LIMB);
    for (; exponent > 0; exponent -= exponent < 29 ? exponent : 29) {
        multiply(limbs, exponent < 29 ? (unsigned)exponent : 29);
    }
    for (; exponent < 0; exponent += -exponent < 9 ? -exponent : 9) {
        divide(limbs, -exponent < 9 ? (unsigned)-exponent : 9);
    }
    d->digits[0] = '0';
    for (int i = 0; i < LIMBS; i++) {
        for (int j = LIMB_DIGITS; j > 0; j--) {
            d->digits[i * LIMB_DIGITS + j] = (char)('0' + limbs[i] % 10);
            limbs[i] /= 10;
        }
    }
    find_first(d);
}

/* Keeps the digits before index `end`. */
static void round_at(struct decimal *d, int end)
{
    if (end > DIGITS) {
        return;
    }
    bool up = d->digits[end] >= '5';
    if (up && d->digits[end] == '5') {
        bool tie = true;
        for (int i = end + 1; i <= DIGITS && tie; i++) {
            tie = d->digits[i] == '0';
        }
        up = !tie || (end > 0 && (d->digits[end - 1] - '0') % 2 != 0);
    }
    for (int i = end; i <= DIGITS; i++) {
        d->digits[i] = '0';
    }
    for (int i = end - 1; up && i >= 0; i--) {
        up = d->digits[i] == '9';
        d->digits[i] = up ? '0' : (char)(d->digits[i] + 1);
    }
    find_first(d);
}

/* The decimal exponent of the first digit; 0 of zero. */
static int exponent_of(const struct decimal *d)
{
    return d->first == DIGITS ? 0 : POINT - d->first;
}

static int without_zeros(const char *text, int length)
{
    while (length > 0 && text[length - 1] == '0') {
        length--;
    }
    return length;
}

struct text {
    char start[2 + DIGITS]; /* digits before and behind the point, and the point */
    int length;
};

static void append(struct text *t, const char *from, int length)
{
    memcpy(t->start + t->length, from, (size_t)length);
    t->length += length;
}

/* The point and `count` digits from `from` on; those beyond the last that exist are left to the caller. */
static int append_fraction(struct text *t, const struct decimal *d, int from, int count, const struct format_spec *s)
{
    int there = 1 + DIGITS - from < count ? 1 + DIGITS - from : count;
    if (count > 0 || s->alternate) {
        append(t, ".", 1);
    }
    append(t, d->digits + from, there);
    return count - there;
}

static void put_fixed(struct format_sink *to, struct decimal *d, int precision, bool strip, const char *sign,
                      const struct format_spec *s)
{
    struct text t = {.length = 0};
    round_at(d, precision > DIGITS ? DIGITS + 1 : 1 + POINT + precision);
    int first = d->first < POINT ? d->first : POINT;
    append(&t, d->digits + first, 1 + POINT - first);
    if (strip) {
        int most = precision > FRACTION * LIMB_DIGITS ? FRACTION * LIMB_DIGITS : precision;
        precision = without_zeros(d->digits + 1 + POINT, most);
    }
    int after = append_fraction(&t, d, 1 + POINT, precision, s);
    format_put_number(to, &(struct format_number){sign, 0, t.start, t.length, after, "", true}, s);
}

static void put_scientific(struct format_sink *to, struct decimal *d, int precision, bool strip, const char *sign,
                           const struct format_spec *s)
{
    struct text t = {.length = 0};
    char tail[8] = {s->conversion == 'e' || s->conversion == 'g' ? 'e' : 'E'};
    bool zero = d->first == DIGITS;
    if (!zero) {
        round_at(d, precision > DIGITS ? DIGITS + 1 : d->first + 1 + precision);
    }
    int first = zero ? POINT : d->first, exponent = exponent_of(d), at = 2;
    append(&t, d->digits + first, 1);
    if (strip) {
        precision = without_zeros(d->digits + first + 1, precision < DIGITS - first ? precision : DIGITS - first);
    }
    int after = append_fraction(&t, d, first + 1, precision, s);
    tail[1] = exponent < 0 ? '-' : '+';
    exponent = exponent < 0 ? -exponent : exponent;
    if (exponent >= 100) {
        tail[at++] = (char)('0' + exponent / 100);
    }
    tail[at++] = (char)('0' + exponent / 10 % 10);
    tail[at] = (char)('0' + exponent % 10);
    format_put_number(to, &(struct format_number){sign, 0, t.start, t.length, after, tail, true}, s);
}

/* %g: the shorter of the two forms. */
static void put_general(struct format_sink *to, struct decimal *d, const char *sign, const struct format_spec *s)
{
    int precision = s->precision < 0 ? 6 : s->precision == 0 ? 1 : s->precision;
    struct decimal rounded = *d;
    if (d->first != DIGITS) {
        round_at(&rounded, precision > DIGITS ? DIGITS + 1 : d->first + precision);
    }
    int exponent = exponent_of(&rounded);
    if (exponent < -4 || exponent >= precision) {
        put_scientific(to, d, precision - 1, !s->alternate, sign, s);
    } else {
        put_fixed(to, d, precision - 1 - exponent, !s->alternate, sign, s);
    }
}

void format_double(struct format_sink *to, uint64_t bits, const struct format_spec *s)
{
    const char *sign = format_sign(bits >> 63 != 0, s);
    bool capital = s->conversion == 'F' || s->conversion == 'E' || s->conversion == 'G';
    uint64_t fraction = bits & 0xfffffffffffff;
    int exponent = (int)(bits >> 52 & 0x7ff), precision = s->precision < 0 ? 6 : s->precision;
    struct decimal d;
    if (exponent == 0x7ff) {
        const char *name = fraction != 0 ? (capital ? "NAN" : "nan") : capital ? "INF" : "inf";
        format_put_number(to, &(struct format_number){sign, 0, name, 3, 0, "", false}, s);
        return;
    }
    expand(&d, exponent == 0 ? fraction : fraction | 1ull << 52, exponent == 0 ? -1074 : exponent - 1075);
    switch (s->conversion) {
    case 'f':
    case 'F':
        put_fixed(to, &d, precision, false, sign, s);
        break;
    case 'e':
    case 'E':
        put_scientific(to, &d, precision, false, sign, s);
        break;
    default:
        put_general(to, &d, sign, s);
    }
}
