/* SPDX-License-Identifier: MIT */
/* sources: root/devices/uart.c */
#include <string.h>

#include "root/devices/uart.h"
#include "tests/unit/cmocka_tests.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };
enum { RECEIVED = 0x01, TRANSMITTED = 0x02, LINE = 0x04, MODEM = 0x08 };
enum { IIR_MODEM = 0x00, IIR_NONE = 0x01, IIR_THR = 0x02, IIR_DATA = 0x04, IIR_LINE = 0x06, IIR_TIMEOUT = 0x0c };
enum { FIFOS = 0xc0, DLAB = 0x80, READY = 0x60, HAS_DATA = 0x01, OVERRUN = 0x02 };
enum { DTR = 0x01, RTS = 0x02, OUT1 = 0x04, OUT2 = 0x08, LOOP = 0x10 };
enum { CTS = 0x10, DSR = 0x20, RI = 0x40, DCD = 0x80 };

static struct uart uart;
static bool line;
static uint32_t rises, drains;
static uint8_t sent[512];
static size_t sent_count;
static const char *typed; /* what the terminal has for the guest */

static void on_line(void *context, uint32_t number, bool level)
{
    assert_true(context == &rises && number == 4);
    assert_int_not_equal(level, line);
    line = level;
    rises += level;
}

static void on_byte(void *context, uint8_t byte)
{
    assert_true(context == sent && sent_count < sizeof(sent));
    sent[sent_count++] = byte;
}

static void on_drained(void *context)
{
    drains++;
    while (context == &typed && *typed != 0 && uart_room(&uart) != 0) {
        uart_receive(&uart, (uint8_t)*typed++);
    }
}

static int fresh(void **state)
{
    const struct irq_line irq = {on_line, &rises, 4};
    const struct byte_sink out = {on_byte, sent};
    (void)state;
    line = false;
    typed = "";
    memset(&uart, 0xff, sizeof(uart));
    uart_init(&uart, &irq, &out, on_drained, &typed);
    rises = drains = 0;
    sent_count = 0;
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

static void receive(const char *bytes)
{
    while (*bytes != 0) {
        uart_receive(&uart, (uint8_t)*bytes++);
    }
}

static void expect_bytes(const char *bytes)
{
    while (*bytes != 0) {
        assert_true(in(LSR)&HAS_DATA);
        assert_int_equal(in(DATA), *bytes++);
    }
    assert_false(in(LSR)&HAS_DATA);
}

static void registers_after_reset(void **state)
{
    (void)state;
    assert_int_equal(in(IER), 0);
    assert_int_equal(in(IIR), IIR_NONE);
    assert_int_equal(in(LCR), 0);
    assert_int_equal(in(MCR), 0);
    assert_int_equal(in(LSR), READY);
    assert_int_equal(in(MSR), CTS | DSR | DCD);
    assert_int_equal(in(SCR), 0);
    assert_int_equal(in(DATA), 0);
    assert_false(line);
}

static void registers_keep_what_they_have(void **state)
{
    (void)state;
    for (uint32_t value = 0; value < 256; value++) {
        out(IER, (uint8_t)value);
        assert_int_equal(in(IER), value & 0x0f);
        out(MCR, (uint8_t)value);
        assert_int_equal(in(MCR), value & 0x1f);
        out(SCR, (uint8_t)value);
        assert_int_equal(in(SCR), value);
    }
    out(MCR, 0);
    out(LSR, 0xff);
    assert_int_equal(in(LSR), READY);
    (void)in(MSR);
    out(MSR, 0);
    assert_int_equal(in(MSR), CTS | DSR | DCD);
}

static void the_divisor_is_behind_dlab(void **state)
{
    (void)state;
    out(IER, RECEIVED);
    out(LCR, DLAB | 3);
    out(DATA, 0x34);
    out(IER, 0x12);
    assert_int_equal(in(DATA), 0x34);
    assert_int_equal(in(IER), 0x12);
    assert_int_equal(in(LCR), DLAB | 3);
    out(LCR, 3);
    assert_int_equal(in(IER), RECEIVED);
    assert_int_equal(sent_count, 0);
    out(DATA, 0x55);
    assert_int_equal(sent_count, 1);
    out(LCR, DLAB);
    assert_int_equal(in(DATA), 0x34);
}

static void bytes_go_out_at_once(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        out(DATA, (uint8_t)i);
        assert_int_equal(in(LSR), READY);
    }
    assert_int_equal(sent_count, 300);
    for (uint32_t i = 0; i < 300; i++) {
        assert_int_equal(sent[i], (uint8_t)i);
    }
}

/* As a driver does that has opened the port. */
static void listen(void)
{
    out(MCR, DTR | RTS | OUT2);
    out(IER, RECEIVED);
    drains = 0;
}

