/* SPDX-License-Identifier: MIT */
/* sources: kernel/core/format.c */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "kernel/core/format.h"
#include "tests/unit/cmocka_tests.h"

/* The C library is the reference for everything that both know. */
#define SAME_AS_LIBC(...)                                                                                              \
    do {                                                                                                               \
        char ours[128], theirs[128];                                                                                   \
        size_t length = format_string(ours, sizeof(ours), __VA_ARGS__);                                                \
        snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                                                 \
        assert_string_equal(ours, theirs);                                                                             \
        assert_int_equal(length, strlen(theirs));                                                                      \
    } while (0)

static void test_strings(void **state)
{
    (void)state;
    SAME_AS_LIBC("plain");
    SAME_AS_LIBC("%s", "");
    SAME_AS_LIBC("[%s]", "text");
    SAME_AS_LIBC("[%8s][%-8s]", "text", "text");
    SAME_AS_LIBC("[%2s]", "longer");
    SAME_AS_LIBC("[%.3s][%.0s][%8.2s]", "text", "text", "text");
    SAME_AS_LIBC("[%.*s][%-6.*s]", 2, "text", 3, "text");
    SAME_AS_LIBC("[%.*s]", -1, "text");
    SAME_AS_LIBC("%c%c[%3c][%-3c]", 'a', 'b', 'c', 'd');
    SAME_AS_LIBC("100%%");
}

static void test_unterminated_string_is_read_to_its_precision_only(void **state)
{
    static const char raw[3] = {'a', 'b', 'c'};
    (void)state;
    SAME_AS_LIBC("%.3s", raw);
    SAME_AS_LIBC("%.*s", 3, raw);
}

static void test_null_string(void **state)
{
    char buf[16];
    const char *volatile none = NULL;
    (void)state;
    format_string(buf, sizeof(buf), "%s", none);
    assert_string_equal(buf, "(null)");
}

static void test_decimal(void **state)
{
    (void)state;
    SAME_AS_LIBC("%d %i %u", 0, -1, 1u);
    SAME_AS_LIBC("%d %d %u", INT_MIN, INT_MAX, UINT_MAX);
    SAME_AS_LIBC("%ld %ld %lu", LONG_MIN, LONG_MAX, ULONG_MAX);
    SAME_AS_LIBC("%lld %lld %llu", LLONG_MIN, LLONG_MAX, ULLONG_MAX);
    SAME_AS_LIBC("%zu %zd", SIZE_MAX, (ssize_t)-5);
    SAME_AS_LIBC("[%5d][%-5d][%05d]", 42, 42, 42);
    SAME_AS_LIBC("[%5d][%-5d][%05d]", -42, -42, -42);
    SAME_AS_LIBC("[%2d][%02d]", 12345, -12345);
    SAME_AS_LIBC("%d%u%d", 1, 2u, 3);
}

static void test_hexadecimal(void **state)
{
    (void)state;
    SAME_AS_LIBC("%x %X", 0xdeadbeefu, 0xdeadbeefu);
    SAME_AS_LIBC("%#x %#X %#x", 0xabcu, 0xabcu, 0u);
    SAME_AS_LIBC("%016lx %lX", 0x123456789abcdefful, ULONG_MAX);
    SAME_AS_LIBC("%#018llx", 0xffull);
    SAME_AS_LIBC("[%8x][%-8x][%08x]", 0x1fu, 0x1fu, 0x1fu);
    SAME_AS_LIBC("[%#8x][%-#8x][%#08x]", 0x1fu, 0x1fu, 0x1fu);
}

static void test_pointer(void **state)
{
    char buf[32];
    (void)state;
    SAME_AS_LIBC("%p", (void *)0x1234abcd);
    SAME_AS_LIBC("[%20p]", (void *)UINTPTR_MAX);
    format_string(buf, sizeof(buf), "%p", (void *)0);
    assert_string_equal(buf, "0x0");
}

static void test_unknown_conversion_ends_interpretation(void **state)
{
    static const struct {
        const char *fmt, *expected;
    } cases[] = {
        {"%q %d", "%q %d"},        {"a%", "a%"},     {"%5", "%5"},     {"%l", "%l"},   {"%ls", "%ls"},
        {"%.3d", "%.3d"},          {"%*d", "%*d"},   {"%hhx", "%hhx"}, {"%n", "%n"},   {"%lc", "%lc"},
        {"x%% %f %s", "x% %f %s"}, {"%.*d", "%.*d"}, {"%+d", "%+d"},   {"%zs", "%zs"}, {"%lp", "%lp"},
    };
    char buf[32];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *volatile fmt = cases[i].fmt;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
        format_string(buf, sizeof(buf), fmt);
#pragma GCC diagnostic pop
        assert_string_equal(buf, cases[i].expected);
    }
}

static void test_cutting(void **state)
{
    char buf[8];
    (void)state;
    for (size_t size = 1; size <= sizeof(buf); size++) {
        memset(buf, '#', sizeof(buf));
        assert_int_equal(format_string(buf, size, "%s%d", "abc", 45678), size - 1);
        assert_memory_equal(buf, "abc45678", size - 1);
        assert_int_equal(buf[size - 1], '\0');
        for (size_t i = size; i < sizeof(buf); i++) {
            assert_int_equal(buf[i], '#');
        }
    }
}

static void test_no_room_at_all(void **state)
{
    char untouched = '#';
    (void)state;
    assert_int_equal(format_string(&untouched, 0, "text"), 0);
    assert_int_equal(untouched, '#');
    assert_int_equal(format_string(NULL, 0, "text"), 0);
}

static void test_huge_width_is_bounded(void **state)
{
    char buf[16];
    const char *volatile fmt = "%99999999999999999999d|";
    (void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    assert_int_equal(format_string(buf, sizeof(buf), fmt, 7), sizeof(buf) - 1);
#pragma GCC diagnostic pop
    assert_string_equal(buf, "               ");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_unterminated_string_is_read_to_its_precision_only),
        cmocka_unit_test(test_null_string),
        cmocka_unit_test(test_decimal),
        cmocka_unit_test(test_hexadecimal),
        cmocka_unit_test(test_pointer),
        cmocka_unit_test(test_unknown_conversion_ends_interpretation),
        cmocka_unit_test(test_cutting),
        cmocka_unit_test(test_no_room_at_all),
        cmocka_unit_test(test_huge_width_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
