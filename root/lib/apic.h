/* SPDX-License-Identifier: MIT */
/* The local APIC of the calling CPU, in the mode it is in now. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define APIC_VECTOR_TIMER 0x40u
#define APIC_VECTOR_SPURIOUS 0xffu

enum apic_delivery {
    APIC_FIXED = 0x000,
    APIC_NMI = 0x400,
    APIC_INIT = 0x4500, /* level, asserted */
    APIC_SIPI = 0x4600,
};

/* Switches the APIC on; the 8259 pair is masked by the first caller. */
void apic_enable(void);
bool apic_is_x2apic(void);
uint32_t apic_id(void);
void apic_eoi(void);

/* `command` is an apic_delivery plus a vector or start-up page. */
void apic_send(uint32_t id, uint32_t command);

/* Counts bus clocks divided by 1; 0 stops the timer. */
void apic_timer(uint32_t count, bool periodic);

/* Register by its offset in the xAPIC page, for tests. */
uint32_t apic_read(uint32_t offset);
void apic_write(uint32_t offset, uint32_t value);
