/* SPDX-License-Identifier: MIT */
/* sources: kernel/debug/log.c kernel/core/format.c */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/debug/log.h"
#include "kernel/debug/serial.h"
#include "tests/unit/cmocka_tests.h"

/* The console: everything written to it, and in how many writes. */
static char console[1u << 20];
static size_t console_length;
static size_t console_writes;

void serial_write(const char *text, size_t size)
{
    if (console_length + size <= sizeof(console)) {
        memcpy(console + console_length, text, size);
        console_length += size;
    }
    console_writes++;
}

static uint64_t log_end(void)
{
    uint64_t first;
    char nothing;
    assert_int_equal(log_ring_read(UINT64_MAX, &nothing, 1, &first), 0);
    return first;
}

static int set_up(void **state)
{
    (void)state;
    console_length = 0;
    console_writes = 0;
    log_set_level(LOG_LEVEL_INFO);
    return 0;
}

/* What was logged since set_up, on the console and in the ring alike. */
static void expect_output(const char *expected)
{
    char ring[4096];
    uint64_t first;
    size_t length = strlen(expected);
    assert_int_equal(console_length, length);
    assert_memory_equal(console, expected, length);
    uint64_t start = log_end() - length;
    assert_int_equal(log_ring_read(start, ring, sizeof(ring), &first), length);
    assert_int_equal(first, start);
    assert_memory_equal(ring, expected, length);
}

static void test_lines(void **state)
{
    (void)state;
    log_info("%d CPUs", 4);
    log_warn("careful");
    log_error("0x%x", 0xffu);
    expect_output("[whimbrel] 4 CPUs\n[whimbrel] warning: careful\n[whimbrel] error: 0xff\n");
    assert_int_equal(console_writes, 3);
}

static void test_levels(void **state)
{
    (void)state;
    log_debug("not at first");
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("not this");
    log_info("nor this");
    log_error("1");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("2");
    expect_output("[whimbrel] error: 1\n[whimbrel] 2\n");
}

static void test_newlines(void **state)
{
    (void)state;
    log_info("with its own\n");
    log_info("%s", "two\nlines\r\x1b[1m\x7f\ttab");
    log_info("%s", "");
    expect_output("[whimbrel] with its own\n[whimbrel] two?lines??[1m?\ttab\n[whimbrel] \n");
}

static void test_long_lines_are_cut(void **state)
{
    char text[2 * LOG_LINE_MAX];
    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    log_info("%s", text);
    assert_int_equal(console_length, LOG_LINE_MAX);
    assert_int_equal(console[LOG_LINE_MAX - 1], '\n');
    assert_int_equal(console[LOG_LINE_MAX - 2], 'x');
}

static void test_reading_in_pieces(void **state)
{
    char piece[5], all[64] = {0};
    uint64_t start = log_end(), position = start, first;
    size_t count;
    (void)state;
    log_info("some text");
    while ((count = log_ring_read(position, piece, sizeof(piece), &first)) > 0) {
        assert_int_equal(first, position);
        memcpy(all + (position - start), piece, count);
        position += count;
    }
    assert_string_equal(all, "[whimbrel] some text\n");
    assert_int_equal(position, log_end());
    assert_int_equal(log_ring_read(start, piece, 0, &first), 0);
}

static void test_overwritten_lines(void **state)
{
    static char kept[LOG_RING_SIZE + 100];
    uint64_t start = log_end(), first;
    (void)state;
    for (int i = 0; i < 3000; i++) {
        log_info("line %d of many, long enough to fill", i);
    }
    uint64_t end = log_end();
    assert_int_equal(end - start, console_length);
    assert_true(console_length > LOG_RING_SIZE);
    assert_int_equal(log_ring_read(0, kept, sizeof(kept), &first), LOG_RING_SIZE);
    assert_int_equal(first, end - LOG_RING_SIZE);
    assert_memory_equal(kept, console + console_length - LOG_RING_SIZE, LOG_RING_SIZE);
    assert_int_equal(log_ring_read(first - 1, kept, 10, &first), 10);
    assert_int_equal(first, end - LOG_RING_SIZE);
    assert_int_equal(log_ring_read(end - 3, kept, 10, &first), 3);
    assert_memory_equal(kept, "ll\n", 3);
    /* Every start and length around the place where the ring wraps. */
    uint64_t wrap = end - end % LOG_RING_SIZE;
    for (uint64_t position = wrap - 4; position < wrap + 4; position++) {
        for (size_t size = 0; size < 9; size++) {
            assert_int_equal(log_ring_read(position, kept, size, &first), size);
            assert_memory_equal(kept, console + (position - start), size);
        }
    }
}

#define WRITERS 4
#define LINES 400

static void *write_lines(void *name)
{
    for (int i = 0; i < LINES; i++) {
        log_info("writer %s line %d", (const char *)name, i);
    }
    return NULL;
}

static void test_writers_do_not_mix(void **state)
{
    static char names[WRITERS][2] = {"a", "b", "c", "d"};
    pthread_t threads[WRITERS];
    int next[WRITERS] = {0};
    (void)state;
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    console[console_length] = '\0';
    for (char *line = strtok(console, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char name;
        int number;
        assert_int_equal(sscanf(line, "[whimbrel] writer %c line %d", &name, &number), 2);
        assert_in_range(name, 'a', 'd');
        assert_int_equal(number, next[name - 'a']++);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(next[i], LINES);
    }
}

/* Last: there is no way back from a panic. */
static void test_panic_passes_everything(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    log_panic_begin();
    log_debug("registers");
    log_info("more");
    expect_output("[whimbrel] registers\n[whimbrel] more\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines, set_up),
        cmocka_unit_test_setup(test_levels, set_up),
        cmocka_unit_test_setup(test_newlines, set_up),
        cmocka_unit_test_setup(test_long_lines_are_cut, set_up),
        cmocka_unit_test_setup(test_reading_in_pieces, set_up),
        cmocka_unit_test_setup(test_overwritten_lines, set_up),
        cmocka_unit_test_setup(test_writers_do_not_mix, set_up),
        cmocka_unit_test_setup(test_panic_passes_everything, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
