/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables for firmware to place, as QEMU gives them: files with the bytes, and a script that says where to load
 * them, which pointers to make and which checksums (QEMU: hw/acpi/bios-linker-loader.c).
 */
#pragma once

#include "root/devices/acpi_tables.h"
#include "root/devices/fw_cfg.h"

#define ACPI_LOADER_ENTRY 128u
#define ACPI_LOADER_ENTRIES_MAX 24u

struct acpi_loader {
    uint8_t tables[ACPI_TABLES_MAX]; /* the RSDP first */
    uint8_t script[ACPI_LOADER_ENTRIES_MAX * ACPI_LOADER_ENTRY];
    uint32_t tables_size, script_size;
};

/* False if the machine is out of range. */
bool acpi_loader_build(struct acpi_loader *loader, const struct acpi_machine *m);

/* Adds etc/acpi/rsdp, etc/acpi/tables and etc/table-loader; `loader` must not go away. False: no room. */
bool acpi_loader_add(const struct acpi_loader *loader, struct fw_cfg *cfg);
