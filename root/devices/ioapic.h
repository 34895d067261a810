/* SPDX-License-Identifier: MIT */
/*
 * The I/O APIC (82093AA, version 20H with the EOI register). A line's level here means asserted: the polarity that the
 * guest writes is kept and changes nothing. Offsets are from PLATFORM_IOAPIC.
 */
#pragma once

#include "root/devices/device.h"
#include "root/devices/platform.h"

struct ioapic_message {
    uint8_t vector;
    uint8_t delivery_mode; /* 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT */
    uint8_t destination;   /* APIC ID, or logical destination */
    bool logical;
    bool level; /* it stays on its way until the vector's EOI; only with modes 0 and 1 */
};

struct ioapic {
    /* Sends it to the local APICs. False: nobody takes it; a level goes out again when its entry is written or its line
     * rises. */
    bool (*deliver)(void *context, const struct ioapic_message *message);
    void *context;
    uint64_t entries[PLATFORM_IOAPIC_PINS];
    uint32_t lines; /* bit n: pin n is up */
    uint32_t id, selected;
};

void ioapic_init(struct ioapic *a, bool (*deliver)(void *context, const struct ioapic_message *message), void *context);
/* `pin`: 0 to 23, others do nothing. */
void ioapic_set_irq(struct ioapic *a, uint32_t pin, bool level);
/* A local APIC's end of a level-triggered interrupt. */
void ioapic_eoi(struct ioapic *a, uint8_t vector);
bool ioapic_is_masked(const struct ioapic *a, uint32_t pin);

extern const struct device_ops ioapic_ops;
