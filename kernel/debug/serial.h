/* SPDX-License-Identifier: MIT */
/* Polled output on a 16550-compatible UART. Not locked: log.c serialises its callers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The UART's clock divided by 16: the highest speed, of which every other is a divisor. Bits a second. */
#define SERIAL_MAX_BAUD 115200u

/* The highest port at which the UART's eight registers are still ports. */
#define SERIAL_MAX_PORT 0xfff8u

/*
 * Whether the UART can be programmed to exactly `baud` bits a second: a divisor of SERIAL_MAX_BAUD that is 16 bits
 * wide.
 */
static inline bool serial_speed_is_possible(uint64_t baud)
{
    return baud >= 2 && baud <= SERIAL_MAX_BAUD && SERIAL_MAX_BAUD % baud == 0;
}

/*
 * Programs the UART at I/O port `port` (1 to SERIAL_MAX_PORT; 0 means no console) for 8N1 at `baud` bits a second, its
 * interrupts off. Returns false, and later writes do nothing, if the arguments are out of range or no UART answers.
 */
bool serial_init(uint16_t port, uint32_t baud);

/* True after a serial_init that found a UART. */
bool serial_present(void);

/*
 * Sends `size` bytes, '\n' as CR LF. Waits for the UART a bounded time only: bytes that a stuck UART does not take are
 * dropped.
 */
void serial_write(const char *text, size_t size);
