/* SPDX-License-Identifier: MIT */
/*
 * The registers that put the machine to sleep or reset it (ACPI 6.4, 4.8.3 and 5.2.9), and what the DSDT says of sleep
 * states. Pure, but for the caller's reader.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/boot/acpi.h"

/* One byte register. Those in PCI configuration space and elsewhere are left out. */
struct acpi_register {
    uint64_t address; /* 0: there is none */
    bool memory;      /* a physical address; else an I/O port */
};

/* The byte with SLP_TYP and SLP_EN: the upper one of a PM1 control register, and all of a sleep control register. */
#define ACPI_SLEEP_ENABLE 0x20u
#define ACPI_SLEEP_TYPE(byte) (((byte) >> 2) & 7u)

/* Registers by which the machine is left. The low bit of the first five is the index of s5_type below. */
enum {
    ACPI_PM1A,
    ACPI_PM1B,
    ACPI_X_PM1A,
    ACPI_X_PM1B,
    ACPI_SLEEP_CONTROL, /* of hardware-reduced ACPI */
    ACPI_RESET,
    ACPI_LEAVING_COUNT,
};

struct acpi_power {
    struct acpi_register leaving[ACPI_LEAVING_COUNT];
    uint8_t reset_value;  /* resets the machine when written to ACPI_RESET */
    bool s5_known;        /* the DSDT has one clear _S5_ */
    uint8_t s5_type[2];   /* SLP_TYP of S5, for PM1a and sleep control, and for PM1b */
    uint64_t dsdt;        /* physical address; 0: none that is sound */
    uint32_t dsdt_length; /* bytes */
};

/* False: there is no sound FADT, and *out is all zero. */
bool acpi_find_power(const void *rsdp, size_t rsdp_size, const struct acpi_reader *reader, struct acpi_power *out);

/*
 * SLP_TYP of sleep state `state` (0 to 5) for PM1a and PM1b, by a `Name (_Sx_, Package () {...})` in AML code
 * of `size` bytes. The code is searched, not interpreted. False: there is none, or there are several that differ.
 */
bool acpi_sleep_type(const uint8_t *aml, size_t size, unsigned state, uint8_t type[2]);

/*
 * Renames _S1_ to _S4_ in a sound DSDT, so that an operating system does not offer them, and keeps its checksum right.
 * Returns how many names were changed.
 */
unsigned acpi_hide_sleep(uint8_t *dsdt, size_t length);