static void a_16450_receives_one_byte(void **state)
{
    (void)state;
    listen();
    assert_int_equal(uart_room(&uart), 1);
    receive("a");
    assert_int_equal(uart_room(&uart), 0);
    expect_bytes("a");
    assert_int_equal(drains, 1);
    assert_int_equal(uart_room(&uart), 1);
    receive("bc");
    assert_int_equal(in(LSR), READY | OVERRUN | HAS_DATA);
    expect_bytes("c");
}

static void the_fifo_receives_sixteen(void **state)
{
    (void)state;
    listen();
    out(FCR, 0x01);
    assert_int_equal(uart_room(&uart), UART_FIFO);
    receive("abc");
    assert_int_equal(uart_room(&uart), 13);
    assert_int_equal(in(DATA), 'a');
    receive("defghijklmnopq");
    assert_int_equal(uart_room(&uart), 0);
    assert_int_equal(in(LSR), READY | HAS_DATA);
    receive("xy");
    assert_int_equal(in(LSR), READY | HAS_DATA | OVERRUN);
    assert_int_equal(in(LSR), READY | HAS_DATA);
    expect_bytes("bcdefghijklmnopq");
}

static void fcr_clears_the_receiver(void **state)
{
    (void)state;
    out(FCR, 0x01);
    receive("abc");
    out(FCR, 0x05); /* the transmitter's */
    assert_int_equal(in(LSR), READY | HAS_DATA);
    out(FCR, 0x03);
    assert_int_equal(in(LSR), READY);
    receive("abc");
    out(FCR, 0x00); /* a change of the mode clears too */
    assert_int_equal(in(LSR), READY);
    receive("a");
    out(FCR, 0x01);
    assert_int_equal(in(LSR), READY);
    assert_int_equal(drains, 5);
}

static void iir_tells_of_fifos(void **state)
{
    (void)state;
    assert_int_equal(in(IIR), IIR_NONE);
    out(FCR, 0x01);
    assert_int_equal(in(IIR), FIFOS | IIR_NONE);
    out(FCR, 0xc6); /* without the first bit, nothing of it counts */
    assert_int_equal(in(IIR), IIR_NONE);
    out(FCR, 0x01);
    out(IER, RECEIVED);
    receive("a");
    assert_int_equal(in(IIR), FIFOS | IIR_DATA); /* the trigger level is 1 */
}

static void trigger_levels(void **state)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    (void)state;
    out(MCR, OUT2);
    out(IER, RECEIVED);
    for (uint32_t i = 0; i < 4; i++) {
        out(FCR, (uint8_t)(i << 6 | 3));
        assert_false(line);
        for (uint32_t n = 1; n <= UART_FIFO; n++) {
            receive("x");
            assert_true(line);
            assert_int_equal(in(IIR), FIFOS | (n >= levels[i] ? IIR_DATA : IIR_TIMEOUT));
        }
        assert_int_equal(rises, i + 1);
    }
}

static void received_bytes_interrupt_until_taken(void **state)
{
    (void)state;
    out(MCR, OUT2);
    receive("a");
    assert_false(line);
    out(IER, RECEIVED);
    assert_true(line);
    assert_int_equal(in(IIR), IIR_DATA);
    assert_int_equal(in(IIR), IIR_DATA);
    assert_int_equal(in(DATA), 'a');
    assert_false(line);
    assert_int_equal(in(IIR), IIR_NONE);
    receive("b");
    assert_true(line);
    out(IER, 0);
    assert_false(line);
    assert_int_equal(rises, 2);
}

static void a_refill_is_a_new_edge(void **state)
{
    (void)state;
    out(MCR, OUT2);
    out(IER, RECEIVED);
    typed = "ab";
    on_drained(&typed);
    assert_int_equal(rises, 1);
    assert_int_equal(in(DATA), 'a');
    assert_true(line);
    assert_int_equal(rises, 2);
    assert_int_equal(in(DATA), 'b');
    assert_false(line);
}

static void out2_gates_the_interrupt(void **state)
{
    (void)state;
    out(IER, RECEIVED);
    receive("a");
    assert_false(line);
    assert_int_equal(in(IIR), IIR_DATA);
    out(MCR, OUT2);
    assert_true(line);
    out(MCR, OUT2 | LOOP);
    assert_false(line);
    out(MCR, OUT2);
    assert_true(line);
}

static void an_empty_transmitter_interrupts(void **state)
{
    (void)state;
    out(MCR, OUT2);
    out(IER, TRANSMITTED);
    assert_true(line);
    assert_int_equal(in(IIR), IIR_THR);
    assert_false(line); /* reading has ended it */
    assert_int_equal(in(IIR), IIR_NONE);
    out(DATA, 'a');
    assert_true(line);
    out(DATA, 'b'); /* without reading IIR: an edge nonetheless */
    assert_int_equal(rises, 3);
    assert_true(line);
    assert_int_equal(in(IIR), IIR_THR);
    out(IER, TRANSMITTED); /* it was on */
    assert_int_equal(in(IIR), IIR_NONE);
    assert_int_equal(sent_count, 2);
}

