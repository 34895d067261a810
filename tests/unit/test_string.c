/* SPDX-License-Identifier: MIT */
/* sources: tests/unit/stubs.c */
#include <stdbool.h>
#include <string.h>

#include "arch/cpu/string.h"
#include "tests/unit/cmocka_tests.h"

void *own_memcpy(void *restrict dst, const void *restrict src, size_t size);
void *own_memmove(void *dst, const void *src, size_t size);
void *own_memset(void *dst, int value, size_t size);
int own_memcmp(const void *a, const void *b, size_t size);
size_t own_strlen(const char *s);
size_t own_strnlen(const char *s, size_t max);
int own_strcmp(const char *a, const char *b);
int own_strncmp(const char *a, const char *b, size_t max);

/* string.c under other names, beside the C library that it is compared with. */
#define memcpy own_memcpy
#define memmove own_memmove
#define memset own_memset
#define memcmp own_memcmp
#define strlen own_strlen
#define strnlen own_strnlen
#define strcmp own_strcmp
#define strncmp own_strncmp
#include "arch/cpu/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp

#define SIZE 48

static void fill(unsigned char *bytes)
{
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (unsigned char)(i * 7 + 1);
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void test_copies(void **state)
{
    unsigned char ours[SIZE], theirs[SIZE], source[SIZE];
    (void)state;
    fill(source);
    for (size_t to = 0; to < 10; to++) {
        for (size_t size = 0; size <= SIZE - 10; size++) {
            memset(ours, 0xee, SIZE);
            memset(theirs, 0xee, SIZE);
            assert_ptr_equal(own_memcpy(ours + to, source + 3, size), ours + to);
            memcpy(theirs + to, source + 3, size);
            assert_memory_equal(ours, theirs, SIZE);
        }
    }
}

static void test_overlapping_moves(void **state)
{
    unsigned char ours[SIZE], theirs[SIZE];
    (void)state;
    for (size_t to = 0; to < SIZE; to++) {
        for (size_t from = 0; from < SIZE; from++) {
            size_t room = SIZE - (to > from ? to : from);
            for (size_t size = 0; size <= room; size++) {
                fill(ours);
                fill(theirs);
                assert_ptr_equal(own_memmove(ours + to, ours + from, size), ours + to);
                memmove(theirs + to, theirs + from, size);
                assert_int_equal(memcmp(ours, theirs, SIZE), 0);
            }
        }
    }
}

static void test_fills(void **state)
{
    unsigned char ours[SIZE], theirs[SIZE];
    (void)state;
    for (size_t size = 0; size <= SIZE - 3; size++) {
        fill(ours);
        fill(theirs);
        assert_ptr_equal(own_memset(ours + 3, 0x1a5, size), ours + 3);
        memset(theirs + 3, 0x1a5, size);
        assert_memory_equal(ours, theirs, SIZE);
    }
}

static void test_comparisons(void **state)
{
    static const char *const texts[] = {"", "a", "b", "ab", "abc", "abd", "a\xff", "a\x01", "abcdefgh"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
            const char *a = texts[i], *b = texts[j];
            assert_int_equal(sign(own_strcmp(a, b)), sign(strcmp(a, b)));
            for (size_t max = 0; max < 10; max++) {
                assert_int_equal(sign(own_strncmp(a, b, max)), sign(strncmp(a, b, max)));
            }
            size_t both = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
            for (size_t size = 0; size <= both; size++) {
                assert_int_equal(sign(own_memcmp(a, b, size)), sign(memcmp(a, b, size)));
            }
        }
    }
}

static void test_lengths(void **state)
{
    static const char raw[4] = {'a', 'b', 'c', 'd'};
    (void)state;
    assert_int_equal(own_strlen(""), 0);
    assert_int_equal(own_strlen("abc"), 3);
    assert_int_equal(own_strnlen("abc", 2), 2);
    assert_int_equal(own_strnlen("abc", 9), 3);
    assert_int_equal(own_strnlen(raw, sizeof(raw)), 4);
    assert_int_equal(own_strnlen(raw, 0), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),      cmocka_unit_test(test_overlapping_moves), cmocka_unit_test(test_fills),
        cmocka_unit_test(test_comparisons), cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
