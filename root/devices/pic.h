/* SPDX-License-Identifier: MIT */
/*
 * The pair of 8259A interrupt controllers, with the edge/level registers (ELCR). Offsets: 0 and 1 the master (ports
 * 20H, 21H), 80H and 81H the slave (A0H, A1H), 4B0H and 4B1H the ELCR (4D0H, 4D1H).
 */
#pragma once

#include "root/devices/device.h"

struct pic_chip {
    uint8_t irr, isr, imr, lines; /* a bit for each of its 8 inputs */
    uint8_t level;                /* ELCR */
    uint8_t base;                 /* vector of input 0 */
    uint8_t lowest;               /* the input with the lowest priority */
    uint8_t init_step;            /* 0: in operation; else the ICW that comes next */
    bool needs_icw4, single, auto_eoi, rotate_auto, special_mask, special_nested, read_isr, poll;
};

struct pic {
    struct pic_chip chips[2]; /* master, slave */
    uint16_t reset_level;
    void (*output)(void *context, bool level);
    void *context;
    bool intr; /* the INTR pin */
};

/* `level`: bit n is interrupt n's trigger mode after reset. `output` is told of changes of INTR; NULL: nobody. */
void pic_init(struct pic *p, uint16_t level, void (*output)(void *context, bool level), void *context);
/* `line`: 0 to 15; 2 and numbers above do nothing. An edge whose line falls before INTA is gone, as in the chip. */
void pic_set_irq(struct pic *p, uint32_t line, bool level);
/* INTR. */
bool pic_has_interrupt(const struct pic *p);
/* Whether a request of this line (0 to 15, not 2) waits for INTA, and whether it was taken and not ended. */
bool pic_is_requested(const struct pic *p, uint32_t line);
bool pic_is_in_service(const struct pic *p, uint32_t line);
/* INTA: the vector, a spurious one if the request is gone. */
uint8_t pic_acknowledge(struct pic *p);

extern const struct device_ops pic_ops;
