/* SPDX-License-Identifier: MIT */
/*
 * The x87 error of a PC, while CR0.NE is 0: FERR# sets a latch, whose output is interrupt 13; a write to port F0H
 * clears it and asserts IGNNE#, under which the processor goes on past the error (SDM vol. 1, appendix D). Offset 0 is
 * port F0H.
 */
#pragma once

#include "root/devices/device.h"

/* What a processor sees that comes to a waiting instruction with an error pending. */
struct ferr_error {
    uint64_t instruction; /* the x87 instruction that had the error */
    uint16_t status;      /* x87 status word */
    bool in_handler;      /* interrupts are off, or interrupt 13 is in service */
    bool taken;           /* no request of interrupt 13 waits */
};

enum ferr_action {
    FERR_FREEZE, /* the processor waits for an interrupt before that instruction */
    FERR_IGNORE, /* it executes the instruction */
};

struct ferr {
    struct irq_line irq;
    bool latched; /* interrupt 13 is up */
    bool ignne;
    bool known; /* the two below are of the last error */
    uint64_t instruction;
    uint16_t status;
};

void ferr_init(struct ferr *f, const struct irq_line *irq);

/*
 * IGNNE# goes with the error that the handler clears. That is not seen, so the same error that comes again outside a
 * handler is a new one. A handler that returns with the error as it was would freeze the processor for good: from then
 * on that error is ignored too.
 */
enum ferr_action ferr_error(struct ferr *f, const struct ferr_error *error);

extern const struct device_ops ferr_ops;