static void causes_have_priorities(void **state)
{
    (void)state;
    out(MCR, OUT2);
    out(IER, RECEIVED | TRANSMITTED | LINE | MODEM);
    receive("ab"); /* overrun */
    out(MCR, OUT2 | LOOP);
    out(MCR, OUT2);
    assert_true(line);
    assert_int_equal(in(IIR), IIR_LINE);
    assert_int_equal(in(LSR), READY | HAS_DATA | OVERRUN);
    assert_int_equal(in(IIR), IIR_DATA);
    assert_int_equal(in(DATA), 'b');
    assert_int_equal(in(IIR), IIR_THR);
    assert_true(line);
    assert_int_equal(in(IIR), IIR_MODEM);
    assert_int_equal(in(IIR), IIR_MODEM);
    assert_int_equal(in(MSR), CTS | DSR | DCD | 0x03); /* OUT2 kept DCD */
    assert_false(line);
    assert_int_equal(in(IIR), IIR_NONE);
}

static void loopback_joins_modem_lines(void **state)
{
    static const struct {
        uint8_t mcr, msr;
    } rows[] = {{0, 0}, {DTR, DSR}, {RTS, CTS}, {OUT1, RI}, {OUT2, DCD}, {DTR | RTS | OUT1 | OUT2, 0xf0}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        out(MCR, LOOP | rows[i].mcr);
        assert_int_equal(in(MSR)&0xf0, rows[i].msr);
    }
}

static void modem_deltas_stay_until_read(void **state)
{
    (void)state;
    out(MCR, LOOP);
    assert_int_equal(in(MSR), 0x0b);
    assert_int_equal(in(MSR), 0);
    out(MCR, LOOP | OUT1); /* RI counts when it ends */
    assert_int_equal(in(MSR), RI);
    out(MCR, LOOP);
    assert_int_equal(in(MSR), 0x04);
    out(MCR, LOOP | RTS);
    out(MCR, LOOP);
    assert_int_equal(in(MSR), 0x01);
    out(MCR, LOOP | DTR | OUT2);
    assert_int_equal(in(MSR), DSR | DCD | 0x0a);
}

static void loopback_joins_data(void **state)
{
    (void)state;
    out(FCR, 0x01);
    out(MCR, LOOP);
    assert_int_equal(uart_room(&uart), 0);
    receive("lost"); /* the line is cut off */
    assert_int_equal(in(LSR), READY);
    out(DATA, 'a');
    out(DATA, 'b');
    assert_int_equal(sent_count, 0);
    expect_bytes("ab");
    out(IER, RECEIVED);
    drains = 0;
    out(MCR, OUT2);
    assert_int_equal(drains, 1);
    assert_int_equal(uart_room(&uart), UART_FIFO);
}

static void wide_accesses_are_bytes(void **state)
{
    (void)state;
    uart_ops.write(&uart, LCR, 4, 0xffff0b83); /* LSR and MSR cannot be written */
    assert_int_equal(in(LCR), 0x83);
    assert_int_equal(in(MCR), 0x0b);
    uart_ops.write(&uart, DATA, 2, 0x0201);
    assert_int_equal(uart_ops.read(&uart, DATA, 2), 0x0201);
    uart_ops.write(&uart, SCR, 1, 0x5a);
    assert_int_equal(uart_ops.read(&uart, LCR, 4), 0xb0000000 | READY << 16 | 0x0b83);
}

static void reset_keeps_the_wiring(void **state)
{
    (void)state;
    out(MCR, OUT2);
    out(FCR, 0x01);
    out(IER, RECEIVED | TRANSMITTED);
    receive("abc");
    out(LCR, DLAB);
    assert_true(line);
    uart_ops.reset(&uart);
    assert_false(line);
    registers_after_reset(state);
    assert_int_equal(uart_room(&uart), 0);
    listen();
    assert_int_equal(uart_room(&uart), 1);
    out(IER, 0);
    out(DATA, 'x');
    assert_int_equal(sent_count, 1);
}

/* drivers/tty/serial/8250/8250_port.c: autoconfig(), autoconfig_16550a(). */
static void linux_recognizes_a_16550a(void **state)
{
    (void)state;
    out(IER, 0);
    assert_int_equal(in(IER)&0x0f, 0);
    out(IER, 0x0f);
    assert_int_equal(in(IER)&0x0f, 0x0f);
    out(IER, 0);
    out(MCR, LOOP | OUT2 | RTS);
    assert_int_equal(in(MSR)&0xf0, DCD | CTS);
    out(MCR, 0);
    out(FCR, 0x01);
    assert_int_equal(in(IIR) >> 6, 3);
    out(LCR, 0x80);
    assert_int_not_equal(in(FCR), 0); /* an EFR would be 0 */
    out(LCR, 0);
    out(FCR, 0x21); /* 64 bytes */
    assert_int_equal(in(IIR)&0xe0, FIFOS);
    out(LCR, 0x80);
    out(FCR, 0x21);
    assert_int_equal(in(IIR)&0xe0, FIFOS);
    out(LCR, 0);
    out(IER, 0x40);
    assert_int_equal(in(IER), 0);
}

