/* SPDX-License-Identifier: MIT */
/* ACPI tables, and the machine's CPUs by them (ACPI 6.4, 5.2). Pure, but for the caller's reader. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ACPI_MAX_CPUS 64u

/* No table of a real machine that is read here comes near this. Bytes. */
#define ACPI_MAX_TABLE (1u << 20)

/*
 * Gives access to physical memory: `map` returns a pointer to `size` (1 to ACPI_MAX_TABLE) bytes at `pa`, or NULL if
 * they cannot be read. The pointer needs no alignment and stays valid until the call that got the reader returns.
 */
struct acpi_reader {
    const void *(*map)(uint64_t pa, size_t size, void *ctx);
    void *ctx;
};

/* A whole table with its header; `bytes` as long as the reader's pointers stay valid. */
struct acpi_table {
    const uint8_t *bytes;
    uint32_t length; /* at least that of the header, 36 */
};

struct acpi_cpus {
    uint32_t count;                  /* CPUs in apic_id, at least 1 */
    uint32_t left_out;               /* enabled CPUs beyond ACPI_MAX_CPUS; duplicates among them count */
    uint32_t apic_id[ACPI_MAX_CPUS]; /* in the MADT's order, each once */
    uint64_t local_apic_address;     /* physical address of the xAPIC registers */
};

enum acpi_status {
    ACPI_OK,
    ACPI_NO_RSDP,    /* none, or not one: signature or checksum */
    ACPI_UNREADABLE, /* a table lies where memory cannot be read */
    ACPI_BAD_TABLE,  /* a table's signature, length or checksum is wrong */
    ACPI_NO_TABLE,   /* neither XSDT nor RSDT names one, for acpi_find_cpus a MADT */
    ACPI_BAD_MADT,   /* an entry of the MADT runs past its end or is too short */
    ACPI_NO_CPU,     /* the MADT has no enabled CPU */
    ACPI_STATUS_COUNT,
};

/* Maps the table at `pa` if its signature (4 characters), length and checksum are right. */
enum acpi_status acpi_map_table(const struct acpi_reader *reader, uint64_t pa, const char *signature,
                                struct acpi_table *out);

/* The first table of this signature that the XSDT lists, or, where there is none that is sound, the RSDT. */
enum acpi_status acpi_find_table(const void *rsdp, size_t rsdp_size, const struct acpi_reader *reader,
                                 const char *signature, struct acpi_table *out);

/*
 * Follows the RSDP (`rsdp_size` bytes: 20 for ACPI 1.0, 36 for later) to the MADT and lists the CPUs that are enabled.
 * The XSDT is preferred; the RSDT is used when the XSDT is missing or damaged. Tables other than the MADT may be
 * damaged. On failure *out holds no CPU.
 */
enum acpi_status acpi_find_cpus(const void *rsdp, size_t rsdp_size, const struct acpi_reader *reader,
                                struct acpi_cpus *out);

/* A sentence for the console. Never NULL, also for numbers that are no status. */
const char *acpi_status_text(enum acpi_status status);
