/* SPDX-License-Identifier: MIT */
/*
 * ACPI power management: PM1a event and control registers, and the PM timer. Offsets are from PLATFORM_PM_BASE. The
 * timer has 24 bits, so the FADT's flag TMR_VAL_EXT must be 0. The machine is always in ACPI mode: there is no SMI
 * command port to switch it.
 */
#pragma once

#include "root/devices/device.h"

#define ACPI_PM_TIMER_HZ 3579545u
#define ACPI_PM_TIMER_BITS 24u
#define ACPI_PM_SIZE 12u /* of the region */

struct acpi_pm {
    struct device_clock clock;
    struct irq_line sci;
    void (*power_off)(void *context);
    void *context;
    uint16_t status, enable, control;
    uint64_t halves; /* of the timer's period, since power-on, that TMR_STS has told of */
};

/* `power_off` is called from within a write, when the guest asks for PLATFORM_SLP_TYP_S5. */
void acpi_pm_init(struct acpi_pm *p, const struct device_clock *clock, const struct irq_line *sci,
                  void (*power_off)(void *context), void *context);

/* The fixed power button: an SCI if the guest has enabled it. */
void acpi_pm_press_power_button(struct acpi_pm *p);

extern const struct device_ops acpi_pm_ops;
