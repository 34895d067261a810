/* SPDX-License-Identifier: MIT */
/* sources: root/lib/console.c root/lib/format*.c -Dvsnprintf=root_vsnprintf -Dsnprintf=root_snprintf */
/* One terminal, several writers: a program's text stays whole, whatever guests write meanwhile. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "root/lib/console.h"
#include "root/lib/serial.h"
#include "tests/unit/cmocka_tests.h"

#define OTHER_AT 3u /* byte of the text in whose middle the other writer comes */

static char text[256];
static size_t used;
static pthread_t other;
static bool other_comes, started;

static void *write_as_a_guest(void *unused)
{
    (void)unused;
    __atomic_store_n(&started, true, __ATOMIC_RELEASE);
    console_write_raw((const uint8_t *)"n", 1);
    return NULL;
}

/* Long enough for a writer that waits for nobody. */
static void let_other_run(void)
{
    const struct timespec moment = {.tv_nsec = 20000000};
    while (!__atomic_load_n(&started, __ATOMIC_ACQUIRE)) {
    }
    nanosleep(&moment, NULL);
}

void serial_init(uint16_t port)
{
    (void)port;
}

void serial_drain(void)
{
}

void serial_put(uint8_t byte)
{
    if (other_comes && used == OTHER_AT) {
        other_comes = false;
        assert_int_equal(pthread_create(&other, NULL, write_as_a_guest, NULL), 0);
        let_other_run();
    }
    text[used++] = (char)byte;
}

static int begin(void **state)
{
    (void)state;
    console_write("\n", 1);
    memset(text, 0, sizeof(text));
    used = 0;
    started = false;
    other_comes = true;
    return 0;
}

static void test_a_message_stays_whole(void **state)
{
    (void)state;
    root_message("only %u guests\n", 1u);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_string_equal(text, "only 1 guests\r\nn");
}

static void test_a_block_stays_whole(void **state)
{
    (void)state;
    console_begin();
    console_add("%s\n", "first");
    console_add("%s\n", "second");
    console_end();
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_string_equal(text, "first\r\nsecond\r\nn");
}

static void test_a_message_begins_a_line(void **state)
{
    (void)state;
    other_comes = false;
    console_write_raw((const uint8_t *)"$ ", 2);
    root_message("text\n");
    console_write_raw((const uint8_t *)"$ \r\n", 4);
    root_message("more\n");
    assert_string_equal(text, "$ \r\ntext\r\n$ \r\nmore\r\n");
    assert_true(console_at_line_start());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_message_stays_whole, begin),
        cmocka_unit_test_setup(test_a_block_stays_whole, begin),
        cmocka_unit_test_setup(test_a_message_begins_a_line, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
