/* SPDX-License-Identifier: MIT */
/* sources: tests/unit/stubs.c */
#include <stdbool.h>
#include <string.h>

#include "arch/cpu/cpu.h"
#include "tests/unit/cmocka_tests.h"

static uint8_t model_read(uint16_t port);
static void model_write(uint16_t port, uint8_t value);

/* serial.c with its port accesses led to the model of a UART below. */
#define inb model_read
#define outb model_write
#include "kernel/debug/serial.c"

#define PORT 0x2f8

static struct {
    bool absent, blocked;
    uint32_t busy_reads; /* how often the line status says busy after each byte */
    uint32_t busy;
    uint8_t line_control, interrupts, divisor_low, divisor_high;
    char sent[256];
    size_t sent_count;
    uint64_t accesses;
} uart;

static uint8_t read_line_status(void)
{
    if (uart.blocked || uart.busy > 0) {
        uart.busy -= uart.busy > 0 ? 1 : 0;
        return 0;
    }
    return 0x60;
}

static uint8_t model_read(uint16_t port)
{
    uart.accesses++;
    assert_in_range(port, PORT, PORT + 7);
    if (uart.absent) {
        return 0xff;
    }
    return port == PORT + 5 ? read_line_status() : port == PORT + 3 ? uart.line_control : 0;
}

static void write_data(uint8_t value)
{
    assert_false(uart.blocked || uart.busy > 0); /* a byte written now would be lost */
    assert_in_range(uart.sent_count, 0, sizeof(uart.sent) - 1);
    uart.sent[uart.sent_count++] = (char)value;
    uart.busy = uart.busy_reads;
}

static void model_write(uint16_t port, uint8_t value)
{
    bool divisor = (uart.line_control & 0x80) != 0;
    uart.accesses++;
    assert_in_range(port, PORT, PORT + 7);
    if (port == PORT && divisor) {
        uart.divisor_low = value;
    } else if (port == PORT) {
        write_data(value);
    } else if (port == PORT + 1 && divisor) {
        uart.divisor_high = value;
    } else if (port == PORT + 1) {
        uart.interrupts = value;
    } else if (port == PORT + 3) {
        uart.line_control = value;
    }
}

static int set_up(void **state)
{
    (void)state;
    memset(&uart, 0, sizeof(uart));
    uart.interrupts = 0xf;
    return 0;
}

static void expect_sent(const char *text)
{
    assert_int_equal(uart.sent_count, strlen(text));
    assert_memory_equal(uart.sent, text, strlen(text));
}

static void test_programming(void **state)
{
    (void)state;
    assert_true(serial_init(PORT, 9600));
    assert_true(serial_present());
    assert_int_equal(uart.divisor_low, 12);
    assert_int_equal(uart.divisor_high, 0);
    assert_int_equal(uart.line_control, 3);
    assert_int_equal(uart.interrupts, 0);
    assert_true(serial_init(PORT, 100));
    assert_int_equal(uart.divisor_low, 1152 & 0xff);
    assert_int_equal(uart.divisor_high, 1152 >> 8);
    expect_sent("");
}

static void test_text(void **state)
{
    (void)state;
    uart.busy_reads = 50;
    assert_true(serial_init(PORT, 115200));
    serial_write("one\ntwo", 7);
    expect_sent("one\r\ntwo");
}

static void test_absent(void **state)
{
    (void)state;
    uart.absent = true;
    assert_false(serial_init(PORT, 115200));
    assert_false(serial_present());
    uart.accesses = 0;
    serial_write("text", 4);
    assert_int_equal(uart.accesses, 0);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    assert_true(serial_init(PORT, 115200));
    uart.accesses = 0;
    assert_false(serial_init(0, 115200));
    assert_false(serial_present());
    assert_false(serial_init(PORT, 0));
    assert_false(serial_init(PORT, 1));
    assert_false(serial_init(PORT, 7));
    assert_false(serial_init(PORT, 230400));
    assert_false(serial_init(0xfff9, 115200));
    serial_write("text", 4);
    assert_int_equal(uart.accesses, 0);
}

static void test_a_stuck_uart_costs_one_wait(void **state)
{
    (void)state;
    assert_true(serial_init(PORT, 115200));
    uart.blocked = true;
    uart.accesses = 0;
    serial_write("a", 1);
    assert_in_range(uart.accesses, 1000, 2000000);
    uart.accesses = 0;
    serial_write("bcdef", 5);
    assert_in_range(uart.accesses, 5, 20);
    expect_sent("");
    uart.blocked = false;
    uart.busy_reads = 3;
    serial_write("gh", 2);
    expect_sent("gh");
}

static void test_a_half_programmed_uart(void **state)
{
    (void)state;
    assert_true(serial_init(PORT, 115200));
    uart.line_control = 0x83;
    uart.divisor_low = 0x55;
    serial_write("x", 1);
    expect_sent("x");
    assert_int_equal(uart.divisor_low, 0x55);
    assert_int_equal(uart.line_control, 0x83);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_programming, set_up),
        cmocka_unit_test_setup(test_text, set_up),
        cmocka_unit_test_setup(test_absent, set_up),
        cmocka_unit_test_setup(test_bad_arguments, set_up),
        cmocka_unit_test_setup(test_a_stuck_uart_costs_one_wait, set_up),
        cmocka_unit_test_setup(test_a_half_programmed_uart, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
