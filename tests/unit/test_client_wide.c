/* SPDX-License-Identifier: MIT */
/* sources: root/compat/wide.c -fshort-wchar -Dmbstowcs=to_wide -Dwcstombs=to_narrow -fno-builtin */
#include <stdint.h>
#include <string.h>

#include "root/compat/names.h"
#include "tests/unit/cmocka_tests.h"

size_t mbstowcs(wchar_t *to, const char *from, size_t size);
size_t wcstombs(char *to, const wchar_t *from, size_t size);
int _wcsicmp(const wchar_t *a, const wchar_t *b);

static void test_both_ways(void **state)
{
    static const char text[] = "a\u00e4\u20ac\U0001f600z";
    static const wchar_t expected[] = {'a', 0xe4, 0x20ac, 0xd83d, 0xde00, 'z', 0};
    wchar_t wide[8];
    char narrow[16];
    (void)state;
    assert_int_equal(mbstowcs(wide, text, 8), 6);
    assert_memory_equal(wide, expected, sizeof(expected));
    assert_int_equal(mbstowcs(NULL, text, 0), 6);
    assert_int_equal(wcstombs(narrow, wide, sizeof(narrow)), strlen(text));
    assert_string_equal(narrow, text);
    assert_int_equal(wcstombs(NULL, wide, 0), strlen(text));
}

/* No part of a character, and no zero without room for it. */
static void test_room(void **state)
{
    static const wchar_t euro[] = {'a', 0x20ac, 0xd83d, 0xde00, 0};
    (void)state;
    for (size_t size = 0; size <= 9; size++) {
        char narrow[10];
        memset(narrow, '#', sizeof(narrow));
        size_t expected = size < 1 ? 0 : size < 4 ? 1 : size < 8 ? 4 : 8;
        assert_int_equal(wcstombs(narrow, euro, size), expected);
        assert_int_equal(narrow[size], '#');
    }
    for (size_t size = 0; size <= 5; size++) {
        wchar_t wide[6];
        memset(wide, '#', sizeof(wide));
        assert_int_equal(mbstowcs(wide, "a\u20ac\U0001f600", size), size < 3 ? size : size < 4 ? 2 : 4);
        assert_int_equal(wide[size], '#' | '#' << 8);
    }
}

static void test_bad_utf8(void **state)
{
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc3",     "\xe2\x82",
                                      "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",     "\xf8\x88\x80\x80\x80",
                                      "a\xc3z",       "\xe0\x80\x80",     "\xf0\x9f", "\xc1\xbf"};
    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        wchar_t wide[8];
        assert_true(mbstowcs(wide, bad[i], 8) == (size_t)-1);
    }
}

static void test_names(void **state)
{
    char narrow[6];
    (void)state;
    assert_string_equal(name_last_part("C:\\vm\\Kernel.bin"), "Kernel.bin");
    assert_string_equal(name_last_part("./a/b"), "b");
    assert_string_equal(name_last_part("C:x"), "x");
    assert_string_equal(name_last_part("plain"), "plain");
    assert_string_equal(name_last_part("folder/"), "");
    assert_string_equal(name_narrow(L"long name", narrow, sizeof(narrow)), "long ");
    assert_null(name_narrow(NULL, narrow, sizeof(narrow)));
    assert_int_equal(_wcsicmp(L"KERNEL32.dll", L"kernel32.DLL"), 0);
    assert_true(_wcsicmp(L"a", L"B") < 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_bad_utf8),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
