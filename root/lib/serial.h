/* SPDX-License-Identifier: MIT */
/*
 * The serial port of the console by interrupts: what is written goes out while the CPUs do other work, and no typed
 * byte is lost while they do. Interrupts come through the 8259 pair to the first CPU (IRQ 4 or 3 by the port).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SERIAL_VECTOR_BASE 0x20u /* of the 8259 pair: IRQ n comes at this plus n */

/* Polled output, as it is before serial_start. 0: no port, everything is dropped. */
void serial_init(uint16_t port);

/* On the first CPU: from now on by interrupts. `arrived` is called in the handler after bytes came; it may be NULL. */
void serial_start(void (*arrived)(void));

/* Waits only while the buffer (64 KiB) is full. Any CPU, also from an interrupt handler. */
void serial_put(uint8_t byte);
/* Sends what the buffer has, waits until the port is empty. */
void serial_drain(void);

/* The next typed byte; false: none. One caller at a time. */
bool serial_get(uint8_t *byte);
/* Takes what waits in the port, for machines whose port has no interrupt. True: there was something. */
bool serial_poll(void);
