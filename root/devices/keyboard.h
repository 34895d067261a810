/* SPDX-License-Identifier: MIT */
/*
 * The keyboard controller (i8042) with a keyboard that answers and never types, and no mouse. Offsets: 0 data (port
 * 60H), 4 command and status (port 64H).
 */
#pragma once

#include "root/devices/device.h"

#define KEYBOARD_QUEUE 8u

struct keyboard_byte {
    uint8_t value;
    uint8_t status; /* the status register's bits that tell of it */
};

struct keyboard {
    struct irq_line irq;
    void (*reset)(void *context);
    void *context;
    uint8_t config, output_port;
    uint8_t command;      /* to the controller: whose data byte comes next; 0: none */
    uint8_t keys_command; /* the same to the keyboard */
    uint8_t data;         /* what the guest read last */
    bool last_was_command;
    struct keyboard_byte queue[KEYBOARD_QUEUE]; /* for the guest; what does not fit is lost */
    uint32_t head, count;
};

/* `reset` is called when the guest pulls the CPUs' reset line. */
void keyboard_init(struct keyboard *k, const struct irq_line *irq, void (*reset)(void *context), void *context);

extern const struct device_ops keyboard_ops;
