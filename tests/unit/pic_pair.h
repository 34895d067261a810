/* SPDX-License-Identifier: MIT */
/* A pair of 8259A as a guest and its devices see it. */
#pragma once

#include "root/devices/pic.h"

enum { MASTER = 0, SLAVE = 0x80, DATA = 1, ELCR = 0x4b0 };
enum { ICW1 = 0x11, ICW4 = 0x01, ICW4_AUTO_EOI = 0x03, ICW4_NESTED = 0x11 };
enum { EOI = 0x20, EOI_OF = 0x60, ROTATE_EOI = 0xa0, ROTATE_EOI_OF = 0xe0, SET_LOWEST = 0xc0 };
enum { ROTATE_AUTO = 0x80, ROTATE_AUTO_OFF = 0x00 };
enum { READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c, SPECIAL_MASK = 0x68, SPECIAL_MASK_OFF = 0x48 };

#define LEVEL_LINES 0x0e20u /* 5, 9, 10, 11 */

extern struct pic pic;
extern uint32_t pic_changes; /* of INTR */
extern bool pic_intr;

/* A test's setup: vectors 30H to 3FH, nothing masked. */
int pic_fresh(void **state);
void pic_on_output(void *context, bool level);

uint8_t pic_in(uint64_t port);
void pic_out(uint64_t port, uint8_t value);
uint8_t pic_irr(uint64_t chip);
uint8_t pic_isr(uint64_t chip);
void pic_program(uint64_t chip, uint8_t base, uint8_t wiring, uint8_t icw4);
void pic_program_both(uint8_t master_icw4, uint8_t slave_icw4);
void pic_set(uint32_t line, bool level);

/* INTR is up, and INTA gives `vector`. */
void pic_expect_vector(uint8_t vector);
void pic_expect_quiet(void);
