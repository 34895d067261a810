/* SPDX-License-Identifier: MIT */
/* What SeaBIOS asks fw_cfg for: memory, processors, ACPI tables, and how it shall boot. */
#pragma once

#include "root/devices/acpi_loader.h"

#define FIRMWARE_E820_ENTRY 20u
#define FIRMWARE_RANGES 2u

struct firmware_options {
    bool boot_menu;          /* SeaBIOS offers its menu */
    uint16_t boot_menu_wait; /* ms for a key, until it boots */
    bool console;            /* SeaBIOS's screen and keyboard are COM1 */
};

/* fw_cfg with all that its items point to: it must not move. */
struct firmware_config {
    struct fw_cfg fw_cfg;
    struct acpi_loader loader;
    uint8_t e820[FIRMWARE_RANGES * FIRMWARE_E820_ENTRY];
};

/* False if the machine is out of acpi_machine's ranges. */
bool firmware_config_init(struct firmware_config *config, const struct guest_memory *memory,
                          const struct acpi_machine *machine, const struct firmware_options *options);
