/* SPDX-License-Identifier: MIT */
/* sources: root/lib/format.c root/lib/format_float.c -Dvsnprintf=root_vsnprintf -Dsnprintf=root_snprintf */
/* The C library is the reference, for what both know; its functions that keep their names are used. */
#define _GNU_SOURCE
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "root/lib/format.h"
#include "root/lib/format_text.h"
#include "tests/unit/cmocka_tests.h"

static char ours[4096];

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-extra-args"

static int formatted(enum format_dialect dialect, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = format_buffer(dialect, ours, sizeof(ours), format, args);
    va_end(args);
    return length;
}

#define SAME(...)                                                                                                      \
    do {                                                                                                               \
        char *theirs = NULL;                                                                                           \
        int length = asprintf(&theirs, __VA_ARGS__);                                                                   \
        assert_true(length >= 0);                                                                                      \
        assert_int_equal(formatted(FORMAT_SYSTEM_V, __VA_ARGS__), length);                                             \
        assert_string_equal(ours, theirs);                                                                             \
        free(theirs);                                                                                                  \
    } while (0)

#define GIVES(dialect, expected, ...)                                                                                  \
    do {                                                                                                               \
        assert_int_equal(formatted(dialect, __VA_ARGS__), strlen(expected));                                           \
        assert_string_equal(ours, expected);                                                                           \
    } while (0)

static void test_strings(void **state)
{
    (void)state;
    SAME("plain, 100%%");
    SAME("[%s][%8s][%-8s][%2s]", "text", "text", "text", "longer");
    SAME("[%.3s][%.0s][%5.3s][%-5.3s][%.*s][%*s][%-*s]", "text", "text", "text", "text", 2, "text", 6, "a", 6, "b");
    SAME("[%*s]", -6, "left");
    SAME("[%.*s]", -1, "whole");
    SAME("[%c][%3c][%-3c]", 'a', 'b', 'c');
    GIVES(FORMAT_SYSTEM_V, "[(null)][(nu]", "[%s][%.3s]", (const char *)NULL, (const char *)NULL);
}

static void test_integers(void **state)
{
    (void)state;
    SAME("%d %i %u %o %x %X", -1, INT_MIN, UINT_MAX, 8, 0xabcdef, 0xabcdef);
    SAME("%ld %lu %lx %lX %lo", LONG_MIN, ULONG_MAX, ULONG_MAX, ULONG_MAX, ULONG_MAX);
    SAME("%lld %llu %zu %zd %jd %td", LLONG_MIN, ULLONG_MAX, SIZE_MAX, (ssize_t)-5, (intmax_t)-7, (ptrdiff_t)-9);
    SAME("%hhd %hhu %hd %hu", 0x1ff, 0x1ff, 0x18000, 0x18000);
    SAME("[%5d][%-5d][%05d][%+d][% d][%+5d][%+05d]", 42, 42, 42, 42, 42, 42, 42);
    SAME("[%5d][%-5d][%05d][%+d][% d]", -42, -42, -42, -42, -42);
    SAME("[%.5d][%8.5d][%-8.5d][%08.5d][%.0d][%.0x][%+.0d]", 42, 42, 42, 42, 0, 0, 0);
    SAME("[%#x][%#X][%#o][%#x][%#o][%#.0o][%#.4o][%#10x][%#010x][%-#10x]", 255, 255, 8, 0, 0, 0, 8, 255, 255, 255);
    SAME("[%*d][%-*d][%0*d][%.*d][%*.*d]", 5, 1, 5, 1, 5, 1, 3, 1, 6, 3, 1);
    SAME("%.30d|%.30x|%60d|%-60d|", 1, 1, 1, 1);
    SAME("%d %d %d %d %d %d %d %d %lld %d", 1, 2, 3, 4, 5, 6, 7, 8, 9ll, 10);
}

static void test_floating_point(void **state)
{
    static const double values[] = {0.0,      -0.0,    1.0,     0.5,      1.5,       2.5,     0.1,      99.995,
                                    999999.5, 9.5,     1e15,    1e16,     123456,    1234567, 1e-4,     9.9999e-5,
                                    1e-5,     1e300,   DBL_MAX, DBL_MIN,  5e-324,    -3.75,   0.000125, 1e22,
                                    1.0 / 3,  2.0 / 3, 1e100,   INFINITY, -INFINITY, NAN};
    (void)state;
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        double v = values[i];
        SAME("%f %.0f %.1f %.2f %.3f %.20f %F", v, v, v, v, v, v, v);
        SAME("%e %.0e %.1e %.2e %.17e %.30E", v, v, v, v, v, v);
        SAME("%g %.0g %.1g %.3g %.17g %G %#.3g", v, v, v, v, v, v, v);
        SAME("[%10.2f][%-10.2f][%010.2f][%+.1f][% .1f][%#.0f][%12e][%012g]", v, v, v, v, v, v, v, v);
    }
    SAME("%#g %#g %#g %#g", 0.0, 1.0, 123456.0, 1e-5);
    GIVES(FORMAT_SYSTEM_V, "1.00000e+06", "%#g", 999999.5); /* glibc 2.36 has no digits behind the point */
    SAME("%.1200f|%.1200e|%.1200g", 5e-324, 5e-324, 5e-324);
    SAME("%.400f", DBL_MAX);
    SAME("%.3Lf %Lg %Le %.10Lg", 1.25L, -1e10L, 0.0L, 0.1L);
}

