/* SPDX-License-Identifier: MIT */
/* sources: root/lib/format*.c root/lib/library.c -Dvsnprintf=root_vsnprintf -Dqsort=root_qsort */
/* What root programs have of a C library, under other names beside the host's own. */
#include <string.h>

#include "root/lib/console.h"
#include "root/lib/format.h"
#include "root/lib/library.h"
#include "root/lib/power.h"
#include "root/lib/sort.h"
#include "tests/unit/cmocka_tests.h"

_Noreturn void exit(int status); /* <stdlib.h> has its own qsort */

void root_printf(const char *format, ...)
{
    (void)format;
}

void root_power_off(unsigned code)
{
    exit((int)code);
}

static int formatted(char *to, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(to, size, format, args);
    va_end(args);
    return length;
}

static void test_format(void **state)
{
    char text[64];
    (void)state;
    assert_int_equal(formatted(text, sizeof(text), "%s %d %i %u %c%%", "a", -5, 7, 4000000000u, 'z'), 20);
    assert_string_equal(text, "a -5 7 4000000000 z%");
    formatted(text, sizeof(text), "0x%lx %02x %-4u| %4d %llu", 0x123456789abcul, 7, 5, -3, 18446744073709551615ull);
    assert_string_equal(text, "0x123456789abc 07 5   |   -3 18446744073709551615");
    formatted(text, sizeof(text), "%zu %ld %p", (size_t)9, (long)INT64_MIN, (void *)0x10);
    assert_string_equal(text, "9 -9223372036854775808 10");
}

static void test_format_is_cut(void **state)
{
    char text[8] = "xxxxxxx";
    (void)state;
    assert_int_equal(formatted(text, 4, "%s", "abcdef"), 6);
    assert_string_equal(text, "abc");
    assert_int_equal(text[4], 'x');
    assert_int_equal(formatted(text, 0, "%s", "abcdef"), 6);
    assert_string_equal(text, "abc");
    assert_int_equal(formatted(text, 1, "%u", 17), 2);
    assert_string_equal(text, "");
}

static int compare(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    return x < y ? -1 : x > y;
}

static void test_sort(void **state)
{
    static uint32_t items[200][3];
    (void)state;
    for (unsigned count = 0; count <= 200; count += count < 20 ? 1 : 45) {
        uint64_t sum = 0, sorted_sum = 0;
        for (unsigned i = 0; i < count; i++) {
            items[i][0] = i * 7919u % 101;
            items[i][1] = i;
            sum += items[i][0] * 1000ull * i;
        }
        qsort(items, count, sizeof(items[0]), compare);
        for (unsigned i = 0; i < count; i++) {
            assert_true(i == 0 || items[i - 1][0] <= items[i][0]);
            sorted_sum += items[i][0] * 1000ull * items[i][1];
        }
        assert_int_equal(sum, sorted_sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_is_cut),
        cmocka_unit_test(test_sort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
