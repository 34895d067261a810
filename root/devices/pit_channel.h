/* SPDX-License-Identifier: MIT */
/* One counter of the 8254. `clock` counts its CLK pulses since power-on and does not decrease. */
#pragma once

#include "root/devices/pit.h"

#define PIT_CONTROL_ACCESS 0x30u

/* A control word with an access other than 0 (that is the latch command). The count stops. */
void pit_channel_control(struct pit_channel *c, uint8_t value);

/* A byte of a count. True if the count is complete, or no count runs any more (mode 0 stops at the low byte). */
bool pit_channel_write(struct pit_channel *c, uint8_t value, uint64_t clock);
uint8_t pit_channel_read(struct pit_channel *c, uint64_t clock);

/* Counter latch and read-back: what is latched already stays until it is read. */
void pit_channel_latch(struct pit_channel *c, uint64_t clock, bool count, bool status);

void pit_channel_set_gate(struct pit_channel *c, bool gate, uint64_t clock);

/* Lets a count take over whose time has come. */
void pit_channel_settle(struct pit_channel *c, uint64_t clock);

bool pit_channel_out(const struct pit_channel *c, uint64_t clock);

/* Modes 2 and 3. */
bool pit_channel_is_periodic(const struct pit_channel *c);

/* The clock at which the output rises after what was written last; DEVICE_NEVER. The gate is up. */
uint64_t pit_channel_next_rise(const struct pit_channel *c);
