/* SPDX-License-Identifier: MIT */
/* The 16550A serial port, whose transmitter is always ready: what the guest writes is out at once. */
#pragma once

#include "root/devices/device.h"

#define UART_FIFO 16u
#define UART_LISTENS 16u /* looks at LSR in a row: one who sends looks a few times for each byte */

struct uart {
    struct irq_line irq;
    struct byte_sink out;
    void (*drained)(void *context); /* the guest took bytes, or changed the receiver: there may be room again */
    void *context;
    uint8_t ier, lcr, mcr, scr, divisor[2], fcr;
    uint8_t line_errors; /* overrun: LSR bits until it is read */
    uint8_t modem_delta; /* MSR bits 0 to 3 until it is read */
    uint8_t polls;       /* of LSR without data and without a byte sent between them, up to UART_LISTENS */
    bool transmitted;    /* the THR-empty interrupt is pending */
    bool interrupts;     /* the interrupt line is up */
    uint8_t fifo[UART_FIFO];
    uint32_t head, count;
};

void uart_init(struct uart *u, const struct irq_line *irq, const struct byte_sink *out, void (*drained)(void *context),
               void *context);
/*
 * Bytes that the receiver takes now: none while nobody in the guest listens, since what waits in the FIFO then is
 * cleared when a driver opens the port. A driver listens by the received-data interrupt, a program without one by
 * asking again and again. A driver that has only just begun to listen gets nothing at once: Linux sets FCR, which
 * clears the FIFO, after IER.
 */
uint32_t uart_room(const struct uart *u);
/* A byte from the line; with no room one is lost and the overrun bit says so, as in the chip. In loopback the line is
 * cut off. */
void uart_receive(struct uart *u, uint8_t byte);

extern const struct device_ops uart_ops;
