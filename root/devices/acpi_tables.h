/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables of the machine in platform.h: RSDP, RSDT, XSDT, FADT, FACS, MADT and DSDT. There is no PCI root and
 * no MCFG: the machine has no PCI bus, and Linux looks for one only where the DSDT names it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACPI_CPUS_MAX 254u     /* APIC IDs 0 to 253: an entry in the MADT has 8 bits, and 255 is for all */
#define ACPI_TABLES_MAX 4096u  /* every machine's tables fit */
#define ACPI_TABLES_ALIGN 64u  /* the FACS wants it */
#define ACPI_TABLES_OFFSET 64u /* of what is not the RSDP */

struct acpi_machine {
    uint32_t cpus;         /* 1 to ACPI_CPUS_MAX; APIC ID n for VP n */
    uint32_t virtio_slots; /* bit n: slot n has a device */
    bool serial;           /* COM1 */
    bool keyboard;         /* an i8042 with a keyboard, more than its reset line */
};

/*
 * Writes the tables as they are to stand at guest-physical `address`, a multiple of ACPI_TABLES_ALIGN below 4 GiB less
 * ACPI_TABLES_MAX; the RSDP comes first. An operating system finds it without firmware's help if it lies at 0xe0000 to
 * 0xfffff. Returns the bytes used, 0 if they do not fit or the machine or the address is out of range.
 */
size_t acpi_tables_build(const struct acpi_machine *m, uint64_t address, uint8_t *out, size_t size);
