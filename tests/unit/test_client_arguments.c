/* SPDX-License-Identifier: MIT */
/* sources: root/compat/arguments.c */
#include <string.h>

#include "root/compat/arguments.h"
#include "tests/unit/cmocka_tests.h"

static char text[600], *words[8];

static void expect(const char *line, int count, const char *const *expected)
{
    memset(text, '#', sizeof(text));
    assert_int_equal(arguments_split(line, text, words, 8), count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(words[i], expected[i]);
    }
    assert_null(words[count]);
    assert_int_equal(text[strlen(line) + 1], '#');
}

static void test_words(void **state)
{
    static const char *const expected[] = {"one", "two", "three"};
    (void)state;
    expect("one two three", 3, expected);
    expect("  one   two three  ", 3, expected);
    expect("", 0, expected);
    expect("   ", 0, expected);
}

/* As GRUB writes them: \ before a special character, "" around what has a space. */
static void test_quotes(void **state)
{
    static const char *const spaces[] = {"a b", "c"}, *const escaped[] = {"C:\\dir\\x", "say \"it's\""};
    static const char *const empty[] = {"", "x"}, *const joined[] = {"a bc d"};
    (void)state;
    expect("\"a b\" c", 2, spaces);
    expect("'a b' c", 2, spaces);
    expect("a\\ b c", 2, spaces);
    expect("C:\\\\dir\\\\x \"say \\\"it\\'s\\\"\"", 2, escaped);
    expect("\"\" x", 2, empty);
    expect("a\" b\"c' d'", 1, joined);
}

static void test_what_has_no_end(void **state)
{
    static const char *const open[] = {"a b c"}, *const slash[] = {"a\\"};
    (void)state;
    expect("\"a b c", 1, open);
    expect("a\\", 1, slash);
}

static void test_too_many(void **state)
{
    static const char *const expected[] = {"1", "2", "3", "4", "5", "6", "7"};
    (void)state;
    expect("1 2 3 4 5 6 7 8 9", 7, expected);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_what_has_no_end),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