/* The same, size_fifo(). */
static void linux_counts_the_fifo(void **state)
{
    (void)state;
    uint32_t count = 0;
    out(FCR, 0x07);
    out(MCR, LOOP);
    for (uint32_t i = 0; i < 256; i++) {
        out(DATA, (uint8_t)i);
    }
    for (; count < 256 && (in(LSR)&HAS_DATA) != 0; count++) {
        assert_int_equal(in(DATA), count);
    }
    assert_int_equal(count, 16);
    assert_int_equal(sent_count, 0);
}

/* The same, serial8250_do_startup(): the tests for chips with THRE bugs. */
static void linux_finds_no_thre_bug(void **state)
{
    (void)state;
    out(FCR, 0x01);
    out(MCR, OUT2 | DTR | RTS);
    out(IER, TRANSMITTED);
    assert_int_equal(in(IIR)&0x0f, IIR_THR);
    out(IER, 0);
    out(IER, TRANSMITTED);
    assert_int_equal(in(IIR)&0x0f, IIR_THR);
    out(IER, 0);
    assert_false(line);
    out(IER, TRANSMITTED);
    assert_int_equal(in(LSR), READY);
    assert_int_equal(in(IIR)&0x0f, IIR_THR);
    out(IER, 0);
    assert_false(line);
}

/* An interrupt handler that sends as Linux does: IIR, up to 16 bytes, and again until there is no cause. */
static void a_driver_sends_all_and_ends(void **state)
{
    size_t given = 0;
    (void)state;
    out(FCR, 0x81);
    out(MCR, OUT2);
    out(IER, TRANSMITTED);
    while (line) {
        while ((in(IIR)&IIR_NONE) == 0) {
            for (uint32_t i = 0; i < UART_FIFO && given < 100; i++) {
                out(DATA, (uint8_t)given++);
            }
            if (given == 100) {
                out(IER, 0);
            }
        }
    }
    assert_int_equal(sent_count, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(sent[i], i);
    }
}

static void nobody_has_to_listen(void **state)
{
    const struct irq_line irq = {0};
    const struct byte_sink nowhere = {0};
    (void)state;
    uart_init(&uart, &irq, &nowhere, NULL, NULL);
    out(MCR, OUT2);
    out(FCR, 0x01);
    out(IER, RECEIVED | TRANSMITTED);
    out(DATA, 'a');
    receive("b");
    assert_int_equal(in(DATA), 'b');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(registers_after_reset, fresh),
        cmocka_unit_test_setup(registers_keep_what_they_have, fresh),
        cmocka_unit_test_setup(the_divisor_is_behind_dlab, fresh),
        cmocka_unit_test_setup(bytes_go_out_at_once, fresh),
        cmocka_unit_test_setup(a_16450_receives_one_byte, fresh),
        cmocka_unit_test_setup(the_fifo_receives_sixteen, fresh),
        cmocka_unit_test_setup(fcr_clears_the_receiver, fresh),
        cmocka_unit_test_setup(iir_tells_of_fifos, fresh),
        cmocka_unit_test_setup(trigger_levels, fresh),
        cmocka_unit_test_setup(received_bytes_interrupt_until_taken, fresh),
        cmocka_unit_test_setup(a_refill_is_a_new_edge, fresh),
        cmocka_unit_test_setup(out2_gates_the_interrupt, fresh),
        cmocka_unit_test_setup(an_empty_transmitter_interrupts, fresh),
        cmocka_unit_test_setup(causes_have_priorities, fresh),
        cmocka_unit_test_setup(loopback_joins_modem_lines, fresh),
        cmocka_unit_test_setup(modem_deltas_stay_until_read, fresh),
        cmocka_unit_test_setup(loopback_joins_data, fresh),
        cmocka_unit_test_setup(wide_accesses_are_bytes, fresh),
        cmocka_unit_test_setup(reset_keeps_the_wiring, fresh),
        cmocka_unit_test_setup(linux_recognizes_a_16550a, fresh),
        cmocka_unit_test_setup(linux_counts_the_fifo, fresh),
        cmocka_unit_test_setup(linux_finds_no_thre_bug, fresh),
        cmocka_unit_test_setup(a_driver_sends_all_and_ends, fresh),
        cmocka_unit_test_setup(nobody_has_to_listen, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
