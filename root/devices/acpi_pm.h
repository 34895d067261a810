/* SPDX-License-Identifier: MIT */
/* ACPI power management: PM1a event and control registers, and the 24-bit PM timer. Offsets are from PLATFORM_PM_BASE.
 */
#pragma once

#include "root/devices/device.h"

#define ACPI_PM_TIMER_HZ 3579545u

struct acpi_pm {
    struct device_clock clock;
    struct irq_line sci;
    void (*power_off)(void *context);
    void *context;
    uint16_t status, enable, control;
    uint64_t overflows; /* half periods of the timer that TMR_STS has told of */
};

void acpi_pm_init(struct acpi_pm *p, const struct device_clock *clock, const struct irq_line *sci,
                  void (*power_off)(void *context), void *context);
void acpi_pm_press_power_button(struct acpi_pm *p);

extern const struct device_ops acpi_pm_ops;