static void test_floating_point_of_random_bits(void **state)
{
    uint64_t seed = 0x9e3779b97f4a7c15;
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        double v;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        memcpy(&v, &seed, sizeof(v));
        if (!isnan(v)) {
            SAME("%g %.17g %.3e %.*f", v, v, v, (int)(seed % 40), v);
        }
    }
}

static void test_mixed_arguments_beyond_the_registers(void **state)
{
    (void)state;
    SAME("%d %g %d %g %d %g %d %g %d %g %d %g %d %g %d %g %d %g %d %g", 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5,
         7, 7.5, 8, 8.5, 9, 9.5, 10, 10.5);
}

/* Windows' own: long has 32 bits whatever the caller passed. */
static void test_windows(void **state)
{
    (void)state;
    GIVES(FORMAT_WINDOWS, "4294967295 -1 ff", "%lu %ld %lx", 0x7ffffffffull, 0x7ffffffffull, 0x7000000ffull);
    GIVES(FORMAT_WINDOWS, "123456789abcdef0 123456789ABCDEF0 -5 7", "%I64x %I64X %I64d %I32u", 0x123456789abcdef0ull,
          0x123456789abcdef0ull, -5ll, 7u);
    GIVES(FORMAT_WINDOWS, "18446744073709551615 18446744073709551615", "%llu %Iu", UINT64_MAX, UINT64_MAX);
    GIVES(FORMAT_WINDOWS, "[000000000012ABCD][  000000000012ABCD]", "[%p][%18p]", (void *)0x12abcd, (void *)0x12abcd);
    GIVES(FORMAT_SYSTEM_V, "12abcd", "%p", (void *)0x12abcd);
}

static void test_wide_text(void **state)
{
    static const uint16_t text[] = {'a', 0xe4, 0x20ac, 0xd83d, 0xde00, 'z', 0}, half[] = {0xd800, 'x', 0};
    (void)state;
    GIVES(FORMAT_WINDOWS, "[a\u00e4\u20ac\U0001f600z]", "[%ls]", text);
    GIVES(FORMAT_WINDOWS, "[a\u00e4\u20ac\U0001f600z]", "[%S]", text);
    GIVES(FORMAT_WINDOWS, "[a\u00e4\u20ac\U0001f600z]", "[%ws]", text);
    GIVES(FORMAT_WINDOWS, "[a][a\u00e4][a\u00e4][   a]", "[%.1ls][%.3ls][%.5ls][%4.2ls]", text, text, text, text);
    GIVES(FORMAT_WINDOWS, "[\ufffdx]", "[%ls]", half);
    GIVES(FORMAT_WINDOWS, "[\u00e4][narrow][n]", "[%lc][%hs][%hc]", 0xe4, "narrow", 'n');
    GIVES(FORMAT_WINDOWS, "[(null)]", "[%ls]", (const uint16_t *)NULL);
    GIVES(FORMAT_WINDOWS_WIDE, "[a\u00e4\u20ac\U0001f600z][narrow][z][narrow]", "[%s][%S][%c][%hs]", text, "narrow",
          'z', "narrow");
}

static void test_what_is_not_known_stays_as_it_is(void **state)
{
    (void)state;
    GIVES(FORMAT_WINDOWS, "[%y][%5", "[%y][%5");
    GIVES(FORMAT_WINDOWS, "%", "%");
    GIVES(FORMAT_WINDOWS, "a  7", "a %n %d", (void *)0, 7);
}

static void test_text_is_cut(void **state)
{
    char text[8] = "xxxxxxx";
    (void)state;
    assert_int_equal(root_snprintf(text, 4, "%s", "abcdef"), 6);
    assert_memory_equal(text, "abc\0xxx", 8);
    assert_int_equal(root_snprintf(NULL, 0, "%08.3f", 3.14159), 8);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_floating_point),
        cmocka_unit_test(test_floating_point_of_random_bits),
        cmocka_unit_test(test_mixed_arguments_beyond_the_registers),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_wide_text),
        cmocka_unit_test(test_what_is_not_known_stays_as_it_is),
        cmocka_unit_test(test_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
