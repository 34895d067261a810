/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables before it is known where they will be: pointers hold offsets in the image and checksums are 0. Who
 * places the tables adds addresses to the pointers and then makes the checksums, in the order of the lists.
 */
#pragma once

#include "root/devices/acpi_tables.h"

#define ACPI_POINTERS_MAX 12u
#define ACPI_CHECKSUMS_MAX 8u

struct acpi_pointer {
    uint32_t at;
    uint32_t size; /* 4 or 8 bytes */
};

/* The byte `at` makes the sum of [start, start + length) zero. */
struct acpi_checksum {
    uint32_t at, start, length;
};

struct acpi_image {
    uint8_t *out;
    size_t size, used;
    bool full;
    struct acpi_pointer pointers[ACPI_POINTERS_MAX];
    struct acpi_checksum checksums[ACPI_CHECKSUMS_MAX];
    uint32_t pointer_count, checksum_count;
};

/* Into `out` of `size` bytes; false if they do not fit or the machine is out of range. */
bool acpi_image_build(struct acpi_image *image, const struct acpi_machine *m, uint8_t *out, size_t size);

/* The DSDT's AML, without its header: the bytes written, 0 if they do not fit. */
size_t acpi_dsdt_write(const struct acpi_machine *m, uint8_t *out, size_t size);
