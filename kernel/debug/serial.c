/* SPDX-License-Identifier: MIT */
#include "kernel/debug/serial.h"

#include "arch/cpu/cpu.h"

/* Registers of the 16550, as offsets from its port. */
#define UART_DATA 0       /* with LCR_DLAB: divisor, low byte */
#define UART_INTERRUPTS 1 /* with LCR_DLAB: divisor, high byte */
#define UART_FIFO 2
#define UART_LINE_CONTROL 3
#define UART_MODEM_CONTROL 4
#define UART_LINE_STATUS 5

#define FIFO_ENABLE_AND_CLEAR 0x07
#define LCR_8N1 0x03
#define LCR_DLAB 0x80
#define MCR_DTR_RTS 0x03
#define LSR_TRANSMIT_EMPTY 0x20
#define LSR_ABSENT 0xff /* nothing drives the bus; as a status it would be contradictory */

/*
 * A byte at 300 baud takes 33 ms. A port access takes about 1 us on hardware, so this is a second there; it takes as
 * little as 20 ns of emulated time in Bochs, which is why the bound is no smaller.
 */
#define POLLS_MAX 1000000u

static uint16_t serial_port;
static bool serial_stuck; /* the last byte was dropped: do not wait for the next ones until the UART moves again */

static uint16_t reg(uint16_t offset)
{
    return (uint16_t)(serial_port + offset);
}

static bool check_arguments(uint16_t port, uint32_t baud)
{
    return port != 0 && port <= SERIAL_MAX_PORT && serial_speed_is_possible(baud);
}

bool serial_init(uint16_t port, uint32_t baud)
{
    serial_port = 0;
    serial_stuck = false;
    if (!check_arguments(port, baud) || inb((uint16_t)(port + UART_LINE_STATUS)) == LSR_ABSENT) {
        return false;
    }

    uint16_t divisor = (uint16_t)(SERIAL_MAX_BAUD / baud);
    serial_port = port;
    outb(reg(UART_LINE_CONTROL), LCR_8N1);
    outb(reg(UART_INTERRUPTS), 0);
    outb(reg(UART_LINE_CONTROL), LCR_8N1 | LCR_DLAB);
    outb(reg(UART_DATA), (uint8_t)divisor);
    outb(reg(UART_INTERRUPTS), (uint8_t)(divisor >> 8));
    outb(reg(UART_LINE_CONTROL), LCR_8N1);
    outb(reg(UART_FIFO), FIFO_ENABLE_AND_CLEAR);
    outb(reg(UART_MODEM_CONTROL), MCR_DTR_RTS);
    return true;
}

bool serial_present(void)
{
    return serial_port != 0;
}

static bool wait_for_room(void)
{
    uint32_t polls = serial_stuck ? 1 : POLLS_MAX;

    for (; polls > 0; polls--) {
        if ((inb(reg(UART_LINE_STATUS)) & LSR_TRANSMIT_EMPTY) != 0) {
            serial_stuck = false;
            return true;
        }
    }
    serial_stuck = true;
    return false;
}

/* One byte a wait, not a FIFO's worth: the root may have turned the FIFO off. */
static void send(char c)
{
    if (wait_for_room()) {
        outb(reg(UART_DATA), (uint8_t)c);
    }
}

void serial_write(const char *text, size_t size)
{
    if (!serial_present()) {
        return;
    }

    /* The root programs the same UART and may be half way: with DLAB set the text would go to the divisor. */
    uint8_t line_control = inb(reg(UART_LINE_CONTROL));
    if ((line_control & LCR_DLAB) != 0) {
        outb(reg(UART_LINE_CONTROL), line_control & (uint8_t)~LCR_DLAB);
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            send('\r');
        }
        send(text[i]);
    }
    if ((line_control & LCR_DLAB) != 0) {
        outb(reg(UART_LINE_CONTROL), line_control);
    }
}
