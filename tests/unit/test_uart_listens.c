/* SPDX-License-Identifier: MIT */
/* sources: root/devices/uart.c */
/* What waits before somebody listens would be cleared when the driver opens the port. */
#include <string.h>

#include "root/devices/uart.h"
#include "tests/unit/cmocka_tests.h"

enum { DATA, IER, FCR, LCR, MCR, LSR };
enum { RECEIVED = 0x01, DTR_RTS = 0x03, OUT2 = 0x08, FIFO_ON = 0x01, CLEAR = 0x06, HAS_DATA = 0x01, ASKED = 100 };

static struct uart uart;
static const char *typed; /* what the terminal has for the guest */

static void on_line(void *context, uint32_t number, bool level)
{
    (void)context;
    (void)number;
    (void)level;
}

static void on_byte(void *context, uint8_t byte)
{
    (void)context;
    (void)byte;
}

static void on_drained(void *context)
{
    (void)context;
    while (*typed != 0 && uart_room(&uart) != 0) {
        uart_receive(&uart, (uint8_t)*typed++);
    }
}

static int fresh(void **state)
{
    const struct irq_line irq = {on_line, NULL, 4};
    const struct byte_sink out = {on_byte, NULL};
    (void)state;
    memset(&uart, 0xff, sizeof(uart));
    uart_init(&uart, &irq, &out, on_drained, NULL);
    typed = "uname";
    return 0;
}

static uint8_t in(uint64_t reg)
{
    return (uint8_t)uart_ops.read(&uart, reg, 1);
}

static void out(uint64_t reg, uint8_t value)
{
    uart_ops.write(&uart, reg, 1, value);
}

static void expect_bytes(const char *bytes)
{
    while (*bytes != 0) {
        assert_true(in(LSR)&HAS_DATA);
        assert_int_equal(in(DATA), *bytes++);
    }
    assert_false(in(LSR)&HAS_DATA);
}

static void test_bytes_wait_for_a_driver(void **state)
{
    (void)state;
    out(FCR, FIFO_ON | CLEAR);
    out(IER, RECEIVED); /* a test for the register, as Linux makes it: OUT2 is off */
    out(IER, 0);
    out(MCR, DTR_RTS | OUT2);
    for (int i = 0; i < ASKED; i++) { /* a console prints */
        (void)in(LSR);
        (void)in(LSR);
        out(DATA, 'x');
    }
    assert_int_equal(uart_room(&uart), 0);
    out(FCR, 0);
    out(IER, RECEIVED);
    assert_int_equal(uart_room(&uart), 1);
    out(FCR, FIFO_ON); /* clears the FIFO, which must hold nothing yet */
    expect_bytes("uname");
    assert_int_equal(*typed, 0);
}

static void test_bytes_wait_for_one_who_asks(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < UART_LISTENS; i++) {
        assert_false(in(LSR)&HAS_DATA);
    }
    expect_bytes("uname");
    out(DATA, 'x');
    assert_int_equal(uart_room(&uart), 0);
}

static void test_what_waits_goes_in_as_room_comes(void **state)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog.";
    (void)state;
    typed = text;
    out(FCR, 0x01);
    out(IER, RECEIVED);
    out(MCR, DTR_RTS | OUT2);
    assert_int_equal(uart_room(&uart), 0);
    expect_bytes(text);
    assert_int_equal(*typed, 0);
}

static void test_reset_stops_listening(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ASKED; i++) {
        (void)in(LSR);
    }
    uart_ops.reset(&uart);
    assert_int_equal(uart_room(&uart), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_bytes_wait_for_a_driver, fresh),
        cmocka_unit_test_setup(test_bytes_wait_for_one_who_asks, fresh),
        cmocka_unit_test_setup(test_what_waits_goes_in_as_room_comes, fresh),
        cmocka_unit_test_setup(test_reset_stops_listening, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
