/* SPDX-License-Identifier: MIT */
/* The fixed parts of ACPI tables as they stand in memory (ACPI 6.3 chapter 5.2). */
#pragma once

#include <stdint.h>

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum; /* of the first 20 bytes */
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum; /* of all */
    uint8_t reserved[3];
} __attribute__((packed));

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision;
    char creator[4];
    uint32_t creator_revision;
} __attribute__((packed));

struct acpi_facs {
    char signature[4];
    uint32_t length, hardware_signature, waking_vector, global_lock, flags;
    uint64_t x_waking_vector;
    uint8_t version, reserved[31];
} __attribute__((packed));

/* A register's place: space 1 is I/O ports. */
struct acpi_address {
    uint8_t space, bits, shift, access;
    uint64_t address;
} __attribute__((packed));

struct acpi_fadt {
    struct acpi_header header;
    uint32_t facs, dsdt;
    uint8_t reserved0, profile;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4bios, pstate;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
    uint8_t pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length;
    uint8_t gpe0_length, gpe1_length, gpe1_base, cst_control;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_architecture;
    uint8_t reserved1;
    uint32_t flags;
    struct acpi_address reset;
    uint8_t reset_value;
    uint16_t arm_boot;
    uint8_t minor;
    uint64_t x_facs, x_dsdt;
    struct acpi_address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control, x_pm_timer;
    struct acpi_address x_gpe0, x_gpe1, sleep_control, sleep_status;
    uint64_t hypervisor;
} __attribute__((packed));

struct acpi_madt {
    struct acpi_header header;
    uint32_t local_apic, flags;
} __attribute__((packed));

/* What follows in the MADT. */
struct acpi_madt_cpu {
    uint8_t type, length, uid, apic_id;
    uint32_t flags;
} __attribute__((packed));

struct acpi_madt_ioapic {
    uint8_t type, length, id, reserved;
    uint32_t address, gsi;
} __attribute__((packed));

struct acpi_madt_override {
    uint8_t type, length, bus, source;
    uint32_t gsi;
    uint16_t flags;
} __attribute__((packed));

struct acpi_madt_nmi {
    uint8_t type, length, uid;
    uint16_t flags;
    uint8_t input;
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 6.3 table 5-27");
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.3 table 5-28");
_Static_assert(sizeof(struct acpi_facs) == 64, "ACPI 6.3 table 5-37");
_Static_assert(sizeof(struct acpi_fadt) == 276, "ACPI 6.3 table 5-33");
_Static_assert(sizeof(struct acpi_madt) == 44, "ACPI 6.3 table 5-43");
